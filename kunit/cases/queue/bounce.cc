// SPDX-License-Identifier: GPL-2.0
#include "queue/bounce.h"

#include <cstring>
#include <vector>

#include "fake_host/fake_host.h"
#include "support/expectations.h"

namespace {

using blkback::Account;
using blkback::Bounce;
using blkback::BounceBuffer;
using fake::host;

// Segments of a guest, filled with bytes that count up from 1.  Buffers serve as the guest's pages.
class GuestData {
 public:
  explicit GuestData(std::initializer_list<host_io_segment> segments) : segments_(segments) {
    uint8_t next = 1;
    for (host_io_segment& segment : segments_) {
      segment.page = host_buffer_alloc();
      for (uint32_t i = 0; i < segment.bytes; ++i) at(segment, i) = next++;
    }
  }
  ~GuestData() {
    for (const host_io_segment& segment : segments_) host_buffer_free(segment.page);
  }
  GuestData(const GuestData&) = delete;
  GuestData& operator=(const GuestData&) = delete;

  std::span<const host_io_segment> all() const { return segments_; }
  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> bytes;
    for (const host_io_segment& segment : segments_) {
      for (uint32_t i = 0; i < segment.bytes; ++i) bytes.push_back(at(segment, i));
    }
    return bytes;
  }
  void clear() {
    for (const host_io_segment& segment : segments_) std::memset(segment.page->bytes(), 0, 4096);
  }
  // Are the bytes of the pages that no segment covers zero?
  bool rest_is_zero() const {
    for (const host_io_segment& segment : segments_) {
      for (uint32_t i = 0; i < 4096; ++i) {
        if (i >= segment.offset && i < segment.offset + segment.bytes) continue;
        if (segment.page->bytes()[i] != 0) return false;
      }
    }
    return true;
  }

 private:
  static uint8_t& at(const host_io_segment& segment, uint32_t i) {
    return segment.page->bytes()[segment.offset + i];
  }
  std::vector<host_io_segment> segments_;
};

host_io_segment piece(uint32_t first, uint32_t sectors) {
  return {.page = nullptr, .bytes = sectors * 512, .offset = first * 512};
}

TEST(Bounce, ThereIsNoReserveWithoutMemory) {
  for (const char* function : {"host_alloc", "host_buffer_alloc"}) {
    Account account;
    Bounce bounce(account);
    host().failing = {function};
    const auto created = bounce.create();
    ASSERT_FALSE(created.has_value());
    EXPECT_EQ(created.error().number, -12);
  }
  host().failing.clear();
}

TEST(Bounce, ABufferIsAsLargeAsTheRequest) {
  Account account;
  Bounce bounce(account);
  ASSERT_TRUE(bounce.create().has_value());
  EXPECT_EQ(host().buffers_out, Bounce::kReservePages);
  for (const uint32_t bytes : {512u, 4096u, 4608u, 45056u, 1048576u}) {
    BounceBuffer* buffer = bounce.take(bytes);
    ASSERT_TRUE(buffer != nullptr);
    EXPECT_EQ(buffer->capacity, (bytes + 4095) / 4096);
    EXPECT_EQ(host().buffers_out, Bounce::kReservePages + buffer->capacity);
    bounce.put(*buffer);
  }
  EXPECT_EQ(host().buffers_out, Bounce::kReservePages);
}

TEST(Bounce, TheReserveServesWithoutMemoryOneAfterTheOther) {
  Account account;
  Bounce bounce(account);
  ASSERT_TRUE(bounce.create().has_value());
  // Five pages are left, and six are needed.
  host().buffers_left = 5;
  BounceBuffer* buffer = bounce.take(6 * 4096);
  ASSERT_TRUE(buffer != nullptr);
  EXPECT_EQ(buffer->capacity, Bounce::kReservePages);
  EXPECT_EQ(host().buffers_left, 5u);
  EXPECT_TRUE(bounce.take(6 * 4096) == nullptr);
  BounceBuffer* small = bounce.take(5 * 4096);
  ASSERT_TRUE(small != nullptr);
  bounce.put(*small);
  buffer->moved = 16384;
  bounce.put(*buffer);
  EXPECT_TRUE(bounce.take(6 * 4096) == buffer);
  EXPECT_EQ(buffer->moved, 0u);
  bounce.put(*buffer);
}

TEST(Bounce, ThereAreSoManyPagesAndNotOneMore) {
  Account account;
  Bounce bounce(account);
  ASSERT_TRUE(bounce.create().has_value());
  std::vector<BounceBuffer*> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(bounce.take(1048576));
  // There is no lack of memory, so the reserve is not used.
  EXPECT_TRUE(bounce.take(512) == nullptr);
  EXPECT_EQ(host().buffers_most, Bounce::kReservePages + Bounce::kMaxPages);
  for (BounceBuffer* buffer : taken) {
    ASSERT_TRUE(buffer != nullptr);
    bounce.put(*buffer);
  }
  BounceBuffer* again = bounce.take(512);
  ASSERT_TRUE(again != nullptr);
  EXPECT_EQ(again->capacity, 1u);
  bounce.put(*again);
}

TEST(Bounce, OnlyAHeldPageOfTheReserveIsWaitedFor) {
  Account account;
  Bounce bounce(account);
  ASSERT_TRUE(bounce.create().has_value());
  BounceBuffer* buffer = bounce.take(8192);
  host().failing.insert("host_alloc");
  BounceBuffer* reserve = bounce.take(8192);
  ASSERT_TRUE(buffer != nullptr && reserve != nullptr);
  buffer->segments()[1].page->busy = true;
  EXPECT_FALSE(bounce.busy(buffer));
  EXPECT_FALSE(bounce.busy(reserve));
  reserve->segments()[3].page->busy = true;
  EXPECT_TRUE(bounce.busy(reserve));
  EXPECT_FALSE(bounce.busy(nullptr));
  bounce.put(*buffer);
  bounce.put(*reserve);
}

TEST(Bounce, DataIsWithoutGapsInTheBufferAndBackWhereItWas) {
  Account account;
  Bounce bounce(account);
  ASSERT_TRUE(bounce.create().has_value());
  GuestData guest({piece(3, 5), piece(0, 8), piece(7, 1), piece(1, 2)});
  const std::vector<uint8_t> wanted = guest.bytes();
  BounceBuffer* buffer = bounce.take(wanted.size());
  ASSERT_TRUE(buffer != nullptr);
  ASSERT_EQ(buffer->lay_out(wanted.size()), 2u);
  EXPECT_EQ(buffer->segments()[0].bytes, 4096u);
  EXPECT_EQ(buffer->segments()[1].bytes, 4096u);
  buffer->copy_from(guest.all(), wanted.size());
  EXPECT_EQ(std::memcmp(buffer->segments()[0].page->bytes(), wanted.data(), 4096), 0);
  EXPECT_EQ(std::memcmp(buffer->segments()[1].page->bytes(), wanted.data() + 4096, 4096), 0);
  guest.clear();
  buffer->copy_to(guest.all(), wanted.size());
  EXPECT_EQ(guest.bytes(), wanted);
  EXPECT_TRUE(guest.rest_is_zero());
  bounce.put(*buffer);
}

TEST(Bounce, PartsFollowEachOther) {
  GuestData guest({piece(3, 5), piece(0, 8), piece(7, 1), piece(0, 8), piece(0, 8), piece(1, 2),
                   piece(0, 8), piece(4, 4)});
  const std::vector<uint8_t> wanted = guest.bytes();
  ASSERT_EQ(wanted.size(), 44u * 512);
  Account account;
  Bounce bounce(account);
  ASSERT_TRUE(bounce.create().has_value());
  host().failing.insert("host_alloc");
  BounceBuffer* buffer = bounce.take(wanted.size());
  ASSERT_TRUE(buffer != nullptr);
  std::vector<uint8_t> seen;
  for (const uint32_t sectors : {32u, 12u}) {
    const uint32_t count = buffer->lay_out(uint64_t{sectors} * 512);
    EXPECT_EQ(count, (sectors + 7) / 8);
    buffer->copy_from(guest.all(), uint64_t{sectors} * 512);
    for (const host_io_segment& segment : buffer->segments().first(count)) {
      const uint8_t* bytes = segment.page->bytes();
      seen.insert(seen.end(), bytes, bytes + segment.bytes);
    }
    buffer->moved += uint64_t{sectors} * 512;
  }
  EXPECT_EQ(seen, wanted);
  // Copies the second part alone back to its place.
  guest.clear();
  buffer->moved = 32 * 512;
  buffer->copy_to(guest.all(), 12 * 512);
  const std::vector<uint8_t> back = guest.bytes();
  EXPECT_EQ(std::memcmp(back.data() + 32 * 512, wanted.data() + 32 * 512, 12 * 512), 0);
  for (uint32_t i = 0; i < 32 * 512; ++i) ASSERT_EQ(back[i], 0);
  EXPECT_TRUE(guest.rest_is_zero());
  bounce.put(*buffer);
}

}  // namespace
