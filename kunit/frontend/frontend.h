// SPDX-License-Identifier: GPL-2.0
// A blkif frontend in user space, for behaviour that no kernel's frontend has.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host.h"
#include "wire.h"

namespace frontend {

// States of xenbus, io/xenbus.h of Xen.
enum State {
  kInitialising = 1,
  kInitWait = 2,
  kInitialised = 3,
  kConnected = 4,
  kClosing = 5,
  kClosed = 6,
};

struct Options {
  std::string protocol = "x86_64-abi";  // empty: no such node
  uint32_t queues = 1;
  int order = -1;  // order of each ring's pages; -1: no node, one page named "ring-ref"
  bool persistent = false;
  bool omit_ring_ref = false;
  bool other_ring_ref = false;  // one page: "ring-ref0" in place of "ring-ref" and vice versa
  std::string before;           // written before each value
  std::string behind;           // written behind each value; may hold a NUL
};

// One shared ring and its event channel.
class Ring {
 public:
  Ring(uint32_t domain, uint32_t pages, const Layout& layout);

  uint32_t slots() const { return slots_; }
  uint32_t in_flight() const { return produced_ - consumed_; }
  Pages& pages() { return pages_; }
  uint32_t port() const { return channel_.port(); }

  // Writes one request to the ring; push() shows all of them to the backend.
  void put(const Request& request);
  void push();
  // Takes the next response; ends the program when none comes within the time.
  Response take(double seconds = 20);
  bool try_take(Response& response);
  // Waits a while for an event.
  void pause(double seconds) { (void)channel_.wait(seconds); }

 private:
  volatile uint32_t* header() { return reinterpret_cast<volatile uint32_t*>(pages_.page(0)); }
  volatile uint8_t* slot(uint32_t index) {
    return pages_.page(0) + kHeaderBytes + (index & (slots_ - 1)) * layout_.slot_bytes;
  }

  Layout layout_;
  Pages pages_;
  Channel channel_;
  uint32_t slots_;
  uint32_t produced_ = 0;
  uint32_t consumed_ = 0;
};

class Frontend {
 public:
  explicit Frontend(uint32_t vdev);

  // Connects from any state; ends the program when the backend refuses.
  void connect(const Options& options);
  // As connect(), but returns false when the backend refuses.
  bool try_connect(const Options& options);
  // Replaces the rings in xenstore by new ones without waiting for the backend.  The old
  // rings stay granted until forget().
  void renew_rings(const Options& options);
  // Goes to Closing and Closed, and waits until the backend is Closed.  Ends the program when
  // one of our pages is still mapped then.  All pages get new grants.
  void close();
  // Goes to Closed at once, with requests in flight or not.  The rest is as in close().
  void drop();
  // Brings the backend to Closed from whatever it is about to do: drop() alone takes a Closed
  // that was published before our last states were read.
  void settle();
  // Gives the pages of all rings back; the backend must no longer use them.
  void forget() {
    rings_.clear();
    old_rings_.clear();
  }

  Ring& ring(uint32_t index = 0) { return *rings_[index]; }
  uint32_t domain() const { return domain_; }
  State backend_state() const;
  bool wait_backend(State state, double seconds);
  uint64_t property(const std::string& name) const;  // of the backend; 0: absent
  void state(State state) const;

  // Sends one request and waits for its response; returns the status.
  int16_t run(Request request, uint32_t ring = 0);
  uint64_t next_id() { return ++last_id_ * 0x100000001ull; }

 private:
  // Writes our state.  Ends the program when the backend is not in the state `answer` in time.
  void go(State own, State answer, double seconds);
  void start_over();
  // Ends the program when one of our pages is mapped.  All pages get new grants.
  static void expect_unmapped(const char* when);
  void forget_nodes();
  void share_rings(const Options& options);
  void publish(const std::string& node, const std::string& value);
  // The same, with `before` and `behind` of the options around the value.
  void write(const Options& options, const std::string& node, const std::string& value) {
    publish(node, options.before + value + options.behind);
  }

  Store store_;
  std::string home_;
  std::string backend_;
  uint32_t domain_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::vector<std::unique_ptr<Ring>> old_rings_;  // the backend may still use them
  std::vector<std::string> written_;              // nodes of the last connection
  uint64_t last_id_ = 0;
};

}  // namespace frontend
