// SPDX-License-Identifier: GPL-2.0
// What the parser of case files accepts and refuses.  Ends with "N passed, N failed".
#include <cstdio>
#include <string>

#include "language.h"

namespace {

using namespace frontend;

const std::string kHead = "shows something\ncovers A/req_prod XSA-155\n";

struct Refused {
  const char* text;     // the third line of a file and those behind it
  const char* message;  // behind "t:"
};

const Refused kRefused[] = {
    {"conect", "3: there is no statement \"conect\""},
    {"connect 1", "3: expected \"connect\""},
    {"connect queue=1",
     "3: there is no queue=; expected protocol= queues= order= persistent= start="},
    {"connect queues=x", "3: \"x\": expected a number"},
    {"connect queues=", "3: \"\": expected a number"},
    {"connect queues=1 queues=2", "3: queues= is there twice"},
    {"connect -> okay", "3: \"okay\": expected connected, refused or any"},
    {"connect ->", "3: expected one word behind \"->\""},
    {"close -> okay", "3: \"close\" has no answer"},
    {"page data", "3: expected \"page NAME NUMBER\""},
    {"page Data 1", "3: \"Data\": expected a new name"},
    {"page data 0", "3: expected 1 to 600 pages"},
    {"page data slots", "3: expected 1 to 600 pages"},
    {"page data 1 access=write", "3: \"write\": expected one of full readonly revoked"},
    {"send read data", "3: \"data\": no pages of this name were declared before"},
    {"send reed", "3: \"reed\": expected a number"},
    {"page data 2\nsend read data[2]", "4: \"data[2]\": there are only 2"},
    {"page data 2\nsend read data[1..0]", "4: \"data[1..0]\": the range is empty"},
    {"page data 2\nsend read data[0", "4: \"data[0\": expected a closing ]"},
    {"page data 2\nsend read data:7", "4: \"data:7\": expected GREF:FIRST-LAST"},
    {"page data 2\nsend read data*0", "4: expected 1 to 4096 times"},
    {"page data 2\nsend read data -> okay|eror",
     "4: \"eror\": expected okay, error, unsupported or any"},
    {"page data 2\nsend read data -> okay error", "4: expected one word behind \"->\""},
    {"page data 2\nsend read sectr=1 data", "4: there is no sectr="},
    {"fill 5 1", "3: \"5\": expected pages"},
    {"poke ring 0 a5f", "3: \"a5f\": expected bytes"},
    {"poke ring[16] 0 a5", "3: \"ring[16]\": a ring has at most 16 pages"},
    {"write ring-ref \"1", "3: expected a closing \""},
    {"write ring-ref \"\\q\"", "3: expected \\n, \\t"},
    {"write ring-ref \"\\x1\"", "3: expected two hexadecimal digits"},
    {"write ring-ref \"1\"*0", "3: expected a number from 1 to 65536"},
    {"write ring-ref gref:data", "3: \"data\": no pages of this name"},
    {"write ring-ref port:mine", "3: \"mine\": expected a number"},
    {"write ring-ref junk", "3: \"junk\": expected a number"},
    {"sleep 601", "3: \"601\": expected seconds"},
    {"sleep soon", "3: \"soon\": expected seconds"},
    {"repeat 3\nbegin", "3: expected an \"end\" for this line"},
    {"for x in 1 2\nbegin", "3: expected an \"end\" for this line"},
    {"for x of 1 2\nend", "3: expected \"for NAME in WORD...\""},
    {"for x in 1\nfor x in 2\nend\nend", "4: $x is in use"},
    {"end", "3: \"end\" without"},
    {"sleep $x", "3: there is no variable $x"},
    {"header req_cons=1", "3: there is no req_cons="},
    {"header req_prod=prod+", "3: \"\": expected a number"},
    {"churn-header req_cons 1", "3: \"req_cons\": expected one of"},
    {"disk fast", "3: \"fast\": expected one of"},
    {"shows it again", "3: \"shows\" is there twice"},
};

const char* const kAccepted[] = {
    "",
    "# a comment\n\n   \t\nclose # behind a statement",
    "begin\noffer queues=2 order=4\nwrite queue-1/ring-ref gref:ring[3]\ngo -> refused|connected",
    "page data 11\nsend read sector=sectors-8 id=0xffffffffffffffff data[0..9]:1-7 "
    "data[10]:0-slots*1",
    "for a in 1 2\nfor b in \"x y\"\nwrite node-$a \"$b\"\nend\nend",
    "for data in \"\\\"\\\"\" 5\nwrite ring-ref $data\nend",
    "repeat 1000\nrepeat 2\nclose\nend\nend",
    "port mine to=self\nwrite event-channel port:mine\nwrite event-channel port:0",
    "write x \"\\0\\n\\t\\\\\\\"\\xff\"*4000",
    "page data 1\nsend indirect inner=255 count=65535 pages=data,0,0xffffffff,ring -> any",
};

int passed = 0, failed = 0;

void check(bool good, const std::string& what, const std::string& got) {
  if (good) {
    ++passed;
    return;
  }
  ++failed;
  std::printf("[  FAILED  ] %s\n  got: %s\n", what.c_str(), got.c_str());
}

}  // namespace

int main() {
  CaseFile file;
  std::string error;
  for (const Refused& refused : kRefused) {
    const bool parsed = parse_case("t", kHead + refused.text, file, error);
    check(!parsed && error.rfind(std::string("t:") + refused.message, 0) == 0,
          std::string(refused.text) + ": expected t:" + refused.message,
          parsed ? "accepted" : error);
  }
  for (const char* text : kAccepted) {
    const bool parsed = parse_case("t", kHead + text, file, error);
    check(parsed, text, error);
  }
  check(!parse_case("t", "close", file, error) && error == "t:1: expected a statement \"shows\"",
        "a file without shows", error);
  check(!parse_case("t", "shows x", file, error) && error == "t:1: expected a statement \"covers\"",
        "a file without covers", error);

  // What a file says is what the machine gets.
  check(parse_case("t",
                   kHead + "page data 4\nfor n in 3 5\nrepeat $n\nput write sector=prod-$n "
                           "data[1..2]:2-6*2 -> error|okay\nend\nend",
                   file, error) &&
            file.shows == "something" && file.covers.size() == 2 && file.covers[1] == "XSA-155",
        "the head of a file", error);
  const Statement* repeat = file.statements.size() == 5 ? &file.statements[4] : nullptr;
  check(repeat != nullptr && repeat->verb == "repeat" && repeat->words[0].number[0].number == 5 &&
            repeat->body.size() == 1,
        "a loop is unrolled, a repetition is not", std::to_string(file.statements.size()));
  const Statement* put = repeat != nullptr && repeat->body.size() == 1 ? &repeat->body[0] : nullptr;
  check(put != nullptr && put->line == 6 && put->answers == (kAnswerError | kAnswerOkay) &&
            put->words.size() == 2 && put->words[0].number[0].number == 1,
        "a request", "");
  if (put != nullptr && put->words.size() == 2) {
    const Segments& segments = put->words[1].segments;
    const Expression& sector = put->options.at("sector").number;
    check(segments.times == 2 && segments.grefs.name == "data" && segments.grefs.first == 1 &&
              segments.grefs.last == 2 && segments.first[0].number == 2 &&
              segments.last[0].number == 6,
          "its segments", "");
    check(sector.size() == 2 && sector[0].what == Term::kProd && !sector[0].minus &&
              sector[1].minus && sector[1].number == 5,
          "its sector", "");
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed != 0 || passed == 0;
}
