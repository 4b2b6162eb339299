// SPDX-License-Identifier: GPL-2.0
// The language of hostile cases: what a case file says, checked before anything runs.
//
// One statement a line; "#" begins a comment.  language.txt describes the statements.  This
// part needs nothing of Xen: "case-check" reads case files on the machine that builds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace frontend {

// What a number is the sum of.
struct Term {
  enum What { kNumber, kSectors, kProd, kCons, kSlots };
  What what = kNumber;
  bool minus = false;
  uint64_t number = 0;
};
using Expression = std::vector<Term>;

// Grant references: of declared pages, of a ring's pages, or a number.
struct Grefs {
  enum What { kPages, kRing, kNumber };
  What what = kNumber;
  std::string name;
  uint32_t first = 0;
  uint32_t last = 0;
  Expression number;
};

// A segment for each of the references, all of them `times` times.
struct Segments {
  Grefs grefs;
  Expression first;
  Expression last;
  uint32_t times = 1;
};

// The value of a node of xenstore: text, a reference, or an event channel.
struct Value {
  enum What { kText, kGref, kPort };
  What what = kText;
  std::string text;  // of kPort: the name of a port, or the number of a queue
  Grefs gref;
};

struct Argument {
  std::string text;
  Expression number;
  double seconds = 0;
  std::vector<Grefs> grefs;
  Segments segments;
  Value value;
};

// A set of answers: of a request, or of the backend to a connect.
enum Answer : uint32_t {
  kAnswerOkay = 1,
  kAnswerError = 2,
  kAnswerUnsupported = 4,
  kAnswerConnected = 8,
  kAnswerRefused = 16,
};

struct Statement {
  std::string verb;
  uint32_t line = 0;
  std::vector<Argument> words;
  std::map<std::string, Argument> options;
  uint32_t answers = 0;
  std::vector<Statement> body;  // of "repeat"

  bool has(const std::string& option) const { return options.count(option) != 0; }
};

struct CaseFile {
  std::string path;
  std::string shows;                // what the case shows, a sentence
  std::vector<std::string> covers;  // advisories and rows of the catalogue
  std::string disk = "rw";          // the disk that the case wants
  std::vector<Statement> statements;
};

// Parses a file.  When it is wrong, returns false and sets `error` to "PATH:LINE: what was
// expected".
bool parse_case(const std::string& path, const std::string& text, CaseFile& file,
                std::string& error);

// Prints the statements with their words and options.
void print_language();

}  // namespace frontend
