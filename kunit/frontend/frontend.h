// SPDX-License-Identifier: GPL-2.0
// A blkif frontend in user space, for behaviour that no kernel's frontend has.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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

  // Indices in the header of the shared ring (io/ring.h of Xen).
  enum Index { kReqProd = 0, kReqEvent = 1, kRspProd = 2, kRspEvent = 3 };

  const Layout& layout() const { return layout_; }
  uint32_t slots() const { return slots_; }
  uint32_t in_flight() const { return produced_ - consumed_; }
  uint32_t produced() const { return produced_; }
  uint32_t consumed() const { return consumed_; }
  Pages& pages() { return pages_; }
  uint32_t port() const { return channel_->port(); }
  uint32_t events() const { return events_; }

  // What only a hostile frontend does: sets all indices, writes one of them, writes to a
  // slot, sends an event, closes the channel.
  void start_at(uint32_t index);
  volatile uint32_t& shared(Index index) { return header()[index]; }
  volatile uint8_t* slot(uint32_t index) {
    return pages_.page(0) + kHeaderBytes + (index & (slots_ - 1)) * layout_.slot_bytes;
  }
  void notify() {
    if (channel_) channel_->notify();
  }
  void close_channel() { channel_.reset(); }

  // Writes one request to the ring; push() shows all of them to the backend.
  void put(const Request& request);
  void put_bytes(const uint8_t* bytes);  // a whole slot
  void push();
  void push_quietly();  // without an event
  // Takes the next response; ends the program when none comes within the time.
  Response take(double seconds = 20);
  bool try_take(Response& response);
  // Waits a while for an event.
  void pause(double seconds) {
    if (channel_ && channel_->wait(seconds)) ++events_;
  }

 private:
  volatile uint32_t* header() { return reinterpret_cast<volatile uint32_t*>(pages_.page(0)); }

  Layout layout_;
  Pages pages_;
  std::optional<Channel> channel_;
  uint32_t slots_;
  uint32_t produced_ = 0;
  uint32_t pushed_ = 0;
  uint32_t consumed_ = 0;
  uint32_t events_ = 0;
};

class Frontend {
 public:
  explicit Frontend(uint32_t vdev);

  // Connects from any state; ends the program when the backend refuses.
  void connect(const Options& options);
  // As connect(), but returns false when the backend refuses.
  bool try_connect(const Options& options);
  // The parts of try_connect(): waits for InitWait; makes rings and names them; waits for the
  // backend's answer.
  void begin();
  void offer(const Options& options) { share_rings(options); }
  bool finish();
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

  Ring& ring(uint32_t index = 0) { return *rings_.at(index); }
  uint32_t rings() const { return static_cast<uint32_t>(rings_.size()); }
  Store& store() { return store_; }
  const std::string& home() const { return home_; }  // our directory in xenstore
  // Writes a node of ours; the next connection removes it first.
  void publish(const std::string& node, const std::string& value);
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
  // publish(), with `before` and `behind` of the options around the value.
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
