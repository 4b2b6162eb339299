// SPDX-License-Identifier: GPL-2.0
#include "ask.h"

#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

extern "C" {
#include <xenstore.h>
}

namespace writelog {

Ask::Ask() : store_(xs_open(0)) {
  // Numbers of an earlier program of this guest are smaller.
  if (store_ != nullptr) number_ = std::strtoul(read("data/answered").c_str(), nullptr, 10);
}

Ask::~Ask() {
  if (store_ != nullptr) xs_close(store_);
}

std::string Ask::read(const char* node) const {
  unsigned int length;
  void* value = xs_read(store_, XBT_NULL, node, &length);
  if (value == nullptr) return {};
  std::string text(static_cast<char*>(value), length);
  std::free(value);
  return text;
}

int Ask::operator()(const std::string& words) {
  if (store_ == nullptr) return -1;
  const std::string number = std::to_string(++number_);
  const std::string text = number + ' ' + words;
  if (!xs_write(store_, XBT_NULL, "data/ask", text.data(), static_cast<unsigned>(text.size()))) {
    return -1;
  }
  const time_t end = time(nullptr) + 60;
  while (time(nullptr) < end) {
    const std::string answer = read("data/answered");
    if (answer.rfind(number + ' ', 0) == 0) return std::atoi(answer.c_str() + number.size());
    usleep(3000);
  }
  return -1;
}

}  // namespace writelog
