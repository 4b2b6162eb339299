// SPDX-License-Identifier: GPL-2.0
#include "machine.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "cases.h"

namespace frontend {

namespace {
constexpr double kPatience = 20;  // seconds for an answer
constexpr uint8_t kUnused = 0xa5;
}  // namespace

void Machine::run() {
  block(file_.statements);
  set_place(file_.path + ": after the last line: ");
  churn_.calm();
  const bool connected = offered_;
  end_connection();
  if (odd_) {
    frontend_.settle();
  } else if (connected) {
    frontend_.drop();
  }
  pages_.clear();
  frontend_.forget();
}

void Machine::block(const std::vector<Statement>& statements) {
  for (const Statement& one : statements) statement(one);
}

void Machine::statement(const Statement& statement) {
  line_ = statement.line;
  set_place(file_.path + ":" + std::to_string(line_) + ": ");
  if (statement.verb == "repeat") {
    for (uint64_t n = number(statement.words[0].number); n != 0; --n) block(statement.body);
    return;
  }
  if (statement.verb == "sleep") {
    usleep(static_cast<useconds_t>(statement.words[0].seconds * 1e6));
    return;
  }
  if (connection(statement) || nodes(statement) || pages(statement) || requests(statement) ||
      churning(statement)) {
    return;
  }
  // "shows" and the like say something about the file.
}

// --- connections -------------------------------------------------------------

bool Machine::connection(const Statement& statement) {
  const std::string& verb = statement.verb;
  if (verb == "begin" || verb == "connect") {
    end_connection();
    frontend_.begin();
  }
  if (verb == "offer" || verb == "connect") offer(statement);
  if (verb == "go" || verb == "connect") go(statement);
  if (verb == "close" || verb == "drop") {
    churn_.calm_memory();
    if (odd_) {
      frontend_.settle();
    } else if (verb == "close") {
      frontend_.close();
    } else {
      frontend_.drop();
    }
    odd_ = false;
    end_connection();
  }
  if (verb == "die") _Exit(kLeft);
  if (verb == "backend") {
    const auto wanted = static_cast<State>(number(statement.words[0].number));
    const double within =
        statement.has("within") ? statement.options.at("within").seconds : kPatience;
    EXPECT(frontend_.wait_backend(wanted, within), "the backend is in state %d, not %d",
           frontend_.backend_state(), wanted);
    return true;
  }
  return verb == "begin" || verb == "connect" || verb == "offer" || verb == "go" ||
         verb == "close" || verb == "drop";
}

void Machine::offer(const Statement& statement) {
  churn_.calm_memory();
  Options options;
  if (statement.has("protocol")) options.protocol = statement.options.at("protocol").text;
  options.queues = static_cast<uint32_t>(option(statement, "queues", 1));
  options.order = statement.has("order") ? static_cast<int>(option(statement, "order", 0)) : -1;
  options.persistent = option(statement, "persistent", 0) != 0;
  if (offered_) {
    // The backend may still use the rings of before.
    frontend_.renew_rings(options);
  } else {
    frontend_.offer(options);
  }
  offered_ = true;
  slots_.assign(frontend_.rings(), {});
  for (uint32_t queue = 0; queue < frontend_.rings(); ++queue) {
    Ring& ring = frontend_.ring(queue);
    slots_[queue].written.resize(ring.slots());
    if (statement.has("start")) {
      ring.start_at(static_cast<uint32_t>(option(statement, "start", 0)));
    }
    // What lies between the indices and the first slot is nobody's.
    std::memset(ring.pages().page(0) + 16, kUnused, kHeaderBytes - 16);
  }
}

void Machine::go(const Statement& statement) {
  const bool connected = frontend_.finish();
  const uint32_t answer = connected ? kAnswerConnected : kAnswerRefused;
  EXPECT((statement.answers & answer) != 0, "the backend %s",
         connected ? "connected" : "refused to connect");
}

// The rings are no longer the backend's, or a new connection follows.
void Machine::end_connection() {
  churn_.calm_memory();
  slots_.clear();
  offered_ = false;
}

// --- nodes --------------------------------------------------------------------

bool Machine::nodes(const Statement& statement) {
  const std::string& verb = statement.verb;
  if (verb == "state") {
    odd_ = true;
    frontend_.store().write(frontend_.home() + "/state", value(statement.words[0].value));
  } else if (verb == "write") {
    frontend_.publish(frontend_.home() + "/" + statement.words[0].text,
                      value(statement.words[1].value));
  } else if (verb == "remove") {
    frontend_.store().remove(frontend_.home() + "/" + statement.words[0].text);
  } else if (verb == "port") {
    ports_[statement.words[0].text] = std::make_unique<Channel>(domain(statement));
  } else if (verb == "closeport") {
    frontend_.ring(queue_of(statement)).close_channel();
  } else {
    return false;
  }
  return true;
}

std::string Machine::value(const Value& value) {
  switch (value.what) {
    case Value::kText:
      break;
    case Value::kGref:
      return std::to_string(grefs(value.gref).at(0));
    case Value::kPort: {
      const auto port = ports_.find(value.text);
      if (port != ports_.end()) return std::to_string(port->second->port());
      return std::to_string(
          frontend_.ring(static_cast<uint32_t>(std::strtoul(value.text.c_str(), nullptr, 10)))
              .port());
    }
  }
  return value.text;
}

// --- pages --------------------------------------------------------------------

bool Machine::pages(const Statement& statement) {
  const std::string& verb = statement.verb;
  if (verb == "page") {
    const std::string& name = statement.words[0].text;
    const std::string access =
        statement.has("access") ? statement.options.at("access").text : "full";
    pages_.erase(name);
    auto made = std::make_unique<Pages>(domain(statement),
                                        static_cast<uint32_t>(number(statement.words[1].number)),
                                        access != "readonly");
    std::memset(made->page(0), static_cast<int>(option(statement, "fill", 0)),
                made->count() * 4096ul);
    if (access == "revoked") made->revoke();
    pages_[name] = std::move(made);
    return true;
  }
  if (verb == "fill" || verb == "holds") {
    const auto wanted = static_cast<uint8_t>(number(statement.words[1].number));
    const auto from = static_cast<uint32_t>(option(statement, "from", 0));
    const auto to = static_cast<uint32_t>(option(statement, "to", kPageBytes - 1));
    if (from > to || to >= kPageBytes) die("from= and to= are not within a page");
    uint32_t page = 0;
    for (volatile uint8_t* bytes : memory(statement.words[0].grefs[0])) {
      for (uint32_t i = from; i <= to; ++i) {
        if (verb == "fill") {
          bytes[i] = wanted;
        } else if (bytes[i] != wanted) {
          die("%s: byte %u of page %u is %#x, not %#x", statement.words[0].text.c_str(), i, page,
              bytes[i], wanted);
        }
      }
      ++page;
    }
    return true;
  }
  if (verb == "poke") {
    const std::string& hex = statement.words[2].text;
    const uint64_t offset = number(statement.words[1].number);
    if (offset + hex.size() / 2 > kPageBytes) die("past the end of the page");
    for (const Grefs& some : statement.words[0].grefs) {
      for (uint8_t* bytes : memory(some)) {
        for (size_t i = 0; i < hex.size(); i += 2) {
          bytes[offset + i / 2] =
              static_cast<uint8_t>(std::strtoul(hex.substr(i, 2).c_str(), nullptr, 16));
        }
      }
      if (some.what == Grefs::kRing) {
        for (Slots& slots : slots_) slots.changing = true;
      }
    }
    return true;
  }
  if (verb == "describe") {
    const std::vector<Segment> all = segments(statement, 1, 0);
    uint8_t* const page = memory(statement.words[0].grefs[0]).at(0);
    if (all.size() > kPageBytes / sizeof(Segment)) die("more segments than a page holds");
    std::memcpy(page, all.data(), all.size() * sizeof(Segment));
    return true;
  }
  if (verb == "revoke") {
    pages_.at(statement.words[0].grefs[0].name)->revoke();
    return true;
  }
  if (verb == "unmapped") {
    churn_.calm_memory();
    const uint32_t mapped = pages_.at(statement.words[0].grefs[0].name)->renew();
    EXPECT(mapped == 0, "%u pages of %s are still mapped", mapped, statement.words[0].text.c_str());
    return true;
  }
  return false;
}

uint32_t Machine::domain(const Statement& statement) {
  if (!statement.has("to")) return frontend_.domain();
  const Argument& to = statement.options.at("to");
  if (to.text != "self") return static_cast<uint32_t>(number(to.number));
  return static_cast<uint32_t>(
      std::strtoul(frontend_.store().read("domid").value_or("0").c_str(), nullptr, 10));
}

void Machine::no_memory(const std::string& name) {
  die("%s: this is no memory of ours", name.c_str());
}

std::vector<uint8_t*> Machine::memory(const Grefs& grefs, uint32_t queue) {
  if (grefs.what == Grefs::kNumber) no_memory("a number");
  Pages& pages =
      grefs.what == Grefs::kRing ? frontend_.ring(queue).pages() : *pages_.at(grefs.name);
  if (pages.revoked()) no_memory(grefs.name);
  std::vector<uint8_t*> all;
  for (uint32_t i = grefs.first; i <= grefs.last; ++i) {
    if (i >= pages.count()) no_memory(grefs.name);
    all.push_back(pages.page(i));
  }
  return all;
}

std::vector<uint32_t> Machine::grefs(const Grefs& grefs, uint32_t queue) {
  if (grefs.what == Grefs::kNumber) return {static_cast<uint32_t>(number(grefs.number, queue))};
  Pages& pages =
      grefs.what == Grefs::kRing ? frontend_.ring(queue).pages() : *pages_.at(grefs.name);
  std::vector<uint32_t> all;
  for (uint32_t i = grefs.first; i <= grefs.last && i < pages.count(); ++i) {
    all.push_back(pages.gref(i));
  }
  return all;
}

std::vector<Segment> Machine::segments(const Statement& statement, size_t from, uint32_t queue) {
  std::vector<Segment> all;
  for (size_t i = from; i < statement.words.size(); ++i) {
    const Segments& some = statement.words[i].segments;
    Segment segment;
    segment.first = static_cast<uint8_t>(number(some.first, queue));
    segment.last = static_cast<uint8_t>(number(some.last, queue));
    for (uint32_t n = 0; n < some.times; ++n) {
      for (const uint32_t gref : grefs(some.grefs, queue)) {
        segment.gref = gref;
        all.push_back(segment);
      }
    }
  }
  return all;
}

// --- numbers ------------------------------------------------------------------

uint64_t Machine::number(const Expression& expression, uint32_t queue) {
  uint64_t sum = 0;
  for (const Term& term : expression) {
    uint64_t part = term.number;
    switch (term.what) {
      case Term::kNumber:
        break;
      case Term::kSectors:
        if (sectors_ == 0) sectors_ = frontend_.property("sectors");
        part = sectors_;
        break;
      case Term::kProd:
        part = frontend_.ring(queue).produced();
        break;
      case Term::kCons:
        part = frontend_.ring(queue).consumed();
        break;
      case Term::kSlots:
        part = frontend_.ring(queue).slots();
        break;
    }
    sum += term.minus ? -part : part;
  }
  return sum;
}

uint64_t Machine::option(const Statement& statement, const char* name, uint64_t otherwise,
                         uint32_t queue) {
  const auto found = statement.options.find(name);
  return found == statement.options.end() ? otherwise : number(found->second.number, queue);
}

uint32_t Machine::queue_of(const Statement& statement) {
  const auto queue = static_cast<uint32_t>(option(statement, "queue", 0));
  if (!offered_ || queue >= slots_.size()) die("there is no ring %u", queue);
  return queue;
}

}  // namespace frontend
