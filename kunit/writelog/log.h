// SPDX-License-Identifier: GPL-2.0
// A log of dm-log-writes (drivers/md/dm-log-writes.c of Linux).
//
// The log begins with a sector that tells the number of entries.  Each entry is a sector that
// describes a write, and the data of the write.  An entry is at the place where its data had
// become durable: a write behind the end of a flush that was sent after the write ended; a
// write with FUA where it ended.  Marks are where they were made.  When the target is
// removed, it appends what no flush has covered, and the mark "dm-log-writes-end".
//
// The disk after a loss of its cache at a mark is therefore: all data of the entries before
// the mark, in their order, and nothing else.  A real disk may keep more, never less.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace writelog {

struct Entry {
  enum Flag : uint64_t { kFlush = 1, kFua = 2, kDiscard = 4, kMark = 8 };

  uint64_t sector = 0;  // in units of 512 bytes, as all sectors here
  uint64_t sectors = 0;
  uint64_t flags = 0;
  std::span<const uint8_t> data;  // empty for a discard, a mark and an empty flush
  std::string mark;
};

class Log {
 public:
  // Reads the whole log.  Ends the program when it is none, or has no end: then the target ran
  // out of space.
  explicit Log(const char* path);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Without the mark at the end.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::span<const uint8_t> file_;
  std::vector<Entry> entries_;
};

[[noreturn]] void die(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace writelog
