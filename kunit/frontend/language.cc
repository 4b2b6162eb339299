// SPDX-License-Identifier: GPL-2.0
#include "language.h"

#include <algorithm>
#include <cstdio>

#include "arguments.h"
#include "grammar.h"
#include "words.h"

namespace frontend {

namespace {

constexpr uint32_t kMaxPages = 600;
constexpr uint32_t kMaxStatements = 20000;

class Parser {
 public:
  Parser(const std::string& text, CaseFile& file) : lines_(split(text, '\n')), file_(file) {}

  void run() {
    file_.statements = block(false);
    line_ = 1;
    if (file_.shows.empty()) wrong("expected a statement \"shows\"");
    if (file_.covers.empty()) wrong("expected a statement \"covers\"");
  }

  uint32_t line() const { return line_; }

 private:
  // Parses up to "end", or up to the end of the file.
  std::vector<Statement> block(bool nested) {
    std::vector<Statement> statements;
    const uint32_t began = line_;
    while (next_ < lines_.size()) {
      line_ = static_cast<uint32_t>(++next_);
      const std::vector<Word> words = words_of(replaced(lines_[next_ - 1], variables_));
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
    for (size_t i = 3; i < words.size(); ++i) {
      next_ = body;
      line_ = static_cast<uint32_t>(body);
      variables_[name] = words[i].text;
      for (Statement& inner : block(true)) statements.push_back(std::move(inner));
    }
    variables_.erase(name);
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
      statement.words.push_back(
          arguments_.argument(more ? rule->words.back() : rule->words[place], word));
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
    static const char* const kNames[] = {
        "WORD",  "NAME", "NAME",  "NUMBER",    "SECONDS", "PAGES", "GREF",   "SEGMENT",
        "VALUE", "KEY",  "BYTES", "OPERATION", "DISK",    "WORD",  "ACCESS", "DOMAIN"};
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
      if (!statement.options.emplace(name, arguments_.argument(known.kind, value)).second) {
        wrong(name + "= is there twice");
      }
      return;
    }
    std::string names;
    for (const Option& known : rule.options) names += std::string(" ") + known.name + "=";
    wrong("there is no " + name + "=; expected" + (names.empty() ? " no option" : names));
  }

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
      arguments_.declare(statement.words[0].text, static_cast<uint32_t>(count[0].number));
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
  Arguments arguments_;
};

}  // namespace

bool parse_case(const std::string& path, const std::string& text, CaseFile& file,
                std::string& error) {
  file = {};
  file.path = path;
  Parser parser(text, file);
  try {
    parser.run();
  } catch (const Wrong& fault) {
    error = path + ":" + std::to_string(parser.line()) + ": " + fault.what;
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
