// SPDX-License-Identifier: GPL-2.0
#include "words.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace frontend {

void wrong(const std::string& what) { throw Wrong{what}; }

bool is_name(const std::string& text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos &&
         (text[0] < '0' || text[0] > '9');
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string replaced(const std::string& line, const std::map<std::string, std::string>& variables) {
  std::string text;
  for (size_t i = 0; i < line.size();) {
    if (line[i] != '$') {
      text += line[i++];
      continue;
    }
    size_t end = i + 1;
    while (end < line.size() && is_name("a" + std::string(1, line[end]))) ++end;
    const std::string name = line.substr(i + 1, end - i - 1);
    const auto found = variables.find(name);
    if (found == variables.end()) wrong("there is no variable $" + name);
    text += found->second;
    i = end;
  }
  return text;
}

namespace {

// Reads up to the closing quote, and "*TIMES" behind it.  Returns the place behind.
size_t quoted(const std::string& line, size_t i, std::string& text) {
  std::string inner;
  for (;; ++i) {
    if (i >= line.size()) wrong("expected a closing \"");
    if (line[i] == '"') break;
    if (line[i] != '\\') {
      inner += line[i];
      continue;
    }
    const char escape = ++i < line.size() ? line[i] : 0;
    switch (escape) {
      case 'n':
        inner += '\n';
        break;
      case 't':
        inner += '\t';
        break;
      case '0':
        inner += '\0';
        break;
      case '"':
      case '\\':
        inner += escape;
        break;
      case 'x': {
        const std::string hex = line.substr(std::min(i + 1, line.size()), 2);
        if (hex.size() != 2 ||
            hex.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
          wrong("expected two hexadecimal digits behind \\x");
        }
        inner += static_cast<char>(std::strtoul(hex.c_str(), nullptr, 16));
        i += 2;
        break;
      }
      default:
        wrong("expected \\n, \\t, \\0, \\\", \\\\ or \\xNN");
    }
  }
  ++i;
  uint64_t times = 1;
  if (i < line.size() && line[i] == '*') {
    char* end;
    times = std::strtoull(line.c_str() + i + 1, &end, 10);
    i = static_cast<size_t>(end - line.c_str());
    if (times == 0 || times > 65536) wrong("expected a number from 1 to 65536 behind \"*\"");
  }
  while (times-- != 0) text += inner;
  return i;
}

}  // namespace

std::vector<Word> words_of(const std::string& line) {
  std::vector<Word> words;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == ' ' || line[i] == '\t') {
      ++i;
      continue;
    }
    if (line[i] == '#') break;
    Word word;
    while (i < line.size() && line[i] != ' ' && line[i] != '\t') {
      if (line[i] == '"') {
        word.quoted = true;
        i = quoted(line, i + 1, word.text);
      } else {
        word.text += line[i++];
      }
    }
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace frontend
