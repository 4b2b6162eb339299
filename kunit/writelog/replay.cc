// SPDX-License-Identifier: GPL-2.0
#include "replay.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace writelog {

void print_points(const Log& log) {
  uint64_t acknowledged = 0, index = 0;
  for (const Entry& entry : log.entries()) {
    ++index;
    const char* kind = nullptr;
    if (!entry.mark.empty()) {
      if (std::sscanf(entry.mark.c_str(), "acknowledged %lu", &acknowledged) != 1) {
        die("the mark '%s' is not one of ours", entry.mark.c_str());
      }
      kind = "mark";
    } else if ((entry.flags & Entry::kFlush) != 0) {
      kind = "flush";
    } else if ((entry.flags & Entry::kFua) != 0) {
      kind = "fua";
    }
    if (kind != nullptr) std::printf("%lu %s %lu\n", index, kind, acknowledged);
  }
}

void replay(const Log& log, const char* image, uint64_t from, uint64_t to) {
  if (from > to || to > log.entries().size()) die("there are no entries %lu to %lu", from, to);
  const int file = open(image, O_WRONLY | O_CLOEXEC);
  if (file < 0) die("%s: %s", image, std::strerror(errno));
  for (uint64_t i = from; i < to; ++i) {
    const Entry& entry = log.entries()[i];
    if (entry.data.empty()) continue;
    const ssize_t done =
        pwrite(file, entry.data.data(), entry.data.size(), static_cast<off_t>(entry.sector * 512));
    if (done != static_cast<ssize_t>(entry.data.size())) die("%s: %s", image, std::strerror(errno));
  }
  if (close(file) != 0) die("%s: %s", image, std::strerror(errno));
}

}  // namespace writelog
