// SPDX-License-Identifier: GPL-2.0
// The three layouts of a blkif request slot, on top of Xen's public headers.
//
// blkif.h of Xen: "sizes and offsets differ between 32- and 64-bit frontends";
// the frontend names its layout in its xenstore node "protocol".
#pragma once

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#include <cstddef>
#include <cstdint>

namespace blkback::wire {

inline constexpr uint32_t kSectorBytes = 512;
inline constexpr uint32_t kPageBytes = 4096;
inline constexpr uint32_t kSectorsPerPage = kPageBytes / kSectorBytes;
inline constexpr uint32_t kMaxDirectSegments = BLKIF_MAX_SEGMENTS_PER_REQUEST;

// The start of a shared ring: the indices, before the first slot.
struct RingHeader {
  uint32_t req_prod;
  uint32_t req_event;
  uint32_t rsp_prod;
  uint32_t rsp_event;
  uint8_t padding[48];
};
static_assert(sizeof(RingHeader) == offsetof(blkif_sring, ring));
static_assert(offsetof(RingHeader, req_prod) == offsetof(blkif_sring, req_prod));
static_assert(offsetof(RingHeader, req_event) == offsetof(blkif_sring, req_event));
static_assert(offsetof(RingHeader, rsp_prod) == offsetof(blkif_sring, rsp_prod));
static_assert(offsetof(RingHeader, rsp_event) == offsetof(blkif_sring, rsp_event));

// The segments of a BLKIF_OP_INDIRECT request are not in its slot.  They are in pages
// that the frontend grants and the request names.
inline constexpr uint32_t kMaxIndirectSegments = 256;
inline constexpr uint32_t kSegmentsPerIndirectPage = kPageBytes / sizeof(blkif_request_segment);
static_assert(kMaxIndirectSegments <= kSegmentsPerIndirectPage, "one page holds them all");

static_assert(sizeof(blkif_request_segment) == 8);
static_assert(offsetof(blkif_request_segment, gref) == 0);
static_assert(offsetof(blkif_request_segment, first_sect) == 4);
static_assert(offsetof(blkif_request_segment, last_sect) == 5);

// A frontend whose uint64_t is aligned to 8 bytes.
struct RequestX86_64 {
  uint8_t operation;
  uint8_t nr_segments;
  blkif_vdev_t handle;
  uint32_t padding;
  uint64_t id;
  blkif_sector_t sector_number;
  blkif_request_segment seg[kMaxDirectSegments];
};
static_assert(sizeof(RequestX86_64) == 112);
static_assert(offsetof(RequestX86_64, id) == 8);
static_assert(offsetof(RequestX86_64, sector_number) == 16);
static_assert(offsetof(RequestX86_64, seg) == 24);

struct IndirectX86_64 {
  uint8_t operation;
  uint8_t indirect_op;
  uint16_t nr_segments;
  uint32_t padding;
  uint64_t id;
  blkif_sector_t sector_number;
  blkif_vdev_t handle;
  uint16_t padding2;
  grant_ref_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};
static_assert(sizeof(IndirectX86_64) <= sizeof(RequestX86_64));
static_assert(offsetof(IndirectX86_64, nr_segments) == 2);
static_assert(offsetof(IndirectX86_64, id) == 8);
static_assert(offsetof(IndirectX86_64, sector_number) == 16);
static_assert(offsetof(IndirectX86_64, handle) == 24);
static_assert(offsetof(IndirectX86_64, indirect_grefs) == 28);

struct DiscardX86_64 {
  uint8_t operation;
  uint8_t flag;
  blkif_vdev_t handle;
  uint32_t padding;
  uint64_t id;
  blkif_sector_t sector_number;
  uint64_t nr_sectors;
};
static_assert(offsetof(DiscardX86_64, id) == 8);
static_assert(offsetof(DiscardX86_64, sector_number) == 16);
static_assert(offsetof(DiscardX86_64, nr_sectors) == 24);

// A frontend whose uint64_t is aligned to 4 bytes.
struct [[gnu::packed]] RequestX86_32 {
  uint8_t operation;
  uint8_t nr_segments;
  blkif_vdev_t handle;
  uint64_t id;
  blkif_sector_t sector_number;
  blkif_request_segment seg[kMaxDirectSegments];
};
static_assert(sizeof(RequestX86_32) == 108);
static_assert(offsetof(RequestX86_32, id) == 4);
static_assert(offsetof(RequestX86_32, sector_number) == 12);
static_assert(offsetof(RequestX86_32, seg) == 20);

struct [[gnu::packed]] IndirectX86_32 {
  uint8_t operation;
  uint8_t indirect_op;
  uint16_t nr_segments;
  uint64_t id;
  blkif_sector_t sector_number;
  blkif_vdev_t handle;
  uint16_t padding;
  grant_ref_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};
static_assert(sizeof(IndirectX86_32) <= sizeof(RequestX86_32));
static_assert(offsetof(IndirectX86_32, id) == 4);
static_assert(offsetof(IndirectX86_32, sector_number) == 12);
static_assert(offsetof(IndirectX86_32, handle) == 20);
static_assert(offsetof(IndirectX86_32, indirect_grefs) == 24);

struct [[gnu::packed]] DiscardX86_32 {
  uint8_t operation;
  uint8_t flag;
  blkif_vdev_t handle;
  uint64_t id;
  blkif_sector_t sector_number;
  uint64_t nr_sectors;
};
static_assert(offsetof(DiscardX86_32, id) == 4);
static_assert(offsetof(DiscardX86_32, sector_number) == 12);
static_assert(offsetof(DiscardX86_32, nr_sectors) == 20);

// A frontend with the same layout as the backend.
using RequestNative = blkif_request;
using IndirectNative = blkif_request_indirect;
using DiscardNative = blkif_request_discard;
// Where 64-bit integers are aligned as on x86_64, the native layout is that of x86_64.
constexpr bool kNativeIsSixtyFour = alignof(DiscardNative) == alignof(DiscardX86_64);
static_assert(!kNativeIsSixtyFour || sizeof(RequestNative) == sizeof(RequestX86_64));
static_assert(!kNativeIsSixtyFour || offsetof(RequestNative, id) == offsetof(RequestX86_64, id));
static_assert(!kNativeIsSixtyFour ||
              offsetof(RequestNative, sector_number) == offsetof(RequestX86_64, sector_number));
static_assert(!kNativeIsSixtyFour || offsetof(RequestNative, seg) == offsetof(RequestX86_64, seg));
static_assert(!kNativeIsSixtyFour ||
              offsetof(IndirectNative, indirect_grefs) == offsetof(IndirectX86_64, indirect_grefs));
static_assert(!kNativeIsSixtyFour ||
              offsetof(DiscardNative, nr_sectors) == offsetof(DiscardX86_64, nr_sectors));

static_assert(offsetof(blkif_response, id) == 0);
static_assert(offsetof(blkif_response, operation) == 8);
static_assert(offsetof(blkif_response, status) == 10);

enum class Layout : uint8_t { kNative = 1, kX86_32 = 2, kX86_64 = 3 };

[[nodiscard]] constexpr uint32_t slot_bytes(Layout layout) {
  switch (layout) {
    case Layout::kX86_32:
      return sizeof(RequestX86_32);
    case Layout::kX86_64:
      return sizeof(RequestX86_64);
    case Layout::kNative:
      break;
  }
  return sizeof(blkif_sring_entry);
}

// The structures of one layout.
struct NativeWire {
  using Request = RequestNative;
  using Indirect = IndirectNative;
  using Discard = DiscardNative;
};
struct X86_64Wire {
  using Request = RequestX86_64;
  using Indirect = IndirectX86_64;
  using Discard = DiscardX86_64;
};
struct X86_32Wire {
  using Request = RequestX86_32;
  using Indirect = IndirectX86_32;
  using Discard = DiscardX86_32;
};

inline constexpr uint32_t kMaxSlotBytes = 112;
static_assert(sizeof(blkif_sring_entry) <= kMaxSlotBytes);

// A private copy of one slot, in the frontend's layout.
struct alignas(8) RawSlot {
  uint8_t bytes[kMaxSlotBytes];
};

// A private copy of the descriptors of one indirect request.
using RawDescriptors = blkif_request_segment[kMaxIndirectSegments];

}  // namespace blkback::wire
