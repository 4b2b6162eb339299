// SPDX-License-Identifier: GPL-2.0
// Granted pages with recognisable data, and requests over them.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "frontend.h"

namespace frontend {

// Every 8 bytes hold a mark, which names the data, and their own place.
class Data {
 public:
  Data(const Frontend& frontend, uint32_t pages) : pages_(frontend.domain(), pages) {}

  void fill(uint64_t mark) {
    for (uint32_t page = 0; page < pages_.count(); ++page) {
      for (uint32_t i = 0; i < kPageBytes / 8; ++i) word(page, i) = expected(mark, page, i);
    }
  }

  void clear() {
    for (uint32_t page = 0; page < pages_.count(); ++page) {
      std::memset(pages_.page(page), 0, kPageBytes);
    }
  }

  // Do the first `pages` pages (0: all) have the data of fill(mark)?
  bool holds(uint64_t mark, uint32_t pages = 0) {
    for (uint32_t page = 0; page < (pages != 0 ? pages : pages_.count()); ++page) {
      for (uint32_t i = 0; i < kPageBytes / 8; ++i) {
        if (word(page, i) != expected(mark, page, i)) return false;
      }
    }
    return true;
  }

  // Do the `bytes` bytes from `from` on have the data of fill(mark), and are all others
  // zero?
  bool holds_between(uint64_t mark, uint32_t from, uint32_t bytes) {
    for (uint32_t page = 0; page < pages_.count(); ++page) {
      for (uint32_t i = 0; i < kPageBytes / 8; ++i) {
        const uint32_t at = page * kPageBytes + i * 8;
        const bool within = at >= from && at < from + bytes;
        if (word(page, i) != (within ? expected(mark, page, i) : 0)) return false;
      }
    }
    return true;
  }

  // A request over the first `pages` pages (0: all).
  Request request(Operation operation, uint64_t sector, uint32_t pages = 0) const {
    Request request;
    request.operation = operation;
    request.sector = sector;
    request.segments = segments(pages);
    return request;
  }

  std::vector<Segment> segments(uint32_t pages = 0) const {
    std::vector<Segment> segments(pages != 0 ? pages : pages_.count());
    for (uint32_t i = 0; i < segments.size(); ++i) segments[i].gref = pages_.gref(i);
    return segments;
  }

  Pages& pages() { return pages_; }

 private:
  volatile uint64_t& word(uint32_t page, uint32_t index) {
    return reinterpret_cast<volatile uint64_t*>(pages_.page(page))[index];
  }
  static uint64_t expected(uint64_t mark, uint32_t page, uint32_t index) {
    return mark << 32 | page << 16 | index;
  }

  Pages pages_;
};

}  // namespace frontend
