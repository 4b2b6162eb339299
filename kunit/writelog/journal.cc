// SPDX-License-Identifier: GPL-2.0
#include "journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ask.h"
#include "log.h"

namespace writelog {

namespace {

constexpr size_t kRecord = 1000;  // bytes: records share blocks with their neighbours
constexpr size_t kSlot = 4096;
constexpr uint64_t kSlots = 16;
constexpr size_t kNoise = 64 << 10;

enum Kind : uint64_t { kAppended, kNewFile, kRenamed, kOverwritten, kKinds };

std::string contents(uint64_t record, size_t bytes) {
  std::string text = "record " + std::to_string(record) + '\n';
  while (text.size() < bytes) text += static_cast<char>('a' + (text.size() * 7 + record) % 26);
  text.resize(bytes);
  return text;
}

class File {
 public:
  File(const std::string& path, int flags)
      : path_(path), file_(open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (file_ < 0) fail("open");
  }
  ~File() { close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(const char* data, size_t bytes, uint64_t offset) {
    if (pwrite(file_, data, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes)) {
      fail("write");
    }
  }
  void write(const std::string& data, uint64_t offset = 0) {
    write(data.data(), data.size(), offset);
  }
  void sync() {
    if (fsync(file_) != 0) fail("fsync");
  }

 private:
  [[noreturn]] void fail(const char* what) {
    die("%s of %s: %s", what, path_.c_str(), std::strerror(errno));
  }

  std::string path_;
  int file_;
};

// Empty when there is no such file.
std::string read_file(const std::string& path) {
  std::string text;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char part[65536];
  ssize_t got;
  while ((got = read(file, part, sizeof(part))) > 0) text.append(part, static_cast<size_t>(got));
  if (got < 0) die("reading %s: %s", path.c_str(), std::strerror(errno));
  close(file);
  return text;
}

class Journal {
 public:
  explicit Journal(const std::string& folder)
      : folder_(folder),
        log_(folder + "/log", O_WRONLY | O_CREAT),
        slots_(folder + "/slots", O_WRONLY | O_CREAT | O_DIRECT | O_DSYNC),
        directory_(folder, O_RDONLY | O_DIRECTORY),
        aligned_(static_cast<char*>(std::aligned_alloc(kSlot, kSlot))) {
    for (uint64_t i = 0; i < kSlots; ++i) write_slot(i, 0);
    log_.sync();
    directory_.sync();
  }

  void write(uint64_t record) {
    switch (record % kKinds) {
      case kAppended:
        log_.write(contents(record, kRecord), record / kKinds * kRecord);
        log_.sync();
        break;
      case kNewFile:
        write_whole(folder_ + "/record." + std::to_string(record), record);
        directory_.sync();
        break;
      case kRenamed:
        write_whole(folder_ + "/new", record);
        if (rename((folder_ + "/new").c_str(), (folder_ + "/current").c_str()) != 0) {
          die("rename: %s", std::strerror(errno));
        }
        directory_.sync();
        break;
      default:
        write_slot(record / kKinds % kSlots, record);
        break;
    }
  }

 private:
  void write_whole(const std::string& path, uint64_t record) {
    File file(path, O_WRONLY | O_CREAT | O_TRUNC);
    file.write(contents(record, kRecord));
    file.sync();
  }

  void write_slot(uint64_t slot, uint64_t record) {
    std::memcpy(aligned_.get(), contents(record, kSlot).data(), kSlot);
    slots_.write(aligned_.get(), kSlot, slot * kSlot);
  }

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  std::string folder_;
  File log_, slots_, directory_;
  std::unique_ptr<char, Free> aligned_;
};

// Data in the file system's cache and on its way to the disk.
class Noise {
 public:
  explicit Noise(const std::string& folder)
      : file_(folder + "/noise", O_WRONLY | O_CREAT), thread_([this] { run(); }) {}
  ~Noise() {
    stop_ = true;
    thread_.join();
  }

 private:
  void run() {
    const std::string data(kNoise, 'n');
    for (uint64_t i = 0; !stop_; ++i) {
      file_.write(data, i * 5 % 64 * kNoise);
      usleep(20000);
    }
  }

  File file_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

bool lost(uint64_t record, const char* where) {
  std::printf("record %lu was acknowledged and is not in '%s'\n", record, where);
  return false;
}

// The number of a whole record, or -1.
int64_t number_of(const std::string& text, size_t bytes) {
  uint64_t record;
  if (std::sscanf(text.c_str(), "record %lu", &record) != 1) return -1;
  return text == contents(record, bytes) ? static_cast<int64_t>(record) : -1;
}

bool holds_at_least(const std::string& text, size_t bytes, uint64_t record, const char* where) {
  const int64_t there = number_of(text, bytes);
  return (there >= 0 && static_cast<uint64_t>(there) >= record) || lost(record, where);
}

}  // namespace

bool write_journal(const char* folder, uint64_t count) {
  Ask ask;
  Journal journal(folder);
  Noise noise(folder);
  for (uint64_t record = 1; record <= count; ++record) {
    journal.write(record);
    if (ask("mark acknowledged " + std::to_string(record)) != 0) die("dom0 made no mark");
  }
  std::printf("%lu records\n", count);
  return true;
}

bool check_journal(const char* folder_name, uint64_t acknowledged) {
  const std::string folder = folder_name;
  const std::string log = read_file(folder + "/log"), slots = read_file(folder + "/slots");
  uint64_t renamed = 0;
  std::vector<uint64_t> overwritten(kSlots, 0);
  bool all = true;
  for (uint64_t record = 1; record <= acknowledged; ++record) {
    switch (record % kKinds) {
      case kAppended: {
        const size_t at = record / kKinds * kRecord;
        if (log.size() < at + kRecord || log.compare(at, kRecord, contents(record, kRecord)) != 0) {
          all = lost(record, "log");
        }
        break;
      }
      case kNewFile:
        if (read_file(folder + "/record." + std::to_string(record)) != contents(record, kRecord)) {
          all = lost(record, "a file of its own");
        }
        break;
      case kRenamed:
        renamed = record;
        break;
      default:
        overwritten[record / kKinds % kSlots] = record;
        break;
    }
  }
  if (renamed != 0) {
    all = holds_at_least(read_file(folder + "/current"), kRecord, renamed, "current") && all;
  }
  for (uint64_t i = 0; i < kSlots && acknowledged != 0; ++i) {
    const std::string slot = slots.size() >= (i + 1) * kSlot ? slots.substr(i * kSlot, kSlot) : "";
    all = holds_at_least(slot, kSlot, overwritten[i], "slots") && all;
  }
  return all;
}

}  // namespace writelog
