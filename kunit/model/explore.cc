// SPDX-License-Identifier: GPL-2.0
#include "explore.h"

#include <sys/mman.h>
#include <ucontext.h>
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

namespace model {
namespace {

constexpr size_t kArena = size_t{1} << 20;
constexpr size_t kStack = size_t{256} << 10;
constexpr uint8_t kNobody = 0;
constexpr uint8_t kShared = 0xff;
constexpr uint32_t kNone = 0xffff;
constexpr size_t kLongest = 1000;  // choices of a run

struct Choice {
  uint32_t chosen;
  uint32_t count;
};

struct Object {
  uint8_t* begin;
  size_t bytes;
  bool freed;
  uint16_t last[kThreads];  // clocks of each thread's last access
};

// Who has read and written a byte that several threads touch.
struct Shadow {
  uint16_t wrote[kThreads];
  uint16_t read[kThreads];
};

struct Thread {
  const char* name;
  Ends ends;
  std::function<void()> run;
  std::function<bool()> ready;
  bool waits;
  bool finished;
  bool started;
  bool fresh;  // was chosen to begin, and has done nothing yet
  bool late;   // goes on only when all others wait
  uint64_t history;
  jmp_buf at;
};

struct Site {
  int order;
  bool weak;
  bool shared;
  const char* what;
};

struct State {
  const void* memory;
  size_t bytes;
  View* views;
  uint32_t view_count;
};

uint32_t choose(uint32_t count);
void reschedule();

// --- For the whole exploration ------------------------------------------------
uint8_t* arena;
uint8_t owner[kArena];         // of each byte: the one thread that touches it, or kShared
uint16_t location_of[kArena];  // of a shared atomic object, by its first byte
uint16_t shadow_of[kArena];    // of a shared byte
uint32_t locations;
uint32_t shadows;
bool news;  // a byte has turned out to be shared: what was explored so far does not count
std::map<const void*, Site> sites;
std::unordered_set<uint64_t> visited;
std::set<uint64_t> outcomes;
std::vector<Choice> path;
uint8_t* stacks[kThreads];
Options options;
bool tracing;
const void* outer_caller;

// --- For one run ----------------------------------------------------------------
Memory memory(choose);
size_t used;
std::vector<Object> objects;
uint16_t object_of[kArena / 16];
std::vector<Shadow> shadow;
std::vector<State> states;
std::vector<std::pair<size_t, size_t>> words;
Thread threads[kThreads];
uint32_t thread_count;
uint32_t running;
bool exploring;
bool frees;
uint32_t preemptions;  // how many are left
size_t depth;
jmp_buf scheduler;
std::string fault;

enum End { kRunning, kAllDone, kVisited, kFault };

[[noreturn]] void end_run(End end) { longjmp(scheduler, end); }

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 29);
}

uint32_t choose(uint32_t count) {
  if (count == 1) return 0;
  if (depth == path.size()) path.push_back({0, count});
  if (path[depth].count != count) {
    std::puts("a run took another course than the one before it");
    std::exit(2);
  }
  return path[depth++].chosen;
}

uint64_t state_hash() {
  uint64_t hash = memory.hash(thread_count, thread_count, locations);
  if (preemptions < kAnyPreemptions / 2) hash = mix(hash, preemptions * kThreads + running);
  for (uint32_t i = 0; i < thread_count; ++i) {
    hash = mix(hash, threads[i].history * 4 + threads[i].finished * 2 + threads[i].started);
  }
  for (const State& state : states) {
    for (uint32_t i = 0; i < state.view_count; ++i) {
      hash = memory.hash(hash, state.views[i], locations);
    }
    const auto* at = static_cast<const uint8_t*>(state.memory);
    for (size_t i = 0; i < state.bytes; ++i) hash = mix(hash, at[i]);
  }
  return hash;
}

void thread_start() {
  threads[running].run();
  threads[running].finished = true;
  reschedule();
  std::abort();
}

[[noreturn]] void start(uint32_t next) {
  running = next;
  threads[next].started = true;
  threads[next].fresh = true;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks[next];
  context.uc_stack.ss_size = kStack;
  context.uc_link = nullptr;
  makecontext(&context, thread_start, 0);
  setcontext(&context);
  std::abort();
}

void switch_to(uint32_t next) {
  if (_setjmp(threads[running].at) != 0) return;
  if (!threads[next].started) start(next);
  running = next;
  _longjmp(threads[next].at, 1);
}

bool enabled(const Thread& thread) { return !thread.finished && (!thread.waits || thread.ready()); }

void reach_end() {
  for (uint32_t i = 0; i < thread_count; ++i) {
    if (!threads[i].finished && threads[i].ends == Ends::kMust) {
      fault = std::string("thread \"") + threads[i].name + "\" waits for ever";
      end_run(kFault);
    }
  }
  end_run(kAllDone);
}

bool in_arena(const void* at) { return at >= arena && at < arena + kArena; }

const char* order_name(int order) {
  switch (order) {
    case __ATOMIC_RELAXED:
      return "relaxed";
    case __ATOMIC_ACQUIRE:
    case __ATOMIC_CONSUME:
      return "acquire";
    case __ATOMIC_RELEASE:
      return "release";
    case __ATOMIC_ACQ_REL:
      return "acq_rel";
    case __ATOMIC_SEQ_CST:
      return "seq_cst";
    default:
      return "full";
  }
}

Site& site_of(const void* caller, const char* what, int order) {
  const auto found = sites.find(caller);
  if (found != sites.end() && found->second.what != nullptr) return found->second;
  Site& site = sites[caller];
  site.what = what;
  site.order = order;
  return site;
}

void trace(const char* what, const void* at, uint64_t value, int order, const void* caller) {
  if (!tracing) return;
  std::printf("  %-10s %-8s %-8s %5zx = %llx%s\t@%p\n", threads[running].name, what,
              order_name(order), in_arena(at) ? static_cast<const uint8_t*>(at) - arena : 0,
              static_cast<unsigned long long>(value),
              memory.was_newest() ? "" : " (not the newest)", caller);
}

// Notes that the running thread touches the byte.  Returns true when others do, too.
bool touch(size_t byte) {
  const auto me = static_cast<uint8_t>(running + 1);
  if (owner[byte] == kShared) return true;
  if (owner[byte] == me) return false;
  if (owner[byte] == kNobody) {
    owner[byte] = me;
    return false;
  }
  owner[byte] = kShared;
  news = true;
  return true;
}

void check_object(size_t byte, const void* caller) {
  const uint32_t number = object_of[byte / 16];
  if (number == kNone) return;
  Object& object = objects[number];
  if (frees) object.last[running] = memory.clock(running);
  if (!object.freed) return;
  trace("access", arena + byte, 0, __ATOMIC_RELAXED, caller);
  fail("access to freed memory");
}

// A thread that is chosen makes an access, or waits, before the next choice: each state that is
// noted differs from the one before it.
void reschedule() {
  if (std::exchange(threads[running].fresh, false) && enabled(threads[running])) {
    threads[running].waits = false;
    return;
  }
  if (depth >= path.size() && !tracing && !visited.insert(state_hash()).second) end_run(kVisited);
  uint32_t candidates[kThreads];
  uint32_t count = 0;
  const bool goes_on = enabled(threads[running]);
  if (goes_on) candidates[count++] = running;
  for (uint32_t i = 0; i < thread_count && !(goes_on && preemptions == 0); ++i) {
    if (i != running && enabled(threads[i])) candidates[count++] = i;
  }
  if (count == 0) reach_end();
  const auto* const end = std::stable_partition(
      candidates, candidates + count, [](uint32_t thread) { return !threads[thread].late; });
  if (end != candidates) {
    count = static_cast<uint32_t>(end - candidates);
  } else {
    memory.settle();
  }
  if (depth > kLongest) fail("goes on for ever");
  const uint32_t next = candidates[choose(count)];
  if (next != running) {
    if (goes_on && !threads[running].late) --preemptions;
    switch_to(next);
  }
  threads[running].waits = false;
}

// The location of a shared atomic object; kNone for one that only this thread touches.
uint32_t find_location(const void* at, uint32_t& bytes, size_t& byte) {
  byte = static_cast<size_t>(static_cast<const uint8_t*>(at) - arena);
  for (const auto& [from, count] : words) {
    if (byte >= from && byte < from + count) {
      byte &= ~size_t{7};
      bytes = 8;
    }
  }
  bool shared = false;
  for (uint32_t i = 0; i < bytes; ++i) shared |= touch(byte + i);
  if (!shared) return kNone;
  if (location_of[byte] == kNone) {
    if (locations == kLocations) {
      std::puts("too many shared locations");
      std::exit(2);
    }
    location_of[byte] = static_cast<uint16_t>(locations++);
    news = true;
  }
  return location_of[byte];
}

uint64_t read_real(const void* at, uint32_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

uint64_t mask_of(uint32_t bytes) {
  return bytes == 8 ? ~uint64_t{0} : (uint64_t{1} << bytes * 8) - 1;
}

struct Access {
  uint32_t location = kNone;
  uint32_t shift = 0;  // of the accessed bytes in their word, in bits
  int order = 0;
  bool acquire = false;
  bool release = false;
  bool full = false;
};

// Is the access, or the call of the function that makes it, to be weakened?
bool weakened(Site& site, const char* what, int order) {
  const void* outer = std::exchange(outer_caller, nullptr);
  bool weak = site.weak;
  if (outer != nullptr) {
    Site& call = site_of(outer, what, order);
    call.shared = true;
    weak |= call.weak;
  }
  return weak;
}

Access begin(const void* at, uint32_t bytes, const char* what, int order, const void* caller,
             bool only_stores = false) {
  Access access;
  access.order = order;
  if (!exploring) {
    outer_caller = nullptr;
    return access;
  }
  Site& site = site_of(caller, what, order);
  if (!in_arena(at)) return access;
  size_t byte = 0;
  uint32_t whole = bytes;
  access.location = find_location(at, whole, byte);
  check_object(byte, caller);
  if (access.location == kNone) return access;
  site.shared = true;
  if (order == __ATOMIC_SEQ_CST) fail("a seq_cst access: the model has only fences");
  if (weakened(site, what, order)) access.order = __ATOMIC_RELAXED;
  access.full = access.order == kFull;
  access.acquire =
      access.full || access.order == __ATOMIC_ACQUIRE || access.order == __ATOMIC_ACQ_REL;
  access.release =
      access.full || access.order == __ATOMIC_RELEASE || access.order == __ATOMIC_ACQ_REL;
  access.shift = static_cast<uint32_t>(static_cast<const uint8_t*>(at) - (arena + byte)) * 8;
  // A store may be made at once: whoever runs later need not see it, and may store before it.
  if (only_stores) {
    threads[running].fresh = false;
  } else {
    reschedule();
  }
  check_object(byte, caller);
  if (!memory.known(access.location)) {
    memory.first(access.location, read_real(arena + byte, whole));
  }
  if (access.full) memory.fence(running, true, true, true);
  return access;
}

void finish(const Access& access, const char* what, void* at, uint32_t bytes, uint64_t read,
            uint64_t shown, const void* caller) {
  if (access.full) memory.fence(running, true, true, true);
  threads[running].history =
      mix(mix(threads[running].history, read), reinterpret_cast<uintptr_t>(caller));
  const uint64_t value = memory.newest(access.location) >> access.shift;
  std::memcpy(at, &value, bytes);
  trace(what, at, shown, access.order, caller);
}

uint64_t apply(Rmw how, uint64_t value, uint64_t operand) {
  switch (how) {
    case Rmw::kExchange:
      return operand;
    case Rmw::kAdd:
      return value + operand;
    case Rmw::kSub:
      return value - operand;
    case Rmw::kOr:
      return value | operand;
    case Rmw::kAnd:
      return value & operand;
    case Rmw::kXor:
      break;
  }
  return value ^ operand;
}

End run_once(const Case& tried) {
  std::memset(arena, 0, used);
  std::memset(object_of, 0xff, sizeof(object_of));
  used = 64;
  objects.clear();
  shadow.assign(shadows, Shadow{});
  states.clear();
  words.clear();
  memory.reset();
  for (Thread& thread : threads) thread = Thread{};
  thread_count = 0;
  depth = 0;
  exploring = false;
  running = kThreads;  // no thread
  frees = false;
  preemptions = options.preemptions != 0 ? options.preemptions : tried.preemptions;
  tried.set_up();
  exploring = true;
  const auto end = static_cast<End>(_setjmp(scheduler));
  if (end != kRunning) {
    exploring = false;
    return end;
  }
  start(choose(thread_count));
}

bool next_path() {
  while (!path.empty() && path.back().chosen + 1 == path.back().count) path.pop_back();
  if (path.empty()) return false;
  ++path.back().chosen;
  return true;
}

}  // namespace

void* allocate(size_t bytes) {
  bytes = (bytes + 31) & ~size_t{15};  // a gap, so that no two objects share a word
  if (used + bytes > kArena) {
    std::puts("the arena is too small");
    std::exit(2);
  }
  uint8_t* begin = arena + used;
  for (size_t i = used / 16; i < (used + bytes) / 16; ++i) {
    object_of[i] = static_cast<uint16_t>(objects.size());
  }
  objects.push_back({begin, bytes, false, {}});
  used += bytes;
  return begin;
}

void release(void* freed, const void* caller) {
  if (freed == nullptr) return;
  Object& object = objects[object_of[(static_cast<uint8_t*>(freed) - arena) / 16]];
  if (!exploring) {
    object.freed = true;
    return;
  }
  if (object.freed) fail("freed twice");
  object.freed = true;
  trace("free", freed, object.bytes, __ATOMIC_RELAXED, caller);
  for (uint32_t i = 0; i < thread_count; ++i) {
    if (i != running && object.last[i] > memory.now(running).clock[i]) {
      fault = std::string("thread \"") + threads[i].name + "\": ";
      fault += "an access to freed memory does not happen before the free";
      end_run(kFault);
    }
  }
}

uint32_t spawn(const char* name, Ends ends, std::function<void()> run) {
  if (thread_count == kThreads) {
    std::puts("too many threads");
    std::exit(2);
  }
  Thread& thread = threads[thread_count];
  thread.name = name;
  thread.ends = ends;
  thread.run = std::move(run);
  return thread_count++;
}

void step(const std::function<bool()>& ready) {
  if (!exploring) return;
  Thread& me = threads[running];
  me.waits = true;
  me.ready = ready;
  reschedule();
  note(1);
}

void step() {
  if (!exploring) return;
  reschedule();
  note(2);
}

void note(uint64_t value) {
  if (exploring) threads[running].history = mix(threads[running].history, value);
}

void watch_frees() { frees = true; }

void wait_for_others() { threads[running].late = true; }

uint32_t self() { return running; }

void fail(const char* what) {
  fault = std::string("thread \"") + threads[running].name + "\": " + what;
  end_run(kFault);
}

void outcome(uint64_t value) { outcomes.insert(value); }
bool seen(uint64_t value) { return outcomes.contains(value); }

void publish(View& view) {
  if (exploring) memory.publish(running, view);
}
void release_to(View& view) {
  if (exploring) memory.release_to(running, view);
}
bool untouched_by_others(const void* at) {
  if (!exploring) return true;
  return in_arena(at) && !touch(static_cast<size_t>(static_cast<const uint8_t*>(at) - arena));
}
void observe(const View& view) {
  if (exploring) memory.observe(running, view);
}
void is_state(const void* at, size_t bytes, View* views, uint32_t count) {
  states.push_back({at, bytes, views, count});
}

uint64_t load(const void* at, uint32_t bytes, int order, const void* caller) {
  const Access access = begin(at, bytes, "load", order, caller);
  if (access.location == kNone) return read_real(at, bytes);
  const uint64_t value =
      memory.load(running, access.location, access.acquire) >> access.shift & mask_of(bytes);
  finish(access, "load", const_cast<void*>(at), bytes, value, value, caller);
  return value;
}

void store(void* at, uint32_t bytes, uint64_t value, int order, const void* caller) {
  const Access access = begin(at, bytes, "store", order, caller, true);
  if (access.location == kNone) {
    std::memcpy(at, &value, bytes);
    return;
  }
  const uint64_t mask = mask_of(bytes) << access.shift;
  memory.store(running, access.location, value << access.shift & mask, mask, access.release);
  finish(access, "store", at, bytes, 0, value, caller);
}

uint64_t modify(void* at, uint32_t bytes, Rmw how, uint64_t operand, int order,
                const void* caller) {
  const Access access = begin(at, bytes, "modify", order, caller);
  const uint64_t mask = mask_of(bytes);
  if (access.location == kNone) {
    const uint64_t old = read_real(at, bytes);
    const uint64_t value = apply(how, old, operand) & mask;
    std::memcpy(at, &value, bytes);
    return old;
  }
  const uint64_t old =
      memory.modify(running, access.location, access.acquire, access.release, [&](uint64_t& value) {
        value = apply(how, value, operand) & mask;
        return true;
      });
  finish(access, "modify", at, bytes, old, old, caller);
  return old;
}

bool compare_exchange(void* at, uint32_t bytes, uint64_t& expected, uint64_t desired, int order,
                      int failure_order, const void* caller) {
  const Access access = begin(at, bytes, "modify", order, caller);
  const uint64_t wanted = expected;
  if (access.location == kNone) {
    expected = read_real(at, bytes);
    if (expected == wanted) std::memcpy(at, &desired, bytes);
    return expected == wanted;
  }
  expected = memory.modify(
      running, access.location, access.acquire, access.release,
      [&](uint64_t& value) {
        if (value != wanted) return false;
        value = desired;
        return true;
      },
      access.order != __ATOMIC_RELAXED && failure_order == __ATOMIC_ACQUIRE);
  finish(access, "modify", at, bytes, expected, expected, caller);
  return expected == wanted;
}

void fence(int order, const void* caller) {
  if (!exploring) {
    outer_caller = nullptr;
    return;
  }
  Site& site = site_of(caller, "fence", order);
  site.shared = true;
  if (weakened(site, "fence", order)) return;
  // Other fences change only what their own thread sees.
  if (order == __ATOMIC_SEQ_CST || order == kFull) reschedule();
  memory.fence(running, order != __ATOMIC_RELEASE, order != __ATOMIC_ACQUIRE,
               order == __ATOMIC_SEQ_CST || order == kFull);
  threads[running].history = mix(threads[running].history, reinterpret_cast<uintptr_t>(caller));
  trace("fence", nullptr, 0, order, caller);
}

void plain(const void* at, size_t bytes, bool writes, const void* caller) {
  if (!exploring || !in_arena(at)) return;
  const auto from = static_cast<size_t>(static_cast<const uint8_t*>(at) - arena);
  check_object(from, caller);
  for (size_t byte = from; byte < from + bytes; ++byte) {
    if (!touch(byte)) continue;
    if (shadow_of[byte] == kNone) {
      shadow_of[byte] = static_cast<uint16_t>(shadows++);
      news = true;
    }
    if (!writes) threads[running].history = mix(threads[running].history, arena[byte]);
    if (shadow_of[byte] >= shadow.size()) continue;  // from the next run on
    Shadow& who = shadow[shadow_of[byte]];
    const uint16_t clock = memory.clock(running);
    const View& now = memory.now(running);
    for (uint32_t i = 0; i < thread_count; ++i) {
      if (i == running) continue;
      if (who.wrote[i] > now.clock[i] || (writes && who.read[i] > now.clock[i])) {
        trace(writes ? "write" : "read", at, 0, __ATOMIC_RELAXED, caller);
        fail(writes ? "a plain write races with another access"
                    : "a plain read races with a write");
      }
    }
    (writes ? who.wrote : who.read)[running] = clock;
  }
}

uint64_t newest(const void* at, uint32_t bytes) {
  const auto byte = static_cast<size_t>(static_cast<const uint8_t*>(at) - arena);
  if (location_of[byte] != kNone && memory.known(location_of[byte])) {
    return memory.newest(location_of[byte]);
  }
  return read_real(at, bytes);
}

void are_words(const void* from, size_t bytes) {
  words.emplace_back(static_cast<const uint8_t*>(from) - arena, bytes);
}

void called_from(const void* caller) { outer_caller = caller; }

void weaken(const void* caller) { sites[caller].weak = true; }

bool explore(const Case& tried, const Options& wanted) {
  options = wanted;
  if (arena == nullptr) {
    // The same addresses in each run: values that threads read may be addresses.
    void* map = mmap(reinterpret_cast<void*>(0x100000000000), kArena, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (map == MAP_FAILED) std::abort();
    arena = static_cast<uint8_t*>(map);
    for (uint8_t*& stack : stacks) stack = static_cast<uint8_t*>(std::malloc(kStack));
  }
  used = kArena;
  std::memset(location_of, 0xff, sizeof(location_of));
  std::memset(shadow_of, 0xff, sizeof(shadow_of));

  uint64_t runs = 0;
  uint64_t all_runs = 0;
  End end = kAllDone;
  do {
    path.clear();
    visited.clear();
    outcomes.clear();
    news = false;
    runs = 0;
    do {
      end = run_once(tried);
      ++runs;
      // With news all starts again: the next run would have other choices, and a fault may be
      // none, for the accesses made before the news have left no views.
      if (end == kFault || news) break;
      if (options.most_runs != 0 && all_runs + runs == options.most_runs) {
        std::printf("gave up after %llu runs, %zu states\n",
                    static_cast<unsigned long long>(options.most_runs), visited.size());
        tracing = options.trace;
        if (tracing) (void)run_once(tried);
        return false;
      }
    } while (next_path());
    all_runs += runs;
  } while (news);

  for (const auto& [caller, site] : sites) {
    if (site.what == nullptr) continue;
    std::printf("site %p %s %s %s\n", caller, site.what, order_name(site.order),
                site.shared ? "shared" : "local");
  }
  if (end == kFault) {
    std::printf("fault: %s\n", fault.c_str());
    if (options.trace) {
      tracing = true;
      (void)run_once(tried);
      tracing = false;
    }
    return false;
  }
  std::printf("%llu runs, %zu states, %u shared atomic objects\n",
              static_cast<unsigned long long>(all_runs), visited.size(), locations);
  if (tried.ended != nullptr) {
    fault.clear();
    if (_setjmp(scheduler) != 0) {
      std::printf("fault: %s\n", fault.c_str());
      return false;
    }
    tried.ended();
  }
  return true;
}

}  // namespace model
