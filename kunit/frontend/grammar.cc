// SPDX-License-Identifier: GPL-2.0
#include "grammar.h"

namespace frontend {

namespace {

const std::vector<Option> kConnection = {
    {"protocol", Kind::kText},     {"queues", Kind::kNumber}, {"order", Kind::kNumber},
    {"persistent", Kind::kNumber}, {"start", Kind::kNumber},
};

const std::vector<Option> kRequest = {
    {"id", Kind::kNumber},    {"sector", Kind::kNumber},  {"count", Kind::kNumber},
    {"flag", Kind::kNumber},  {"length", Kind::kNumber},  {"inner", Kind::kOperation},
    {"pages", Kind::kGrefs},  {"handle", Kind::kNumber},  {"queue", Kind::kNumber},
    {"at", Kind::kNumber},    {"bytes", Kind::kBytes},
};

}  // namespace

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      // What the file is.
      {"shows", {Kind::kText}, true, {}, Answers::kNone, "a sentence: what the case shows"},
      {"covers", {Kind::kText}, true, {}, Answers::kNone, "advisories and rows of the catalogue"},
      {"disk", {Kind::kDisk}, false, {}, Answers::kNone, "the disk that it needs: rw, ro, 4k, plain, slow"},

      // Connections.
      {"begin", {}, false, {}, Answers::kNone, "Initialising, and waits for InitWait"},
      {"offer", {}, false, kConnection, Answers::kNone, "makes rings and writes the nodes for them"},
      {"go", {}, false, {}, Answers::kConnect, "Initialised, and waits for the backend's answer"},
      {"connect", {}, false, kConnection, Answers::kConnect, "begin, offer and go"},
      {"close", {}, false, {}, Answers::kNone, "Closing, Closed; fails when a page is still mapped"},
      {"drop", {}, false, {}, Answers::kNone, "Closed at once; fails when a page is still mapped"},
      {"die", {}, false, {}, Answers::kNone, "the program ends with all as it is"},
      {"backend", {Kind::kNumber}, false, {{"within", Kind::kSeconds}}, Answers::kNone,
       "waits until the backend has this state"},

      // Nodes of xenstore, below the frontend's directory.
      {"state", {Kind::kValue}, false, {}, Answers::kNone, "writes the frontend's state"},
      {"write", {Kind::kKey, Kind::kValue}, false, {}, Answers::kNone, "writes a node"},
      {"remove", {Kind::kKey}, false, {}, Answers::kNone, "removes a node"},

      // Pages and event channels.
      {"page", {Kind::kNew, Kind::kNumber}, false,
       {{"access", Kind::kAccess}, {"to", Kind::kDomain}, {"fill", Kind::kNumber}}, Answers::kNone,
       "grants pages: NAME COUNT"},
      {"fill", {Kind::kPages, Kind::kNumber}, false, {{"from", Kind::kNumber}, {"to", Kind::kNumber}},
       Answers::kNone, "sets each byte of pages"},
      {"holds", {Kind::kPages, Kind::kNumber}, false,
       {{"from", Kind::kNumber}, {"to", Kind::kNumber}}, Answers::kNone,
       "fails unless each byte of pages has this value"},
      {"poke", {Kind::kGrefs, Kind::kNumber, Kind::kBytes}, false, {}, Answers::kNone,
       "writes bytes into pages or the ring: PAGE OFFSET BYTES"},
      {"describe", {Kind::kPages, Kind::kSegments}, true, {}, Answers::kNone,
       "writes descriptors of segments into a page"},
      {"revoke", {Kind::kPages}, false, {}, Answers::kNone, "ends the grants, mapped or not"},
      {"unmapped", {Kind::kPages}, false, {}, Answers::kNone,
       "fails when the backend has a page mapped; grants them anew"},
      {"port", {Kind::kPort}, false, {{"to", Kind::kDomain}}, Answers::kNone,
       "makes one more event channel"},
      {"closeport", {}, false, {{"queue", Kind::kNumber}}, Answers::kNone, "closes a ring's channel"},

      // Requests.
      {"put", {Kind::kOperation, Kind::kSegments}, true, kRequest, Answers::kStatus,
       "writes a request; pushes when the ring is full"},
      {"send", {Kind::kOperation, Kind::kSegments}, true, kRequest, Answers::kStatus,
       "writes a request, pushes, and waits for all answers of its ring"},
      {"push", {}, false, {{"queue", Kind::kNumber}, {"quiet", Kind::kNumber}}, Answers::kNone,
       "publishes what was put; quiet=1: without an event"},
      {"answers", {}, false, {{"within", Kind::kSeconds}, {"queue", Kind::kNumber}}, Answers::kNone,
       "waits for the answers of all rings, or of one"},
      {"silent", {Kind::kSeconds}, false, {{"queue", Kind::kNumber}}, Answers::kNone,
       "fails when an answer comes within the time"},
      {"loose", {}, false, {}, Answers::kNone,
       "from now on answers are only counted: their ids and statuses may be anything"},
      {"forget", {}, false, {}, Answers::kNone, "no more answers are expected"},
      {"header", {}, false,
       {{"queue", Kind::kNumber}, {"req_prod", Kind::kNumber}, {"rsp_prod", Kind::kNumber},
        {"req_event", Kind::kNumber}, {"rsp_event", Kind::kNumber}},
       Answers::kNone, "writes indices of a ring"},
      {"notify", {Kind::kNumber}, false, {{"queue", Kind::kNumber}, {"gap", Kind::kSeconds}},
       Answers::kNone, "sends events, and waits for `gap` seconds between two"},
      {"events", {Kind::kNumber}, false, {{"queue", Kind::kNumber}}, Answers::kNone,
       "fails when the backend has sent more events since the last `events` or connect"},

      // Beside the other statements, until "calm".
      {"churn-slots", {Kind::kNumber, Kind::kNumber}, true, {{"queue", Kind::kNumber}}, Answers::kNone,
       "changes a byte of all slots: OFFSET VALUE VALUE..."},
      {"churn-page", {Kind::kPages, Kind::kNumber, Kind::kNumber}, true, {{"step", Kind::kNumber}},
       Answers::kNone, "changes a byte of pages, every `step` bytes: PAGES OFFSET VALUE VALUE..."},
      {"churn-header", {Kind::kText, Kind::kNumber}, true, {{"queue", Kind::kNumber}}, Answers::kNone,
       "changes an index of a ring: FIELD VALUE VALUE..."},
      {"churn-node", {Kind::kKey, Kind::kValue}, true, {}, Answers::kNone,
       "writes a node again and again: KEY VALUE VALUE..."},
      {"churn-notify", {}, false, {{"queue", Kind::kNumber}}, Answers::kNone, "sends events all the time"},
      {"calm", {}, false, {}, Answers::kNone, "ends all that churns"},

      // Time and repetition.
      {"sleep", {Kind::kSeconds}, false, {}, Answers::kNone, "waits"},
      {"repeat", {Kind::kNumber}, false, {}, Answers::kNone, "does the statements up to `end` so often"},
      {"for", {Kind::kText, Kind::kText}, true, {}, Answers::kNone,
       "the statements up to `end` for each word: NAME in WORD...; $NAME is the word"},
      {"end", {}, false, {}, Answers::kNone, "ends `repeat` and `for`"},
  };
  return all;
}

}  // namespace frontend
