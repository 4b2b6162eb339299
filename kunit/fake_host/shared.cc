// SPDX-License-Identifier: GPL-2.0
// The memory that the fake host shares with guests.
#include "host/shared.h"

#include <algorithm>
#include <cstring>

#include "fake_host/fake_host.h"
#include "support/wire.h"

using fake::Host;
using fake::host;
namespace wire = kunit::wire;

fake::FlatMap<void*, Host::MappedRing>::const_iterator Host::ring_at(const void* byte) const {
  const auto* at = static_cast<const uint8_t*>(byte);
  return std::find_if(rings.begin(), rings.end(), [at](const auto& entry) {
    const auto* first = static_cast<const uint8_t*>(entry.first);
    return at >= first && at < first + entry.second.grefs.size() * HOST_PAGE_BYTES;
  });
}

namespace {

// Tells the flush oracle if the copy was a slot of a ring or descriptors of an indirect request.
void note_copy(const void* from, const void* copy, size_t bytes) {
  host().flush_oracle.described(from, static_cast<const uint8_t*>(copy), bytes);
  if (bytes != wire::kPacked.slot_bytes && bytes != wire::kPadded.slot_bytes) return;
  const auto ring = host().ring_at(from);
  if (ring == host().rings.end()) return;
  const auto at = static_cast<size_t>(static_cast<const uint8_t*>(from) -
                                      static_cast<const uint8_t*>(ring->first));
  // Not a slot: the guest may also name the ring's page as a page of descriptors.
  if (at < wire::kHeaderBytes || (at - wire::kHeaderBytes) % bytes != 0) return;
  host().flush_oracle.taken(ring->first, ring->second.device->key,
                            static_cast<const uint8_t*>(copy), bytes);
}

}  // namespace

extern "C" {

void host_shared_copy(void* to, const void* from, size_t bytes) {
  if (bytes % 4 != 0) Host::broken("host_shared_copy of odd length");
  host().cross();
  host().copies.push_back({from, bytes});
  if (host().at_copy) host().at_copy(from, bytes);
  std::memcpy(to, from, bytes);
  note_copy(from, to, bytes);
  if (!host().change_after_read) return;
  // A hostile frontend on another CPU writes now: a second read finds other bytes.
  auto* shared = static_cast<uint8_t*>(const_cast<void*>(from));
  for (size_t i = 0; i < bytes; ++i) shared[i] = static_cast<uint8_t>(shared[i] ^ 0xa5);
}

uint32_t host_shared_load_acquire(const uint32_t* from) {
  host().cross();
  return *from;
}

void host_shared_store_release(uint32_t* to, uint32_t value) {
  host().cross();
  *to = value;
  // The indices are at the start of the ring's first page.
  const bool ask =
      reinterpret_cast<uintptr_t>(to) % HOST_PAGE_BYTES == wire::kReqEvent * sizeof(uint32_t);
  host().visible.push_back(ask ? fake::Visible::kAsk : fake::Visible::kIndex);
}

void host_shared_respond(void* response, uint64_t id, uint8_t operation, int16_t status) {
  wire::store_response(static_cast<uint8_t*>(response), {id, operation, status});
  host().visible.push_back(fake::Visible::kResponse);
  const auto ring = host().ring_at(response);
  if (ring != host().rings.end()) {
    host().flush_oracle.answered(ring->first, id, operation, status);
  }
  if (host().at_respond) host().at_respond(response, id, operation, status);
}

void host_shared_fence(void) {
  host().cross();
  if (!host().at_fence) return;
  const fake::Elsewhere other_cpu;
  host().at_fence();
}

}  // extern "C"
