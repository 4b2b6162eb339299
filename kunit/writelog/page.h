// SPDX-License-Identifier: GPL-2.0
// The pages that the frontend's case "durable" writes.  Each page tells which write it
// belongs to and where on the disk it belongs, so that a log of the disk's writes shows what
// became durable when.
#pragma once

#include <cstdint>

namespace writelog {

inline constexpr uint32_t kPageSize = 4096;
inline constexpr uint32_t kPageWords = kPageSize / 8;
inline constexpr uint32_t kSectorsOfPage = kPageSize / 512;

inline constexpr uint64_t kPageMagic = 0x21656c6261727564;

// A write has a number; later writes have larger ones.  Nothing is promised of a loose write:
// it was on its way beside the request that made others durable.
inline constexpr uint64_t kLoose = uint64_t{1} << 63;

struct PageOfWrite {
  uint64_t number = 0;
  uint64_t sector = 0;  // of this page
  uint32_t index = 0;   // of this page in its write
  uint32_t pages = 0;   // of the write
};

// The words of the page.
inline uint64_t page_word(const PageOfWrite& page, uint32_t word) {
  switch (word) {
    case 0:
      return kPageMagic;
    case 1:
      return page.number;
    case 2:
      return page.sector;
    case 3:
      return uint64_t{page.index} << 32 | page.pages;
    default:
      return (page.number * 0x9e3779b97f4a7c15 + page.sector) * 0xff51afd7ed558ccd + word;
  }
}

}  // namespace writelog
