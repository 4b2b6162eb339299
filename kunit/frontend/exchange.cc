// SPDX-License-Identifier: GPL-2.0
// The part of the machine that sends requests and takes answers, in whatever state the
// rings are.
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "cases.h"
#include "machine.h"

namespace frontend {

namespace {

constexpr double kPatience = 20;  // seconds for an answer
constexpr uint8_t kUnused = 0xa5;

void put_number(std::vector<uint8_t>& bytes, uint32_t offset, uint64_t value, uint32_t length) {
  for (uint32_t i = 0; i < length; ++i) bytes[offset + i] = static_cast<uint8_t>(value >> (8 * i));
}

uint32_t answer_of(int16_t status) {
  switch (status) {
    case kOkay:
      return kAnswerOkay;
    case kError:
      return kAnswerError;
    case kNotSupported:
      return kAnswerUnsupported;
    default:
      return 0;
  }
}

std::string names_of(uint32_t answers) {
  std::string names;
  for (const auto& [answer, name] :
       {std::pair(kAnswerOkay, "okay"), std::pair(kAnswerError, "error"),
        std::pair(kAnswerUnsupported, "unsupported")}) {
    if ((answers & answer) != 0) names += (names.empty() ? "" : " or ") + std::string(name);
  }
  return names;
}

}  // namespace

bool Machine::requests(const Statement& statement) {
  const std::string& verb = statement.verb;
  if (verb == "put" || verb == "send") {
    put(statement);
    if (verb == "send") {
      const uint32_t queue = queue_of(statement);
      frontend_.ring(queue).push();
      take_all(queue, kPatience);
    }
  } else if (verb == "push") {
    for (uint32_t queue = 0; queue < slots_.size(); ++queue) {
      if (statement.has("queue") && queue != queue_of(statement)) continue;
      if (option(statement, "quiet", 0) != 0) {
        frontend_.ring(queue).push_quietly();
      } else {
        frontend_.ring(queue).push();
      }
    }
  } else if (verb == "answers") {
    const double within =
        statement.has("within") ? statement.options.at("within").seconds : kPatience;
    for (uint32_t queue = 0; queue < slots_.size(); ++queue) {
      if (!statement.has("queue") || queue == queue_of(statement)) take_all(queue, within);
    }
  } else if (verb == "silent") {
    expect_silence(queue_of(statement), statement.words[0].seconds);
  } else if (verb == "loose") {
    for (Slots& slots : slots_) slots.loose = true;
  } else if (verb == "forget") {
    for (Slots& slots : slots_) slots.awaited.clear();
  } else if (verb == "header" || verb == "await-header") {
    header(statement);
  } else if (verb == "notify") {
    const double gap = statement.has("gap") ? statement.options.at("gap").seconds : 0;
    Ring& ring = frontend_.ring(queue_of(statement));
    for (uint64_t n = number(statement.words[0].number); n != 0; --n) {
      ring.notify();
      if (gap > 0) usleep(static_cast<useconds_t>(gap * 1e6));
    }
  } else if (verb == "events") {
    Ring& ring = frontend_.ring(queue_of(statement));
    Slots& slots = slots_[queue_of(statement)];
    for (uint32_t before = ring.events() - 1; before != ring.events();) {
      before = ring.events();
      ring.pause(0.05);
    }
    const uint32_t events = ring.events() - slots.events_seen;
    slots.events_seen = ring.events();
    EXPECT(events <= number(statement.words[0].number), "the backend has sent %u events", events);
  } else {
    return false;
  }
  return true;
}

void Machine::put(const Statement& statement) {
  const uint32_t queue = queue_of(statement);
  Ring& ring = frontend_.ring(queue);
  Slots& slots = slots_[queue];
  if (ring.in_flight() == ring.slots()) {
    ring.push();
    take(queue, kPatience);
  }
  const uint64_t id = option(statement, "id", frontend_.next_id(), queue);
  const std::vector<uint8_t> bytes = encode(statement, ring, id);
  slots.written[ring.produced() % ring.slots()] = bytes;
  // An answer to an indirect request has the operation inside of it.
  const uint8_t operation = bytes[0] == kIndirect ? bytes[1] : bytes[0];
  slots.awaited.insert({id, Awaited{operation, statement.answers, statement.line}});
  ring.put_bytes(bytes.data());
}

// A slot as the statement says; what it does not say is 0xa5 throughout.
std::vector<uint8_t> Machine::encode(const Statement& statement, const Ring& ring, uint64_t id) {
  const uint32_t queue = queue_of(statement);
  const uint32_t id_offset = ring.layout().id_offset;
  std::vector<uint8_t> bytes(ring.layout().slot_bytes, kUnused);
  const auto operation = static_cast<uint8_t>(number(statement.words[0].number));
  std::vector<Segment> all = segments(statement, 1, queue);
  const uint64_t count = option(statement, "count", all.size(), queue);
  bytes[0] = operation;
  put_number(bytes, id_offset, id, 8);
  put_number(bytes, id_offset + 8, option(statement, "sector", 0, queue), 8);
  switch (operation) {
    case kDiscard:
      bytes[1] = static_cast<uint8_t>(option(statement, "flag", 0));
      if (statement.has("handle")) put_number(bytes, 2, option(statement, "handle", 0), 2);
      put_number(bytes, id_offset + 16, option(statement, "length", 0, queue), 8);
      break;
    case kIndirect: {
      bytes[1] = statement.has("inner")
                     ? static_cast<uint8_t>(number(statement.options.at("inner").number))
                     : static_cast<uint8_t>(kRead);
      put_number(bytes, 2, count, 2);
      if (statement.has("handle"))
        put_number(bytes, id_offset + 16, option(statement, "handle", 0), 2);
      uint32_t place = 0;
      if (statement.has("pages")) {
        for (const Grefs& some : statement.options.at("pages").grefs) {
          for (const uint32_t gref : grefs(some, queue)) {
            if (place == 8) die("a request holds 8 descriptor pages at most");
            put_number(bytes, id_offset + 20 + 4 * place++, gref, 4);
          }
        }
        const Grefs& first = statement.options.at("pages").grefs[0];
        if (!all.empty()) {
          if (all.size() * sizeof(Segment) > kPageBytes) die("more segments than a page holds");
          std::memcpy(memory(first, queue).at(0), all.data(), all.size() * sizeof(Segment));
        }
      }
      break;
    }
    default:
      bytes[1] = static_cast<uint8_t>(count);
      if (statement.has("handle")) put_number(bytes, 2, option(statement, "handle", 0), 2);
      if (all.size() > kMaxDirect) all.resize(kMaxDirect);
      if (!all.empty())
        std::memcpy(&bytes[id_offset + 16], all.data(), all.size() * sizeof(Segment));
      break;
  }
  if (statement.has("bytes")) {
    const std::string& hex = statement.options.at("bytes").text;
    const uint64_t at = option(statement, "at", 0);
    if (at + hex.size() / 2 > bytes.size()) die("past the end of the slot");
    for (size_t i = 0; i < hex.size(); i += 2) {
      bytes[at + i / 2] = static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16));
    }
  }
  return bytes;
}

// Takes one answer and checks it.
void Machine::take(uint32_t queue, double seconds) {
  Ring& ring = frontend_.ring(queue);
  Slots& slots = slots_[queue];
  const uint32_t place = ring.consumed() % ring.slots();
  Response response;
  const double end = now() + seconds;
  while (!ring.try_take(response)) {
    if (now() > end) die("no answer within %.0f s", seconds);
    ring.pause(slots.polls ? 0.01 : end - now());
    if (!slots.polls && now() > end && ring.shared(Ring::kRspProd) != ring.consumed()) {
      die("there is an answer, but no event came for it within %.0f s", seconds);
    }
  }
  if (slots.loose) {
    if (slots.awaited.empty()) die("an answer to no request");
    slots.awaited.erase(slots.awaited.begin());
    return;
  }
  const auto id = static_cast<unsigned long long>(response.id);
  const auto [first, last] = slots.awaited.equal_range(response.id);
  if (first == last) die("an answer to no request: id %#llx", id);
  auto found = first;
  while (found != last && (found->second.operation != response.operation ||
                           (found->second.answers & answer_of(response.status)) == 0)) {
    ++found;
  }
  if (found == last) {
    die("the request of line %u, id %#llx: operation %u, status %d; expected operation %u, %s",
        first->second.line, id, response.operation, response.status, first->second.operation,
        names_of(first->second.answers).c_str());
  }
  slots.awaited.erase(found);
  if (slots.changing) return;
  const volatile uint8_t* left = ring.slot(place);
  for (uint32_t i = 0; i < slots.written[place].size(); ++i) {
    if (i <= 8 || i == 10 || i == 11) continue;
    if (left[i] != slots.written[place][i]) {
      die("the answer with id %#llx has changed byte %u of its slot from %#x to %#x", id, i,
          slots.written[place][i], left[i]);
    }
  }
}

void Machine::take_all(uint32_t queue, double seconds) {
  const double end = now() + seconds;
  Ring& ring = frontend_.ring(queue);
  while (!slots_[queue].awaited.empty()) take(queue, std::max(end - now(), 0.0));
  if (!slots_[queue].changing && ring.in_flight() == 0 &&
      ring.shared(Ring::kRspProd) != ring.consumed()) {
    die("rsp_prod is %u after the last answer, not %u", ring.shared(Ring::kRspProd),
        ring.consumed());
  }
  for (uint32_t i = 16; !slots_[queue].changing && i < kHeaderBytes; ++i) {
    if (ring.pages().page(0)[i] != kUnused) die("byte %u of the ring's header was changed", i);
  }
}

void Machine::expect_silence(uint32_t queue, double seconds) {
  Ring& ring = frontend_.ring(queue);
  for (const double end = now() + seconds; now() < end; ring.pause(end - now())) {
    if (ring.shared(Ring::kRspProd) != ring.consumed()) die("the backend has answered");
  }
}

void Machine::header(const Statement& statement) {
  const uint32_t queue = queue_of(statement);
  Ring& ring = frontend_.ring(queue);
  for (const auto& [name, index] :
       {std::pair("req_event", Ring::kReqEvent), std::pair("rsp_event", Ring::kRspEvent),
        std::pair("rsp_prod", Ring::kRspProd), std::pair("req_prod", Ring::kReqProd)}) {
    if (!statement.has(name)) continue;
    const auto value = static_cast<uint32_t>(option(statement, name, 0, queue));
    if (statement.verb == "header") {
      slots_[queue].polls = true;
      ring.shared(index) = value;
      continue;
    }
    for (const double end = now() + kPatience; ring.shared(index) != value; usleep(2000)) {
      if (now() > end) die("%s is %u, not %u", name, ring.shared(index), value);
    }
  }
}

// --- beside the rest ------------------------------------------------------------

bool Machine::churning(const Statement& statement) {
  const std::string& verb = statement.verb;
  if (verb == "calm") {
    churn_.calm();
    return true;
  }
  if (verb.rfind("churn-", 0) != 0) return false;
  std::vector<uint64_t> values;
  const size_t first = verb == "churn-page" ? 2 : 1;
  if (verb == "churn-node") {
    const std::string node = frontend_.home() + "/" + statement.words[0].text;
    std::vector<std::string> texts;
    for (size_t i = 1; i < statement.words.size(); ++i)
      texts.push_back(value(statement.words[i].value));
    if (texts.empty()) die("expected values");
    auto store = std::make_shared<Store>();
    frontend_.publish(node, texts[0]);
    churn_.start(Churn::What::kOther,
                 [=](uint64_t i) { store->write(node, texts[i % texts.size()]); });
    return true;
  }
  const uint32_t queue = verb == "churn-page" ? 0 : queue_of(statement);
  for (size_t i = first; i < statement.words.size(); ++i) {
    values.push_back(number(statement.words[i].number, queue));
  }
  if (verb == "churn-notify") {
    Ring& ring = frontend_.ring(queue);
    churn_.start(Churn::What::kMemory, [&ring](uint64_t) { ring.notify(); });
    return true;
  }
  if (values.empty()) die("expected values");
  if (verb == "churn-header") {
    const std::string& name = statement.words[0].text;
    const Ring::Index index = name == "req_prod"    ? Ring::kReqProd
                              : name == "rsp_prod"  ? Ring::kRspProd
                              : name == "req_event" ? Ring::kReqEvent
                                                    : Ring::kRspEvent;
    volatile uint32_t& shared = frontend_.ring(queue).shared(index);
    slots_[queue].polls = true;
    churn_.start(Churn::What::kMemory, [=, &shared](uint64_t i) {
      shared = static_cast<uint32_t>(values[i % values.size()]);
    });
    return true;
  }
  std::vector<volatile uint8_t*> places;
  if (verb == "churn-slots") {
    Ring& ring = frontend_.ring(queue);
    const uint64_t offset = number(statement.words[0].number);
    if (offset >= ring.layout().slot_bytes) die("past the end of a slot");
    for (uint32_t slot = 0; slot < ring.slots(); ++slot) places.push_back(ring.slot(slot) + offset);
    slots_[queue].changing = true;
  } else {
    const uint64_t step = option(statement, "step", kPageBytes);
    const uint64_t offset = number(statement.words[1].number);
    if (step == 0 || offset >= kPageBytes) die("past the end of a page");
    for (const Grefs& some : statement.words[0].grefs) {
      for (uint8_t* page : memory(some)) {
        for (uint64_t at = offset; at < kPageBytes; at += step) places.push_back(page + at);
      }
      if (some.what == Grefs::kRing) slots_.at(0).changing = true;
    }
  }
  churn_.start(Churn::What::kMemory, [=](uint64_t i) {
    const auto byte = static_cast<uint8_t>(values[i % values.size()]);
    for (volatile uint8_t* place : places) *place = byte;
  });
  return true;
}

}  // namespace frontend
