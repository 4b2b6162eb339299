// SPDX-License-Identifier: GPL-2.0
#include "kernel/expectations.h"

#include <algorithm>
#include <cstring>

#include "host/log.h"
#include "kernel/glue/harness.h"

namespace expectations {

namespace {
constinit Message the_message;
}  // namespace

Message& message() { return the_message; }

Message& Message::add_text(std::string_view text) {
  const size_t bytes = std::min(text.size(), kBytes - 1 - length_);
  std::memcpy(text_ + length_, text.data(), bytes);
  length_ += bytes;
  return *this;
}

Message& Message::add_signed(int64_t number) {
  char text[24];
  (void)host_format(text, sizeof(text), "%lld", static_cast<long long>(number));
  return add_text(text);
}

Message& Message::add_unsigned(uint64_t number) {
  char text[24];
  (void)host_format(text, sizeof(text), "%llu", static_cast<unsigned long long>(number));
  return add_text(text);
}

const char* Message::text() {
  text_[length_] = '\0';
  return text_;
}

void Report::operator=(const Message&) const { harness_fail(file, line, message().text()); }

bool holds(bool value, bool wanted, const char* text) {
  if (value == wanted) return true;
  message().clear();
  message() << text << (value ? " is true" : " is false");
  return false;
}

bool nothing() {
  message().clear();
  return false;
}

bool same_text(const char* a, const char* b, const char* text) {
  if (std::strcmp(a, b) == 0) return true;
  say(a, " is not ", b, text);
  return false;
}

}  // namespace expectations
