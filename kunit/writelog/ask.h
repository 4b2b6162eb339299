// SPDX-License-Identifier: GPL-2.0
// How a guest asks dom0 for a mark in the log, and the like.  The guest writes data/ask,
// "NUMBER WORDS"; dom0 ("writelog serve") does what the words say and then writes the number
// and the status to data/answered.
#pragma once

#include <string>

struct xs_handle;

namespace writelog {

class Ask {
 public:
  Ask();
  ~Ask();
  Ask(const Ask&) = delete;
  Ask& operator=(const Ask&) = delete;

  // Waits until dom0 has done it; returns the status, or -1 after a minute.
  int operator()(const std::string& words);

 private:
  std::string read(const char* node) const;

  xs_handle* store_;
  unsigned long number_ = 0;
};

}  // namespace writelog
