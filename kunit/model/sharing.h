// SPDX-License-Identifier: GPL-2.0
// Which bytes of the driver's objects several threads touch.  Only these are of interest: an access
// to another byte is made at once, and leaves no message.
//
// BEWARE: only the first access of a second thread shows that a byte is shared.  What was explored
// before that does not count: see `news`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace model {

inline constexpr uint32_t kNotShared = 0xffff;

// A byte has turned out to be shared.
extern bool news;

// Before an exploration.
void forget_sharing();
// Before a set-up.
void renew_words();

// Notes that the running thread touches the byte of the arena.  Returns true when others do, too.
bool touch(size_t byte);

// The location (memory.h) of an atomic object that several threads touch, else kNotShared.  `bytes`
// and `byte` become those of the whole word that the location has.
[[nodiscard]] uint32_t find_location(const void* at, uint32_t& bytes, size_t& byte);
[[nodiscard]] uint32_t location_count();

}  // namespace model
