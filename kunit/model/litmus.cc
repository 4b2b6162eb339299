// SPDX-License-Identifier: GPL-2.0
// Cases for the checker itself: small programs whose outcomes are known.  Each names what must
// be seen and what must not.
#include "cases.h"
#include "world.h"

namespace model {
namespace {

constexpr auto kRelaxed = __ATOMIC_RELAXED;
constexpr auto kAcquire = __ATOMIC_ACQUIRE;
constexpr auto kRelease = __ATOMIC_RELEASE;
constexpr auto kSeqCst = __ATOMIC_SEQ_CST;

uint64_t* x;
uint64_t* y;
uint64_t results[4];
uint32_t ended;

uint64_t get(const uint64_t* at, int order = kRelaxed) { return load(at, 8, order, MODEL_CALLER); }
void set(uint64_t* at, uint64_t value, int order = kRelaxed) {
  store(at, 8, value, order, MODEL_CALLER);
}
void full() { fence(kSeqCst, MODEL_CALLER); }

void variables() {
  renew_world();
  x = static_cast<uint64_t*>(allocate(8));
  y = static_cast<uint64_t*>(allocate(8));
  ended = 0;
  for (uint64_t& result : results) result = 0;
  is_state(results, sizeof(results), nullptr, 0);
  is_state(&ended, sizeof(ended), nullptr, 0);
}

// Threads whose results together are the outcome, one digit each.
void threads(std::initializer_list<void (*)()> all) {
  const auto count = static_cast<uint32_t>(all.size());
  for (void (*run)() : all) {
    (void)spawn("thread", Ends::kMust, [run, count] {
      run();
      step();
      if (++ended != count) return;
      outcome(((results[0] * 10 + results[1]) * 10 + results[2]) * 10 + results[3]);
    });
  }
}

void must(std::initializer_list<uint64_t> yes, std::initializer_list<uint64_t> no) {
  for (const uint64_t value : yes) require(seen(value), "an outcome is not seen");
  for (const uint64_t value : no) require(!seen(value), "an impossible outcome is seen");
}

template <bool kFences>
void store_buffering() {
  variables();
  threads({[] {
             set(x, 1);
             if (kFences) full();
             results[0] = get(y);
           },
           [] {
             set(y, 1);
             if (kFences) full();
             results[1] = get(x);
           }});
}

template <int kStore, int kLoad>
void message_passing() {
  variables();
  threads({[] {
             set(x, 1);
             set(y, 1, kStore);
           },
           [] {
             results[0] = get(y, kLoad);
             results[1] = get(x);
           }});
}

void passing_with_fences() {
  variables();
  threads({[] {
             set(x, 1);
             fence(kRelease, MODEL_CALLER);
             set(y, 1);
           },
           [] {
             results[0] = get(y);
             fence(kAcquire, MODEL_CALLER);
             results[1] = get(x);
           }});
}

// A read-modify-write in between passes the first store's view on.
void release_sequence() {
  variables();
  threads({[] {
             set(x, 1);
             set(y, 1, kRelease);
           },
           [] { (void)modify(y, 8, Rmw::kAdd, 2, kRelaxed, MODEL_CALLER); },
           [] {
             results[0] = get(y, kAcquire);
             results[1] = get(x);
           }});
}

void coherence() {
  variables();
  threads({[] {
             set(x, 1);
             set(x, 2);
           },
           [] {
             results[0] = get(x);
             results[1] = get(x);
           }});
}

template <bool kFences>
void independent_reads() {
  variables();
  threads({[] { set(x, 1); }, [] { set(y, 1); },
           [] {
             results[0] = get(x);
             if (kFences) full();
             results[1] = get(y);
           },
           [] {
             results[2] = get(y);
             if (kFences) full();
             results[3] = get(x);
           }});
}

// Both first stores end up below both second ones.
template <int kSecond>
void two_writes_each() {
  variables();
  threads({[] {
             set(x, 1);
             set(y, 2, kSecond);
             full();
           },
           [] {
             set(y, 1);
             set(x, 2, kSecond);
             full();
           }});
  (void)spawn("reader", Ends::kMust, [] {
    step([] { return ended == 2; });
    outcome(5000 + newest(x, 8) * 10 + newest(y, 8));
  });
}

void adding() {
  variables();
  threads({[] { (void)modify(x, 8, Rmw::kAdd, 1, kRelaxed, MODEL_CALLER); },
           [] { (void)modify(x, 8, Rmw::kAdd, 1, kRelaxed, MODEL_CALLER); },
           [] {
             step([] { return ended == 2; });
             results[2] = newest(x, 8);
           }});
}

constexpr Case kCases[] = {
    {"litmus-sb", "stores wait in buffers", store_buffering<false>,
     [] { must({0, 100, 1000, 1100}, {}); }},
    {"litmus-sb-fences", "full fences empty the buffers", store_buffering<true>,
     [] { must({100, 1000, 1100}, {0}); }},
    {"litmus-mp", "stores and loads pass each other", message_passing<kRelaxed, kRelaxed>,
     [] { must({0, 100, 1000, 1100}, {}); }},
    {"litmus-mp-store", "loads pass each other", message_passing<kRelease, kRelaxed>,
     [] { must({0, 100, 1000, 1100}, {}); }},
    {"litmus-mp-load", "stores pass each other", message_passing<kRelaxed, kAcquire>,
     [] { must({0, 100, 1000, 1100}, {}); }},
    {"litmus-mp-both", "release and acquire order both", message_passing<kRelease, kAcquire>,
     [] { must({0, 100, 1100}, {1000}); }},
    {"litmus-mp-fences", "and so do fences", passing_with_fences,
     [] { must({0, 100, 1100}, {1000}); }},
    {"litmus-sequence", "a release passes through read-modify-writes", release_sequence,
     [] { must({1100, 3100, 2000, 2100}, {1000, 3000}); }},
    {"litmus-coherence", "nobody sees an older value after a newer one", coherence,
     [] { must({0, 100, 200, 1100, 1200, 2200}, {1000, 2000, 2100}); }},
    {"litmus-iriw", "two readers may see two stores in both orders", independent_reads<false>,
     [] { must({1010, 1111, 0}, {}); }},
    {"litmus-iriw-fences", "but not with full fences", independent_reads<true>,
     [] { must({1011, 1110, 1111}, {1010}); }},
    {"litmus-2+2w", "stores to two places may end in either order", two_writes_each<kRelaxed>,
     [] { must({5011, 5012, 5021, 5022}, {}); }},
    {"litmus-adding", "no addition is lost", adding, [] { must({20}, {10}); }},
};

}  // namespace

std::span<const Case> litmus_cases() { return kCases; }

}  // namespace model
