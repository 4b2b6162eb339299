// SPDX-License-Identifier: GPL-2.0
// The part of GoogleTest that the cases use, for a kernel.
//
// BEWARE: a kernel's stack is small, and KASAN gives every temporary in a frame
// a place of its own.  So an expectation leaves only a bool on the stack.  The
// text of a failure is gathered in a single global Message.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace expectations {

// The text of the failing expectation, cut to kBytes - 1 characters.
class Message {
 public:
  template <typename T>
  Message& operator<<(const T& value) {
    if constexpr (std::convertible_to<const T&, std::string_view>)
      return add_text(value);
    else if constexpr (std::same_as<T, bool>)
      return add_text(value ? "true" : "false");
    else if constexpr (std::signed_integral<T>)
      return add_signed(value);
    else if constexpr (std::integral<T>)
      return add_unsigned(value);
    else if constexpr (std::is_enum_v<T>)
      return *this << std::to_underlying(value);
    else if constexpr (std::is_null_pointer_v<T>)
      return add_text("nullptr");
    else if constexpr (std::is_pointer_v<T>)
      return add_unsigned(reinterpret_cast<uintptr_t>(value));
    else
      return add_text("(a value)");
  }

  void clear() { length_ = 0; }
  [[nodiscard]] const char* text();

 private:
  Message& add_text(std::string_view text);
  Message& add_signed(int64_t number);
  Message& add_unsigned(uint64_t number);

  static constexpr size_t kBytes = 1024;
  char text_[kBytes] = {};
  size_t length_ = 0;
};

Message& message();

// Reports a failing expectation.  Its assignment binds weaker than <<, and returns
// void, so that a void function may return it.
struct Report {
  const char* file;
  int line;
  void operator=(const Message& said) const;
};

// Each returns whether the expectation holds.  If not, it writes the text to message().
[[nodiscard]] bool holds(bool value, bool wanted, const char* text);
[[nodiscard]] bool nothing();  // never holds, has no text
[[nodiscard]] bool same_text(const char* a, const char* b, const char* text);

template <typename A, typename B>
[[gnu::noinline, gnu::cold]] void say(const A& a, const char* relation, const B& b,
                                      const char* text) {
  message().clear();
  message() << text << ": " << a << relation << b;
}

template <typename T>
concept Number = std::integral<T> || (std::is_enum_v<T> && std::convertible_to<T, int>);

// Numbers are compared by value, whatever their types.  "+" promotes small integers
// and enumerators.
struct Equal {
  static constexpr const char* kNot = " is not ";
  template <typename A, typename B>
  static bool holds(const A& a, const B& b) {
    if constexpr (Number<A> && Number<B>)
      return std::cmp_equal(+a, +b);
    else
      return a == b;
  }
};

struct Less {
  static constexpr const char* kNot = " is not less than ";
  template <typename A, typename B>
  static bool holds(const A& a, const B& b) {
    if constexpr (Number<A> && Number<B>)
      return std::cmp_less(+a, +b);
    else
      return a < b;
  }
};

struct Different {
  static constexpr const char* kNot = " is ";
  template <typename A, typename B>
  static bool holds(const A& a, const B& b) {
    return !Equal::holds(a, b);
  }
};

struct AtMost {
  static constexpr const char* kNot = " is more than ";
  template <typename A, typename B>
  static bool holds(const A& a, const B& b) {
    return !Less::holds(b, a);
  }
};

struct Greater {
  static constexpr const char* kNot = " is not more than ";
  template <typename A, typename B>
  static bool holds(const A& a, const B& b) {
    return Less::holds(b, a);
  }
};

struct AtLeast {
  static constexpr const char* kNot = " is less than ";
  template <typename A, typename B>
  static bool holds(const A& a, const B& b) {
    return !Less::holds(a, b);
  }
};

template <typename Relation, typename A, typename B>
[[nodiscard, gnu::noinline]] bool related(const A& a, const B& b, const char* text) {
  if (Relation::holds(a, b)) return true;
  say(a, Relation::kNot, b, text);
  return false;
}

}  // namespace expectations

// kunit/kernel/glue/suites.c calls the case by this name.
#define TEST(suite, name)                            \
  extern "C" void kunit_case_##suite##_##name(void); \
  void kunit_case_##suite##_##name(void)

// The switch keeps "else" apart from an if without braces around the expectation.
#define EXPECTATIONS_UNLESS(holds, end) \
  switch (0)                            \
  case 0:                               \
  default:                              \
    if (holds)                          \
      ;                                 \
    else                                \
      end ::expectations::Report{__FILE__, __LINE__} = ::expectations::message()

#define EXPECTATIONS_RELATED(relation, a, b, sign) \
  ::expectations::related<::expectations::relation>((a), (b), #a " " sign " " #b)

#define EXPECT_TRUE(value) \
  EXPECTATIONS_UNLESS(::expectations::holds(static_cast<bool>(value), true, #value), )
#define EXPECT_FALSE(value) \
  EXPECTATIONS_UNLESS(::expectations::holds(static_cast<bool>(value), false, #value), )
#define EXPECT_EQ(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(Equal, a, b, "=="), )
#define EXPECT_NE(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(Different, a, b, "!="), )
#define EXPECT_LT(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(Less, a, b, "<"), )
#define EXPECT_LE(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(AtMost, a, b, "<="), )
#define EXPECT_GT(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(Greater, a, b, ">"), )
#define EXPECT_GE(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(AtLeast, a, b, ">="), )
#define EXPECT_STREQ(a, b) EXPECTATIONS_UNLESS(::expectations::same_text(a, b, #a " == " #b), )
#define ADD_FAILURE() EXPECTATIONS_UNLESS(::expectations::nothing(), )

#define ASSERT_TRUE(value) \
  EXPECTATIONS_UNLESS(::expectations::holds(static_cast<bool>(value), true, #value), return)
#define ASSERT_FALSE(value) \
  EXPECTATIONS_UNLESS(::expectations::holds(static_cast<bool>(value), false, #value), return)
#define ASSERT_EQ(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(Equal, a, b, "=="), return)
#define ASSERT_GT(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(Greater, a, b, ">"), return)
#define ASSERT_GE(a, b) EXPECTATIONS_UNLESS(EXPECTATIONS_RELATED(AtLeast, a, b, ">="), return)
