// SPDX-License-Identifier: GPL-2.0
#include "serve.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "log.h"

extern "C" {
#include <xenstore.h>
}

namespace writelog {

namespace {

// Sends a message to the first target of the disk; returns errno.  dmsetup would take a tenth
// of a second here.
int send_message(const char* disk, const std::string& text) {
  static const int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
  if (control < 0) return ENXIO;
  struct {
    dm_ioctl head;
    uint64_t sector;  // struct dm_target_msg
    char text[512];
  } message{};
  message.head.version[0] = DM_VERSION_MAJOR;
  message.head.data_size = sizeof(message);
  message.head.data_start = offsetof(decltype(message), sector);
  std::snprintf(message.head.name, sizeof(message.head.name), "%s", disk);
  std::snprintf(message.text, sizeof(message.text), "%s", text.c_str());
  return ioctl(control, DM_TARGET_MSG, &message) == 0 ? 0 : errno;
}

// Empty when there is no such node.
std::string read(xs_handle* store, const std::string& node) {
  unsigned int length;
  void* value = xs_read(store, XBT_NULL, node.c_str(), &length);
  if (value == nullptr) return {};
  std::string text(static_cast<char*>(value), length);
  std::free(value);
  return text;
}

std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }

int run(const char* disk, const char* command, const std::string& words) {
  constexpr char kMark[] = "mark ";
  if (words.rfind(kMark, 0) != 0) return std::system((std::string(command) + ' ' + words).c_str());
  // A message's words are split at blanks, and a mark is one word.
  std::string mark;
  for (const char letter : words.substr(sizeof(kMark) - 1)) {
    if (letter == ' ') mark += '\\';
    mark += letter;
  }
  return send_message(disk, kMark + mark);
}

}  // namespace

void serve(const char* disk, const char* domain, const char* command) {
  xs_handle* store = xs_open(0);
  if (store == nullptr) die("opening xenstore: %s", std::strerror(errno));
  const std::string home = std::string("/local/domain/") + domain + "/data/";
  const std::string ask = home + "ask", answered = home + "answered";
  // What an earlier program of the guest asked for is answered, and must not be done again.
  std::string last = first_word(read(store, answered));
  for (;;) {
    // No watch: in a static program xs_read_watch() fails with EBADF (seen with libxenstore 4.17).
    usleep(5000);
    const std::string text = read(store, ask);
    const std::string number = first_word(text);
    if (number.empty() || number == last) continue;
    last = number;
    const std::string answer =
        number + ' ' + std::to_string(run(disk, command, text.substr(number.size() + 1)));
    if (!xs_write(store, XBT_NULL, answered.c_str(), answer.data(),
                  static_cast<unsigned>(answer.size()))) {
      die("writing %s: %s", answered.c_str(), std::strerror(errno));
    }
  }
}

}  // namespace writelog
