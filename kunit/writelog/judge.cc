// SPDX-License-Identifier: GPL-2.0
#include "judge.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

#include "page.h"

namespace writelog {

namespace {

constexpr int kShown = 8;  // losses that are printed

std::optional<PageOfWrite> page_at(std::span<const uint8_t> bytes) {
  uint64_t words[kPageWords];
  std::memcpy(words, bytes.data(), sizeof(words));
  if (words[0] != kPageMagic) return std::nullopt;
  const PageOfWrite page{words[1], words[2], static_cast<uint32_t>(words[3] >> 32),
                         static_cast<uint32_t>(words[3])};
  for (uint32_t i = 0; i < kPageWords; ++i) {
    if (words[i] != page_word(page, i))
      die("write %zu: its page is mixed with another", page.number);
  }
  return page;
}

// Calls use(PAGE) for each page of the case that the entry writes.
template <typename Use>
void for_each_page(const Entry& entry, Use use) {
  for (uint64_t at = 0; at + kPageSize <= entry.data.size(); at += kPageSize) {
    const std::optional<PageOfWrite> page = page_at(entry.data.subspan(at, kPageSize));
    if (!page) continue;
    if (page->sector != entry.sector + at / 512) {
      die("write %zu: its page for sector %zu was written to sector %zu", page->number,
          page->sector, entry.sector + at / 512);
    }
    use(*page);
  }
}

struct Cell {
  unsigned points = 0;
  unsigned lost_earlier = 0;  // points at which an earlier write was not there
  unsigned lost_own = 0;      // points at which the data of the request was not there
};

class Judge {
 public:
  explicit Judge(const Log& log) : log_(log) {
    for (const Entry& entry : log.entries()) {
      for_each_page(entry, [&](const PageOfWrite& page) {
        if ((page.number & kLoose) == 0) written_[page.number][page.index] = page;
      });
    }
  }

  bool run() {
    for (const Entry& entry : log_.entries()) {
      for_each_page(entry, [&](const PageOfWrite& page) { disk_[page.sector] = page.number; });
      if (!entry.mark.empty()) point(entry.mark);
    }
    bool all = !cells_.empty();
    for (const auto& [name, cell] : cells_) {
      std::printf("cell %s: %u points, earlier writes lost at %u, own data lost at %u\n",
                  name.c_str(), cell.points, cell.lost_earlier, cell.lost_own);
      all = all && cell.lost_earlier == 0 && cell.lost_own == 0;
    }
    return all;
  }

 private:
  void point(const std::string& mark) {
    char name[100];
    uint64_t upto, own;
    if (std::sscanf(mark.c_str(), "point %99s %lu %lu", name, &upto, &own) != 3) {
      die("the mark '%s' is not one of ours", mark.c_str());
    }
    Cell& cell = cells_[name];
    ++cell.points;
    bool lost = false;
    while (required_ < upto) lost = !require(++required_) || lost;
    for (const auto& [sector, number] : needed_) lost = !has(name, sector, number) || lost;
    if (lost) ++cell.lost_earlier;
    if (own != 0 && !has_write(name, own)) ++cell.lost_own;
  }

  // From now on this write must be there, or a later one in its place.
  bool require(uint64_t number) {
    const auto found = written_.find(number);
    if (found == written_.end() || !complete(found->second)) {
      std::printf("write %lu never came to the disk\n", number);
      return false;
    }
    for (const auto& [index, page] : found->second) needed_[page.sector] = number;
    return true;
  }

  bool has_write(const char* name, uint64_t number) {
    const auto found = written_.find(number);
    if (found == written_.end() || !complete(found->second)) return false;
    return std::all_of(found->second.begin(), found->second.end(),
                       [&](const auto& page) { return has(name, page.second.sector, number); });
  }

  bool has(const char* name, uint64_t sector, uint64_t number) {
    const auto found = disk_.find(sector);
    const uint64_t there = found != disk_.end() ? found->second & ~kLoose : 0;
    if (there >= number) return true;
    if (shown_++ < kShown) {
      std::printf("%s: sector %lu has write %lu, and %lu was promised\n", name, sector, there,
                  number);
    }
    return false;
  }

  static bool complete(const std::map<uint32_t, PageOfWrite>& pages) {
    return pages.size() == pages.begin()->second.pages;
  }

  const Log& log_;
  std::map<uint64_t, std::map<uint32_t, PageOfWrite>> written_;  // by number and index: ever
  std::map<uint64_t, uint64_t> disk_;                            // sector -> number, at this point
  std::map<uint64_t, uint64_t> needed_;                          // sector -> number
  uint64_t required_ = 0;
  std::map<std::string, Cell> cells_;
  int shown_ = 0;
};

}  // namespace

bool judge(const Log& log) { return Judge(log).run(); }

}  // namespace writelog
