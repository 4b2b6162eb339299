// SPDX-License-Identifier: GPL-2.0
// A line of a case file, and its words.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace frontend {

struct Word {
  std::string text;  // escapes are resolved
  bool quoted = false;
};

// Ends the parse of a line: what was expected.
struct Wrong {
  std::string what;
};
[[noreturn]] void wrong(const std::string& what);

bool is_name(const std::string& text);
std::vector<std::string> split(const std::string& text, char at);

// The line with each "$NAME" replaced.
std::string replaced(const std::string& line, const std::map<std::string, std::string>& variables);
std::vector<Word> words_of(const std::string& line);

}  // namespace frontend
