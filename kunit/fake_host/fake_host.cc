// SPDX-License-Identifier: GPL-2.0
#include "fake_host/fake_host.h"

#include <algorithm>
#include <utility>

namespace fake {

namespace {
// A plain pointer: a kernel runs neither constructors nor destructors of globals.
Host* current = nullptr;
}  // namespace

Host& host() { return *current; }
void drop_host() { delete std::exchange(current, nullptr); }
void renew_host() {
  drop_host();
  current = new Host;
  std::fill_n(host_trace_on, HOST_TRACE_EVENTS, uint8_t{0});
  driver_init();
}

void Host::broken(const std::string& what) {
  if (current != nullptr) ++current->breaches;
  if (current == nullptr || current->complaints == nullptr) return report(what);
  current->complaints->push_back(what);
}

bool Host::fails(const char* function) {
  ++fallible_calls;
  if (fail_call != 0 && --fail_call == 0) {
    failed_call = function;
    return true;
  }
  return failing.contains(function);
}

int Host::error_of(const char* function, int usual) const {
  const auto other = errors.find(function);
  return other == errors.end() ? usual : other->second;
}

void Host::wait_for_memory() {
  now_ms += alloc_ms;
  cross();
  cross_work();
  // An allocation inside at_reclaim does not call at_reclaim again.
  if (!at_reclaim) return;
  const std::function<void()> reclaim = std::exchange(at_reclaim, nullptr);
  reclaim();
  at_reclaim = reclaim;
}

void Host::cross() {
  if (running == nullptr || elsewhere != 0 || spinlocks_held != 0) return;
  if (interrupt_at == 0 || --interrupt_at != 0) return;
  const Elsewhere other_cpu;
  interruption();
}

void Host::cross_work() {
  if (running_work == nullptr || elsewhere != 0 || spinlocks_held != 0) return;
  if (work_interrupt_at == 0 || --work_interrupt_at != 0) return;
  const Elsewhere other_cpu;
  work_interruption();
}

uint32_t Host::logged(const char* part, int level) const {
  uint32_t lines = 0;
  for (const Line& line : log) {
    if (level != 0 && line.level != level) continue;
    if (line.text.find(part) != std::string::npos) ++lines;
  }
  return lines;
}

uint32_t Host::seen(Visible what) const {
  return static_cast<uint32_t>(std::count(visible.begin(), visible.end(), what));
}

uint32_t Host::reads_of(const uint8_t* byte) const {
  return static_cast<uint32_t>(
      std::count_if(copies.begin(), copies.end(), [byte](const Copy& copy) {
        const auto* from = static_cast<const uint8_t*>(copy.from);
        return byte >= from && byte < from + copy.bytes;
      }));
}

void Host::may_sleep(const char* function) const {
  if (spinlocks_held != 0) broken(std::string(function) + " under a spinlock");
  if (interrupts != 0) broken(std::string(function) + " where nothing may sleep");
}

std::string Host::leaks() const {
  std::string text;
  const auto note = [&text](const char* what, size_t count) {
    if (count != 0) text += std::string(what) + ": " + std::to_string(count) + "; ";
  };
  note("memory", memory.size());
  note("memory accounts", logged("left over in the memory account"));
  note("pages", pages_out - lost_pages);
  note("buffers", buffers_out);
  note("mapped grants", handles.size() - lost_pages);
  note("scratches", scratches);
  note("rings", rings.size());
  note("disks", disks_open);
  note("channels", channels.size());
  note("threads", threads.size());
  note("works", works.size());
  note("I/Os", held.size());
  note("spinlocks", spinlocks_held);
  return text;
}

}  // namespace fake
