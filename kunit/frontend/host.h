// SPDX-License-Identifier: GPL-2.0
// The interfaces of a guest's kernel: granted pages, event channels, xenstore.  Every
// failure ends the program with a line that says what failed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct xs_handle;
struct xengntdev_handle;
struct xenevtchn_handle;

namespace frontend {

[[noreturn]] void die(const char* format, ...) __attribute__((format(printf, 1, 2)));
// From now on each message of die() begins with `place`.
void set_place(const std::string& place);

double now();  // seconds

class Store {
 public:
  Store();
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  std::optional<std::string> read(const std::string& path) const;
  void write(const std::string& path, const std::string& value) const;
  void remove(const std::string& path) const;

 private:
  xs_handle* handle_;
};

// The log of the guest's kernel.
class KernelLog {
 public:
  KernelLog();  // reads the lines from now on
  ~KernelLog();
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;

  // The number of new lines about pages that are still mapped when they are taken back.
  uint32_t still_mapped();

 private:
  int file_;
};

// Pages that we have mapped and granted to one domain as long as the object lives.  The
// destructor ends the program when another domain still has one of them mapped.
class Pages {
 public:
  Pages(uint32_t domain, uint32_t count, bool writable = true);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  uint8_t* page(uint32_t index) { return base_ + index * 4096ul; }
  uint32_t gref(uint32_t index) const { return grefs_[index]; }
  uint32_t count() const { return static_cast<uint32_t>(grefs_.size()); }

  // Takes the pages back for good; their grant references stay known.  The data is gone.
  void revoke();
  bool revoked() const { return base_ == nullptr; }
  // Takes the pages back and grants new ones with the same data.  Returns how many of the old
  // pages another domain still had mapped: the guest's kernel logs that it defers them.
  uint32_t renew();
  // All objects, whichever domain their pages are granted to.
  static const std::set<Pages*>& all();

 private:
  void share();
  uint32_t take_back();  // returns how many are still mapped

  uint32_t domain_;
  bool writable_;
  uint8_t* base_ = nullptr;
  std::vector<uint32_t> grefs_;
};

// A page that our own domain has granted to itself and mapped, as long as the object lives.  It
// stands for a page that a backend forgets to unmap.
class SelfMapped {
 public:
  SelfMapped();
  ~SelfMapped();
  SelfMapped(const SelfMapped&) = delete;
  SelfMapped& operator=(const SelfMapped&) = delete;

  Pages& page() { return *page_; }

 private:
  std::unique_ptr<Pages> page_;
  xengntdev_handle* grants_;
  void* mapping_;
};

// Ends the program unless this kernel logs a page that is still mapped.
void check_kernel_log();

// An event channel's port, unbound, for one domain.
class Channel {
 public:
  explicit Channel(uint32_t domain);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  uint32_t port() const { return port_; }
  void notify();
  // Waits for an event; false when none came within the time.
  bool wait(double seconds);

 private:
  xenevtchn_handle* handle_;
  uint32_t port_;
};

}  // namespace frontend
