// SPDX-License-Identifier: GPL-2.0
// The fake host's disk complains of every I/O that host/block.h does not allow.  Each case makes
// one mistake in an I/O that is correct otherwise.
#include <algorithm>
#include <cerrno>

#include "support/complaints.h"
#include "support/disk.h"
#include "support/expectations.h"

namespace {

using fake::host;
using kunit::Complaints;

// An open disk, and an I/O of eight sectors in two segments.
class OneIo {
 public:
  explicit OneIo(uint8_t read_only = 0) {
    io.owner = this;
    host().at_io_done = [](host_io& done) {
      OneIo& one = *static_cast<Io&>(done).owner;
      ++one.ended;
      one.error = done.error;
    };
    if (host_disk_open(0xfe, 0x10, read_only, &io.disk) != 0) return;
    host_disk_geometry geometry{};
    host_disk_describe(io.disk, &geometry);
    page_ = host_buffer_alloc();
    segments[0] = {.page = page_, .bytes = 2048, .offset = 0};
    segments[1] = {.page = page_, .bytes = 2048, .offset = 2048};
    io.segments = segments;
    io.segment_count = 2;
    io.sector = 16;
    io.sectors = 8;
    io.operation = HOST_IO_WRITE;
  }
  ~OneIo() {
    host().complete_all();
    host_disk_close(io.disk);
    host_buffer_free(page_);
    host().at_io_done = nullptr;
  }
  OneIo(const OneIo&) = delete;
  OneIo& operator=(const OneIo&) = delete;

  void submit() {
    host_io* const ios[] = {&io};
    host_disk_submit(ios, 1);
  }
  void fill(uint8_t byte) { std::fill_n(page_->bytes(), HOST_PAGE_BYTES, byte); }
  void make_discard() {
    io.operation = HOST_IO_DISCARD;
    io.segment_count = 0;
  }

  struct Io : host_io {
    OneIo* owner = nullptr;
  };
  Io io{};
  host_io_segment segments[2] = {};
  uint32_t ended = 0;
  int error = 1;

 private:
  host_page* page_ = nullptr;
};

// The disk must complain of this mistake and of nothing else, and refuse the I/O.
void expect_complaint(void (*mistake)(OneIo&), const char* about, size_t times = 1) {
  OneIo one;
  mistake(one);
  const Complaints complaints;
  one.submit();
  EXPECT_TRUE(complaints.only(about, times)) << ": " << about;
  EXPECT_EQ(one.ended, 1u);
  EXPECT_LT(one.error, 0);
}

TEST(HostDisk, AComplaintTooManyIsNoticed) {
  const Complaints complaints;
  EXPECT_FALSE(complaints.only("a mistake"));
  fake::Host::broken("a mistake");
  EXPECT_TRUE(complaints.only("a mistake"));
  fake::Host::broken("a mistake");
  EXPECT_FALSE(complaints.only("a mistake"));
  EXPECT_TRUE(complaints.only("a mistake", 2));
  fake::Host::broken("another");
  EXPECT_FALSE(complaints.only("a mistake", 2));
  EXPECT_EQ(complaints.count("a mistake"), 2u);
}

TEST(HostDisk, AnIoThatIsRightIsServed) {
  for (const uint8_t operation : {HOST_IO_READ, HOST_IO_WRITE}) {
    OneIo one;
    one.io.operation = operation;
    one.submit();
    EXPECT_EQ(one.ended, 1u);
    EXPECT_EQ(one.error, 0);
  }
}

// A thread of the host submits a discard: nobody may rely on its order among other I/Os.
TEST(HostDisk, ADiscardEndsAfterItsSubmissionAndAfterLaterWrites) {
  host().geometry.max_discard_sectors = 8;
  for (const int error : {0, -5}) {
    OneIo discard;
    discard.make_discard();
    discard.submit();
    EXPECT_EQ(discard.ended, 0u);
    OneIo write;
    write.fill(0x77);
    write.submit();
    EXPECT_EQ(write.ended, 1u);
    EXPECT_TRUE(kunit::disk_holds(16, 8, 0x77));
    EXPECT_EQ(discard.ended, 0u);
    host().io_error = error;
    host().run();
    host().io_error = 0;
    EXPECT_EQ(discard.ended, 1u);
    EXPECT_EQ(discard.error, error);
    EXPECT_TRUE(kunit::disk_holds(16, 8, error == 0 ? 0 : 0x77));
  }
}

TEST(HostDisk, ADiscardThatIsHeldWaitsForItsEnd) {
  host().geometry.max_discard_sectors = 8;
  host().hold_io = true;
  OneIo one;
  one.make_discard();
  one.submit();
  host().run();
  EXPECT_EQ(one.ended, 0u);
  host().complete(0);
  EXPECT_EQ(one.ended, 1u);
}

TEST(HostDisk, ComplainsOfSegments) {
  expect_complaint(
      [](OneIo& one) {
        one.segments[1].bytes = 0;
        one.io.sectors = 4;
      },
      "an empty segment");
  expect_complaint([](OneIo& one) { one.segments[1].offset = 2560; }, "beyond a page");
  expect_complaint([](OneIo& one) { one.segments[0].offset = 256; }, "a segment that is no whole");
  expect_complaint([](OneIo& one) { one.io.disk->described.logical_block_bytes = 4096; },
                   "a segment that is no whole", 2);
}

TEST(HostDisk, ComplainsOfPlaces) {
  // The only segment is one block of 4096 bytes, so only the first sector is wrong.
  expect_complaint(
      [](OneIo& one) {
        one.io.disk->described.logical_block_bytes = 4096;
        one.segments[0].bytes = 4096;
        one.io.segment_count = 1;
        one.io.sector = 12;
      },
      "an I/O that is no whole blocks");
  expect_complaint([](OneIo& one) { one.io.sector = host().geometry.sectors - 7; },
                   "beyond the disk");
  expect_complaint([](OneIo& one) { one.io.sector = ~uint64_t{0}; }, "beyond the disk");
  expect_complaint([](OneIo& one) { one.io.sectors = 9; }, "another length than its segments");
  expect_complaint(
      [](OneIo& one) {
        one.io.segment_count = 0;
        one.io.sectors = 0;
      },
      "an I/O of nothing");
}

// The I/O was within the disk when the driver was given its size.
TEST(HostDisk, BeyondTheEndOfADiskThatHasShrunkAnIoFails) {
  host().geometry.max_discard_sectors = 8;
  for (const bool discard : {false, true}) {
    for (const bool under_way : {false, true}) {
      OneIo one;
      if (discard) one.make_discard();
      one.fill(0x99);
      kunit::fill_disk(16, 8, 0x11);
      host().hold_io = true;
      if (under_way) one.submit();
      host().geometry.sectors = 23;
      if (!under_way) one.submit();
      EXPECT_EQ(one.ended, under_way || discard ? 0u : 1u);
      host().complete_all();
      EXPECT_EQ(one.ended, 1u);
      EXPECT_EQ(one.error, -EIO);
      EXPECT_TRUE(kunit::disk_holds(16, 8, 0x11));
      host().geometry.sectors = 2048;
    }
  }
}

// An I/O may use any size of the disk that the driver was given, but no size that it was not given.
TEST(HostDisk, ComplainsOfWhatWasNeverTold) {
  expect_complaint(
      [](OneIo& one) {
        host().geometry.sectors = 4096;
        one.io.sector = 2048;
      },
      "beyond the disk");
  OneIo one;
  EXPECT_EQ(host_disk_sectors(one.io.disk), 4096u);
  host().geometry.sectors = 2048;
  EXPECT_EQ(host_disk_sectors(one.io.disk), 2048u);
  one.io.sector = 4088;
  one.submit();
  EXPECT_EQ(one.error, -EIO);
}

TEST(HostDisk, ComplainsOfOperationsAndFlags) {
  expect_complaint([](OneIo& one) { one.io.operation = 5; }, "an unknown operation");
  expect_complaint([](OneIo& one) { one.io.flags = 4; }, "unknown flags");
  for (const uint8_t flags : {HOST_IO_PREFLUSH, HOST_IO_FUA}) {
    OneIo one;
    one.io.operation = HOST_IO_READ;
    one.io.flags = flags;
    const Complaints complaints;
    one.submit();
    EXPECT_TRUE(complaints.only("flags of a write on an I/O that is none"));
  }
  expect_complaint([](OneIo& one) { one.io.operation = HOST_IO_FLUSH; }, "a flush with data");
  OneIo one(1);
  const Complaints complaints;
  one.submit();
  EXPECT_TRUE(complaints.only("write to a read-only disk"));
}

TEST(HostDisk, ComplainsOfDiscards) {
  host().geometry.max_discard_sectors = 8;
  expect_complaint(
      [](OneIo& one) {
        one.make_discard();
        one.io.sectors = 9;
      },
      "more than the disk takes");
  expect_complaint([](OneIo& one) { one.io.operation = HOST_IO_DISCARD; }, "a discard with data");
}

TEST(HostDisk, ComplainsOfAnIoThatChangesUnderWay) {
  void (*const changes[])(OneIo&) = {[](OneIo& one) { one.io.sector = 8; },
                                     [](OneIo& one) { one.io.flags = HOST_IO_FUA; },
                                     [](OneIo& one) { one.segments[1].offset = 1024; },
                                     [](OneIo& one) { one.io.segment_count = 1; }};
  for (const auto change : changes) {
    host().hold_io = true;
    OneIo one;
    one.submit();
    change(one);
    const Complaints complaints;
    host().complete(0);
    EXPECT_TRUE(complaints.only("changed while it was with the disk"));
  }
}

TEST(HostDisk, ComplainsOfAnIoThatIsSubmittedTwice) {
  host().hold_io = true;
  OneIo one;
  one.submit();
  const Complaints complaints;
  one.submit();
  EXPECT_TRUE(complaints.only("that has it already"));
  host().complete_all();
  EXPECT_EQ(one.ended, 1u);
}

TEST(HostDisk, ComplainsOfACloseWithIo) {
  host().hold_io = true;
  OneIo one;
  host_disk* other = nullptr;
  ASSERT_EQ(host_disk_open(0xfe, 0x20, 0, &other), 0);
  one.submit();
  host_disk_close(other);
  ASSERT_EQ(host_disk_open(0xfe, 0x20, 0, &other), 0);
  host_disk* const own = one.io.disk;
  Complaints complaints;
  host_disk_close(own);
  EXPECT_TRUE(complaints.only("a disk is closed that has I/O"));
  one.io.disk = other;
  host().complete_all();
  EXPECT_EQ(complaints.count("changed while it was with the disk"), 1u);
}

TEST(HostDisk, ComplainsOfAnEndThatNobodyWaitsFor) {
  OneIo one;
  host().held.push_back(&one.io);
  const Complaints complaints;
  host().complete(0);
  EXPECT_TRUE(complaints.only("an I/O ends that the disk does not have"));
  EXPECT_EQ(one.ended, 0u);
}

// host_io::storage belongs to the host: the core cannot keep anything there.
TEST(HostDisk, TheHostsPartOfAnIoIsTheHosts) {
  OneIo one;
  one.io.storage[3] = 77;
  one.submit();
  EXPECT_NE(one.io.storage[3], 77u);
}

TEST(HostDisk, WhoSubmitsToAFullQueueWaitsForRoom) {
  host().hold_io = true;
  for (const uint32_t depth : {1u, 0u}) {  // the queue has room for one I/O in any case
    host().disk_depth = depth;
    OneIo one;
    one.submit();
    EXPECT_EQ(one.ended, 0u);
    OneIo other;
    other.submit();
    EXPECT_EQ(one.ended, 1u);
    EXPECT_EQ(other.ended, 0u);
    EXPECT_EQ(host().held.size(), 1u);
  }
}

}  // namespace
