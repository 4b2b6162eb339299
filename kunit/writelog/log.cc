// SPDX-License-Identifier: GPL-2.0
#include "log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace writelog {

namespace {

constexpr uint64_t kMagic = 0x6a736677736872;
constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kEntryBytes = 32;

uint64_t number_at(std::span<const uint8_t> bytes, size_t index) {
  uint64_t number;
  std::memcpy(&number, bytes.data() + index * 8, 8);
  return number;
}

std::span<const uint8_t> map(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) die("%s: %s", path, std::strerror(errno));
  const auto size = static_cast<size_t>(status.st_size);
  void* bytes = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  if (bytes == MAP_FAILED) die("%s: %s", path, std::strerror(errno));
  close(file);
  return {static_cast<const uint8_t*>(bytes), size};
}

}  // namespace

void die(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fputs("FAILED: ", stdout);
  std::vprintf(format, arguments);
  std::fputs("\n", stdout);
  va_end(arguments);
  std::exit(2);
}

Log::Log(const char* path) : file_(map(path)) {
  if (file_.size() < kSectorBytes || number_at(file_, 0) != kMagic || number_at(file_, 1) != 1) {
    die("%s is no log of dm-log-writes", path);
  }
  const uint64_t count = number_at(file_, 2);
  const uint64_t unit = number_at(file_, 3) & 0xffffffff;
  if (unit < kSectorBytes || unit % kSectorBytes != 0) die("%s: sectors of %zu", path, unit);
  uint64_t at = unit;
  while (entries_.size() < count) {
    if (at + unit > file_.size()) die("%s: entry %zu is beyond its end", path, entries_.size());
    const std::span<const uint8_t> head = file_.subspan(at, unit);
    at += unit;
    Entry entry;
    entry.sector = number_at(head, 0) * (unit / kSectorBytes);
    entry.sectors = number_at(head, 1) * (unit / kSectorBytes);
    entry.flags = number_at(head, 2);
    const uint64_t inline_bytes = number_at(head, 3);
    if ((entry.flags & Entry::kMark) != 0) {
      if (inline_bytes > unit - kEntryBytes) die("%s: a mark of %zu bytes", path, inline_bytes);
      entry.mark.assign(reinterpret_cast<const char*>(head.data()) + kEntryBytes, inline_bytes);
    } else if ((entry.flags & Entry::kDiscard) == 0) {
      const uint64_t bytes = entry.sectors * kSectorBytes;
      if (bytes > file_.size() - at) die("%s: entry %zu has no end", path, entries_.size());
      entry.data = file_.subspan(at, bytes);
      at += bytes;
    }
    entries_.push_back(entry);
  }
  if (entries_.empty() || entries_.back().mark != "dm-log-writes-end") die("%s has no end", path);
  entries_.pop_back();
}

Log::~Log() { munmap(const_cast<uint8_t*>(file_.data()), file_.size()); }

}  // namespace writelog
