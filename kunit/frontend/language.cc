// SPDX-License-Identifier: GPL-2.0
#include "language.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>
#include <tuple>

#include "grammar.h"

namespace frontend {

namespace {

constexpr uint32_t kMaxPages = 600;
constexpr uint32_t kMaxStatements = 20000;

struct Word {
  std::string text;  // escapes are resolved
  bool quoted = false;
};

// Ends the parse of a file.
struct Wrong {
  uint32_t line;
  std::string what;
};

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

class Parser {
 public:
  Parser(const std::string& text, CaseFile& file) : lines_(split(text, '\n')), file_(file) {}

  void run() {
    file_.statements = block(false);
    if (file_.shows.empty()) throw Wrong{1, "expected a statement \"shows\""};
    if (file_.covers.empty()) throw Wrong{1, "expected a statement \"covers\""};
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const { throw Wrong{line_, what}; }

  // Parses up to "end", or up to the end of the file.
  std::vector<Statement> block(bool nested) {
    std::vector<Statement> statements;
    const uint32_t began = line_;
    while (next_ < lines_.size()) {
      line_ = static_cast<uint32_t>(++next_);
      const std::vector<Word> words = tokens(replaced(lines_[next_ - 1]));
      if (words.empty()) continue;
      const std::string& verb = words[0].text;
      if (verb == "end") {
        if (words.size() != 1) wrong("expected nothing behind \"end\"");
        if (!nested) wrong("\"end\" without \"repeat\" or \"for\"");
        return statements;
      }
      if (verb == "for") {
        loop(words, statements);
        continue;
      }
      statements.push_back(statement(words));
      if (verb == "repeat") statements.back().body = block(true);
      if (++count_ > kMaxStatements) wrong("more than 20000 statements; use \"repeat\"");
    }
    line_ = began;
    if (nested) wrong("expected an \"end\" for this line");
    return statements;
  }

  // "for" is unrolled here.
  void loop(const std::vector<Word>& words, std::vector<Statement>& statements) {
    if (words.size() < 4 || !is_name(words[1].text) || words[2].text != "in") {
      wrong("expected \"for NAME in WORD...\"");
    }
    const std::string name = words[1].text;
    if (variables_.count(name) != 0) wrong("$" + name + " is in use");
    const size_t body = next_;
    const std::set<std::string> pages = pages_names();
    for (size_t i = 3; i < words.size(); ++i) {
      next_ = body;
      line_ = static_cast<uint32_t>(body);
      variables_[name] = words[i].text;
      for (Statement& inner : block(true)) statements.push_back(std::move(inner));
    }
    variables_.erase(name);
  }

  std::set<std::string> pages_names() const {
    std::set<std::string> names;
    for (const auto& [name, count] : pages_) names.insert(name);
    return names;
  }

  std::string replaced(const std::string& line) const {
    std::string text;
    for (size_t i = 0; i < line.size();) {
      if (line[i] != '$') {
        text += line[i++];
        continue;
      }
      size_t end = i + 1;
      while (end < line.size() && is_name("a" + std::string(1, line[end]))) ++end;
      const std::string name = line.substr(i + 1, end - i - 1);
      const auto found = variables_.find(name);
      if (found == variables_.end()) wrong("there is no variable $" + name);
      text += found->second;
      i = end;
    }
    return text;
  }

  std::vector<Word> tokens(const std::string& line) const {
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

  // Reads up to the closing quote, and "*TIMES" behind it.  Returns the place behind.
  size_t quoted(const std::string& line, size_t i, std::string& text) const {
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

  Statement statement(const std::vector<Word>& words) {
    Statement statement;
    statement.line = line_;
    statement.verb = words[0].text;
    const std::vector<Rule>& all = rules();
    const auto rule = std::find_if(all.begin(), all.end(),
                                   [&](const Rule& known) { return statement.verb == known.verb; });
    if (rule == all.end()) {
      wrong("there is no statement \"" + statement.verb +
            "\"; \"case-check --language\" lists them");
    }
    // The numbers of a statement that follow its name depend on no other statement, so
    // that each is checked by its own.
    for (size_t i = 1; i < words.size(); ++i) {
      const Word& word = words[i];
      const size_t equals = word.text.find('=');
      if (word.text == "->" && !word.quoted) {
        if (i + 2 != words.size()) wrong("expected one word behind \"->\"");
        statement.answers = answers(*rule, words[i + 1].text);
        break;
      }
      if (!word.quoted && equals != std::string::npos && is_name(word.text.substr(0, equals)) &&
          !free_text(*rule)) {
        option(*rule, statement, word.text.substr(0, equals),
               {word.text.substr(equals + 1), false});
        continue;
      }
      const size_t place = statement.words.size();
      const bool more = place >= rule->words.size();
      if (more && !rule->last_repeats) wrong(usage(*rule));
      statement.words.push_back(argument(more ? rule->words.back() : rule->words[place], word));
    }
    const size_t least = rule->words.size() - (rule->last_repeats ? 1 : 0);
    if (statement.words.size() < least) wrong(usage(*rule));
    if (statement.answers == 0) {
      if (rule->answers == Answers::kStatus) statement.answers = kAnswerOkay;
      if (rule->answers == Answers::kConnect) statement.answers = kAnswerConnected;
    }
    heading(statement);
    return statement;
  }

  static bool free_text(const Rule& rule) {
    return std::string(rule.verb) == "shows" || std::string(rule.verb) == "covers";
  }

  std::string usage(const Rule& rule) const {
    static const char* const kNames[] = {"WORD",  "NAME",      "NAME",    "NUMBER", "SECONDS",
                                         "PAGES", "GREF",      "SEGMENT", "VALUE",  "KEY",
                                         "BYTES", "OPERATION", "DISK",    "ACCESS", "DOMAIN"};
    std::string text = std::string("expected \"") + rule.verb;
    for (size_t i = 0; i < rule.words.size(); ++i) {
      text += std::string(" ") + kNames[static_cast<size_t>(rule.words[i])];
      if (rule.last_repeats && i + 1 == rule.words.size()) text += "...";
    }
    return text + "\"";
  }

  uint32_t answers(const Rule& rule, const std::string& text) const {
    static const std::map<std::string, uint32_t> kStatus = {
        {"okay", kAnswerOkay},
        {"error", kAnswerError},
        {"unsupported", kAnswerUnsupported},
        {"any", kAnswerOkay | kAnswerError | kAnswerUnsupported},
    };
    static const std::map<std::string, uint32_t> kConnect = {
        {"connected", kAnswerConnected},
        {"refused", kAnswerRefused},
        {"any", kAnswerConnected | kAnswerRefused},
    };
    if (rule.answers == Answers::kNone) wrong(std::string("\"") + rule.verb + "\" has no answer");
    const auto& known = rule.answers == Answers::kStatus ? kStatus : kConnect;
    uint32_t set = 0;
    for (const std::string& name : split(text, '|')) {
      const auto found = known.find(name);
      if (found == known.end()) {
        wrong("\"" + name + "\": expected " +
              (rule.answers == Answers::kStatus ? "okay, error, unsupported or any"
                                                : "connected, refused or any"));
      }
      set |= found->second;
    }
    return set;
  }

  void option(const Rule& rule, Statement& statement, const std::string& name, const Word& value) {
    for (const Option& known : rule.options) {
      if (name != known.name) continue;
      if (!statement.options.emplace(name, argument(known.kind, value)).second) {
        wrong(name + "= is there twice");
      }
      return;
    }
    std::string names;
    for (const Option& known : rule.options) names += std::string(" ") + known.name + "=";
    wrong("there is no " + name + "=; expected" + (names.empty() ? " no option" : names));
  }

  Argument argument(Kind kind, const Word& word) {
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
        one_of(word.text, {"rw", "ro", "4k", "plain", "slow"});
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

  void one_of(const std::string& text, const std::vector<std::string>& words) const {
    std::string all;
    for (const std::string& word : words) {
      if (text == word) return;
      all += " " + word;
    }
    wrong("\"" + text + "\": expected one of" + all);
  }

  double seconds(const std::string& text) const {
    char* end;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != 0 || value < 0 || value > 600) {
      wrong("\"" + text + "\": expected seconds, at most 600");
    }
    return value;
  }

  uint64_t number(const std::string& text) const {
    char* end;
    if (text.empty() || text[0] < '0' || text[0] > '9')
      wrong("\"" + text + "\": expected a number");
    const uint64_t value = std::strtoull(text.c_str(), &end, 0);
    if (*end != 0) wrong("\"" + text + "\": expected a number");
    return value;
  }

  Expression expression(const std::string& text) const {
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

  Expression operation(const std::string& text) const {
    static const std::map<std::string, uint64_t> kKnown = {
        {"read", 0}, {"write", 1}, {"barrier", 2}, {"flush", 3}, {"discard", 5}, {"indirect", 6}};
    const auto known = kKnown.find(text);
    if (known == kKnown.end()) return expression(text);
    Term term;
    term.number = known->second;
    return {term};
  }

  // NAME, NAME[3], NAME[0..10], ring, ring[1], or a number.
  Grefs grefs(const std::string& text) const {
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
    if (!is_name(name) || name == "sectors" || name == "slots" || name == "prod" ||
        name == "cons") {
      result.what = Grefs::kNumber;
      result.number = expression(text);
      return result;
    }
    const auto known = pages_.find(name);
    if (known == pages_.end())
      wrong("\"" + name + "\": no pages of this name were declared before");
    result.what = Grefs::kPages;
    result.name = name;
    result.last = known->second - 1;
    if (range) std::tie(result.first, result.last) = *range;
    if (result.last >= known->second)
      wrong("\"" + text + "\": there are only " + std::to_string(known->second));
    return result;
  }

  Segments segments(const std::string& text) const {
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

  Value value(const Word& word) const {
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

  // What a statement says about the file, and what it declares.
  void heading(const Statement& statement) {
    const std::string& verb = statement.verb;
    if (verb == "shows") {
      if (!file_.shows.empty()) wrong("\"shows\" is there twice");
      for (const Argument& word : statement.words) {
        file_.shows += (file_.shows.empty() ? "" : " ") + word.text;
      }
    } else if (verb == "covers") {
      for (const Argument& word : statement.words) file_.covers.push_back(word.text);
    } else if (verb == "disk") {
      file_.disk = statement.words[0].text;
    } else if (verb == "page") {
      const Expression& count = statement.words[1].number;
      if (count.size() != 1 || count[0].what != Term::kNumber || count[0].number == 0 ||
          count[0].number > kMaxPages) {
        wrong("expected 1 to 600 pages");
      }
      pages_[statement.words[0].text] = static_cast<uint32_t>(count[0].number);
    } else if (verb == "churn-header") {
      one_of(statement.words[0].text, {"req_prod", "rsp_prod", "req_event", "rsp_event"});
    }
  }

  const std::vector<std::string> lines_;
  CaseFile& file_;
  size_t next_ = 0;
  uint32_t line_ = 0;
  uint32_t count_ = 0;
  std::map<std::string, std::string> variables_;
  std::map<std::string, uint32_t> pages_;
  std::set<std::string> ports_;
};

}  // namespace

bool parse_case(const std::string& path, const std::string& text, CaseFile& file,
                std::string& error) {
  file = {};
  file.path = path;
  try {
    Parser(text, file).run();
  } catch (const Wrong& fault) {
    error = path + ":" + std::to_string(fault.line) + ": " + fault.what;
    return false;
  }
  return true;
}

void print_language() {
  static const char* const kAnswers[] = {"", " [-> okay|error|unsupported|any]",
                                         " [-> connected|refused|any]"};
  for (const Rule& rule : rules()) {
    std::string line = rule.verb;
    for (const Option& option : rule.options) line += std::string(" [") + option.name + "=]";
    line += kAnswers[static_cast<size_t>(rule.answers)];
    std::printf("%s\n    %s\n", line.c_str(), rule.what);
  }
}

}  // namespace frontend
