// SPDX-License-Identifier: GPL-2.0
// Does what a case file says.
//
// Every response is checked: it belongs to a request without one, has its operation, and
// changes no byte of its slot but those of the id, the operation and the status (XSA-216).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "churn.h"
#include "frontend.h"
#include "language.h"

namespace frontend {

class Machine {
 public:
  Machine(Frontend& frontend, const CaseFile& file) : frontend_(frontend), file_(file) {}

  // Ends the program when something is not as the case says.  At the end the frontend is
  // Closed.
  void run();

 private:
  // A request without an answer.
  struct Awaited {
    uint8_t operation;
    uint32_t answers;
    uint32_t line;
  };
  struct Slots {
    std::multimap<uint64_t, Awaited> awaited;  // by id
    std::vector<std::vector<uint8_t>> written;
    uint32_t events_seen = 0;
    bool polls = false;     // events may be missing: the case has changed what asks for them
    bool loose = false;     // answers are only counted
    bool changing = false;  // what the slots hold is not what was written
  };

  void block(const std::vector<Statement>& statements);
  void statement(const Statement& statement);
  bool connection(const Statement& statement);
  bool nodes(const Statement& statement);
  bool pages(const Statement& statement);
  bool requests(const Statement& statement);
  bool churning(const Statement& statement);

  void offer(const Statement& statement);
  void go(const Statement& statement);
  void end_connection();
  void put(const Statement& statement);
  std::vector<uint8_t> encode(const Statement& statement, const Ring& ring, uint64_t id);
  void take(uint32_t queue, double seconds);
  void take_all(uint32_t queue, double seconds);
  void expect_silence(uint32_t queue, double seconds);
  void header(const Statement& statement);

  uint32_t queue_of(const Statement& statement);
  uint64_t number(const Expression& expression, uint32_t queue = 0);
  uint64_t option(const Statement& statement, const char* name, uint64_t otherwise,
                  uint32_t queue = 0);
  std::vector<uint32_t> grefs(const Grefs& grefs, uint32_t queue = 0);
  std::vector<Segment> segments(const Statement& statement, size_t from, uint32_t queue);
  std::vector<uint8_t*> memory(const Grefs& grefs, uint32_t queue = 0);
  std::string value(const Value& value);
  uint32_t domain(const Statement& statement);
  [[noreturn]] void no_memory(const std::string& name);

  Frontend& frontend_;
  const CaseFile& file_;
  std::map<std::string, std::unique_ptr<Pages>> pages_;
  std::map<std::string, std::unique_ptr<Channel>> ports_;
  std::vector<Slots> slots_;
  bool offered_ = false;
  bool odd_ = false;  // states were written: what the backend's state says may be old
  uint32_t line_ = 0;
  uint64_t sectors_ = 0;  // of the disk; 0: not read yet
  // The last member: its threads end first.
  Churn churn_;
};

}  // namespace frontend
