// SPDX-License-Identifier: GPL-2.0
// The words and options of a statement, each of its kind.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "grammar.h"
#include "language.h"
#include "words.h"

namespace frontend {

void one_of(const std::string& text, const std::vector<std::string>& words);

class Arguments {
 public:
  Argument argument(Kind kind, const Word& word);
  // Pages of that name may be used from now on.
  void declare(const std::string& pages, uint32_t count) { pages_[pages] = count; }

 private:
  double seconds(const std::string& text) const;
  uint64_t number(const std::string& text) const;
  Expression expression(const std::string& text) const;
  Expression operation(const std::string& text) const;
  Grefs grefs(const std::string& text) const;
  Segments segments(const std::string& text) const;
  Value value(const Word& word) const;

  std::map<std::string, uint32_t> pages_;
  std::set<std::string> ports_;
};

}  // namespace frontend
