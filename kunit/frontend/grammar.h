// SPDX-License-Identifier: GPL-2.0
// The statements of the language of hostile cases: a table.
#pragma once

#include <string>
#include <vector>

namespace frontend {

enum class Kind {
  kText,       // anything
  kNew,        // a name that is declared here
  kPort,       // the name of a port that is declared here
  kNumber,     // 12, 0xff, sectors, prod, cons, slots; sums and differences of these
  kSeconds,    // 0.5
  kPages,      // data, data[3], data[0..10]: of declared pages
  kGrefs,      // pages; ring, ring[1]; a number: separated by commas
  kSegments,   // GREF, GREF:FIRST-LAST, GREF:FIRST-LAST*TIMES
  kValue,      // "text\n", "a"*4096, gref:data[0], port:0, port:NAME
  kKey,        // of xenstore
  kBytes,      // a5ff00
  kOperation,  // of a request: its name or its number
  kDisk,
  kBeside,
  kAccess,
  kDomain,
};

struct Option {
  const char* name;
  Kind kind;
};

enum class Answers { kNone, kStatus, kConnect };

struct Rule {
  const char* verb;
  std::vector<Kind> words;
  bool last_repeats;  // the last of `words` may come any number of times, also never
  std::vector<Option> options;
  Answers answers;
  const char* what;
};

const std::vector<Rule>& rules();

}  // namespace frontend
