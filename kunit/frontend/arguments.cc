// SPDX-License-Identifier: GPL-2.0
#include "arguments.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <tuple>

namespace frontend {

Argument Arguments::argument(Kind kind, const Word& word) {
  Argument argument;
  argument.text = word.text;
  switch (kind) {
    case Kind::kText:
      break;
    case Kind::kNew:
      if (!is_name(word.text) || word.text == "ring")
        wrong("\"" + word.text + "\": expected a new name");
      break;
    case Kind::kPort:
      if (!is_name(word.text)) wrong("\"" + word.text + "\": expected a new name");
      ports_.insert(word.text);
      break;
    case Kind::kNumber:
      argument.number = expression(word.text);
      break;
    case Kind::kSeconds:
      argument.seconds = seconds(word.text);
      break;
    case Kind::kPages:
      argument.grefs = {grefs(word.text)};
      if (argument.grefs[0].what != Grefs::kPages) wrong("\"" + word.text + "\": expected pages");
      break;
    case Kind::kGrefs:
      for (const std::string& part : split(word.text, ',')) argument.grefs.push_back(grefs(part));
      break;
    case Kind::kSegments:
      argument.segments = segments(word.text);
      break;
    case Kind::kValue:
      argument.value = value(word);
      break;
    case Kind::kKey:
      if (word.text.find_first_of(" \t\n") != std::string::npos || word.text.empty()) {
        wrong("expected the name of a node");
      }
      break;
    case Kind::kBytes:
      if (word.text.empty() || word.text.size() % 2 != 0 ||
          word.text.find_first_not_of("0123456789abcdef") != std::string::npos) {
        wrong("\"" + word.text + "\": expected bytes as pairs of hexadecimal digits");
      }
      break;
    case Kind::kOperation:
      argument.number = operation(word.text);
      break;
    case Kind::kDisk:
      one_of(word.text, {"rw", "ro", "4k", "plain", "nodiscard", "slow"});
      break;
    case Kind::kBeside:
      one_of(word.text, {"readers"});
      break;
    case Kind::kAccess:
      one_of(word.text, {"full", "readonly", "revoked"});
      break;
    case Kind::kDomain:
      if (word.text != "self") argument.number = expression(word.text);
      break;
  }
  return argument;
}

void one_of(const std::string& text, const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) {
    if (text == word) return;
    all += " " + word;
  }
  wrong("\"" + text + "\": expected one of" + all);
}

double Arguments::seconds(const std::string& text) const {
  char* end;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != 0 || value < 0 || value > 600) {
    wrong("\"" + text + "\": expected seconds, at most 600");
  }
  return value;
}

uint64_t Arguments::number(const std::string& text) const {
  char* end;
  if (text.empty() || text[0] < '0' || text[0] > '9') wrong("\"" + text + "\": expected a number");
  const uint64_t value = std::strtoull(text.c_str(), &end, 0);
  if (*end != 0) wrong("\"" + text + "\": expected a number");
  return value;
}

Expression Arguments::expression(const std::string& text) const {
  static const std::map<std::string, Term::What> kKnown = {{"sectors", Term::kSectors},
                                                           {"prod", Term::kProd},
                                                           {"cons", Term::kCons},
                                                           {"slots", Term::kSlots}};
  Expression sum;
  size_t at = 0;
  do {
    Term term;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) term.minus = text[at++] == '-';
    const size_t end = std::min(text.find_first_of("+-", at), text.size());
    const std::string part = text.substr(at, end - at);
    const auto known = kKnown.find(part);
    if (known != kKnown.end()) {
      term.what = known->second;
    } else {
      term.number = number(part);
    }
    sum.push_back(term);
    at = end;
  } while (at < text.size());
  return sum;
}

Expression Arguments::operation(const std::string& text) const {
  static const std::map<std::string, uint64_t> kKnown = {
      {"read", 0}, {"write", 1}, {"barrier", 2}, {"flush", 3}, {"discard", 5}, {"indirect", 6}};
  const auto known = kKnown.find(text);
  if (known == kKnown.end()) return expression(text);
  Term term;
  term.number = known->second;
  return {term};
}

// NAME, NAME[3], NAME[0..10], ring, ring[1], or a number.
Grefs Arguments::grefs(const std::string& text) const {
  Grefs result;
  std::string name = text;
  const size_t bracket = text.find('[');
  std::optional<std::pair<uint32_t, uint32_t>> range;
  if (bracket != std::string::npos) {
    if (text.back() != ']') wrong("\"" + text + "\": expected a closing ]");
    name = text.substr(0, bracket);
    const std::string inner = text.substr(bracket + 1, text.size() - bracket - 2);
    const size_t dots = inner.find("..");
    const auto first = static_cast<uint32_t>(number(inner.substr(0, dots)));
    const auto last =
        dots == std::string::npos ? first : static_cast<uint32_t>(number(inner.substr(dots + 2)));
    if (last < first) wrong("\"" + text + "\": the range is empty");
    range = {first, last};
  }
  if (name == "ring") {
    result.what = Grefs::kRing;
    if (range) std::tie(result.first, result.last) = *range;
    if (result.last > 15) wrong("\"" + text + "\": a ring has at most 16 pages");
    return result;
  }
  if (!is_name(name) || name == "sectors" || name == "slots" || name == "prod" || name == "cons") {
    result.what = Grefs::kNumber;
    result.number = expression(text);
    return result;
  }
  const auto known = pages_.find(name);
  if (known == pages_.end()) wrong("\"" + name + "\": no pages of this name were declared before");
  result.what = Grefs::kPages;
  result.name = name;
  result.last = known->second - 1;
  if (range) std::tie(result.first, result.last) = *range;
  if (result.last >= known->second)
    wrong("\"" + text + "\": there are only " + std::to_string(known->second));
  return result;
}

Segments Arguments::segments(const std::string& text) const {
  Segments result;
  std::string rest = text;
  const size_t star = rest.rfind('*');
  if (star != std::string::npos) {
    result.times = static_cast<uint32_t>(number(rest.substr(star + 1)));
    if (result.times == 0 || result.times > 4096) wrong("expected 1 to 4096 times");
    rest = rest.substr(0, star);
  }
  const size_t colon = rest.find(':');
  result.first = expression("0");
  result.last = expression("7");
  if (colon != std::string::npos) {
    const std::vector<std::string> ends = split(rest.substr(colon + 1), '-');
    if (ends.size() != 2) wrong("\"" + text + "\": expected GREF:FIRST-LAST");
    result.first = expression(ends[0]);
    result.last = expression(ends[1]);
    rest = rest.substr(0, colon);
  }
  result.grefs = grefs(rest);
  return result;
}

Value Arguments::value(const Word& word) const {
  Value result;
  result.text = word.text;
  if (word.quoted) return result;
  if (word.text.rfind("gref:", 0) == 0) {
    result.what = Value::kGref;
    result.gref = grefs(word.text.substr(5));
  } else if (word.text.rfind("port:", 0) == 0) {
    result.what = Value::kPort;
    result.text = word.text.substr(5);
    if (ports_.count(result.text) == 0) (void)number(result.text);
  } else {
    (void)number(word.text);
  }
  return result;
}

}  // namespace frontend
