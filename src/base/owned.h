// SPDX-License-Identifier: GPL-2.0
// Ownership of memory and of handles from the host.
#pragma once

#include <memory>
#include <new>
#include <span>
#include <utility>

#include "host/memory.h"

namespace blkback {

// A deleter for std::unique_ptr that calls Release(handle).
template <auto Release>
struct Releaser {
  template <typename T>
  void operator()(T* handle) const {
    Release(handle);
  }
};

template <typename T, auto Release>
using Handle = std::unique_ptr<T, Releaser<Release>>;

struct ObjectDeleter {
  template <typename T>
  void operator()(T* object) const {
    object->~T();
    host_free(object, sizeof(T));
  }
};

template <typename T>
using Owned = std::unique_ptr<T, ObjectDeleter>;

// A new T, or nullptr when there is no memory.  Context: see host_alloc().
template <typename T, typename... Arguments>
[[nodiscard]] Owned<T> make_owned(Arguments&&... arguments) {
  void* memory = host_alloc(sizeof(T));
  if (memory == nullptr) return nullptr;
  return Owned<T>(::new (memory) T(std::forward<Arguments>(arguments)...));
}

// The same for a T that the caller can do without.  Context: see host_try_alloc().
template <typename T, typename... Arguments>
[[nodiscard]] Owned<T> try_make_owned(Arguments&&... arguments) {
  void* memory = host_try_alloc(sizeof(T));
  if (memory == nullptr) return nullptr;
  return Owned<T>(::new (memory) T(std::forward<Arguments>(arguments)...));
}

// An array of fixed size.  It is empty when create() had no memory.
template <typename T>
class OwnedArray {
 public:
  OwnedArray() = default;
  OwnedArray(OwnedArray&& other) noexcept : elements_(std::exchange(other.elements_, {})) {}
  OwnedArray& operator=(OwnedArray&& other) noexcept {
    std::swap(elements_, other.elements_);
    return *this;
  }
  ~OwnedArray() {
    for (T& element : elements_) element.~T();
    host_free(static_cast<void*>(elements_.data()), elements_.size_bytes());
  }

  [[nodiscard]] static OwnedArray create(uint32_t count) {
    OwnedArray array;
    void* memory = host_alloc(sizeof(T) * size_t{count});
    if (memory == nullptr) return array;
    T* first = static_cast<T*>(memory);
    for (uint32_t i = 0; i < count; ++i) ::new (static_cast<void*>(first + i)) T();
    array.elements_ = std::span<T>(first, count);
    return array;
  }

  [[nodiscard]] bool empty() const { return elements_.empty(); }
  [[nodiscard]] std::span<T> all() const { return elements_; }
  [[nodiscard]] T& operator[](uint32_t index) const { return elements_[index]; }

 private:
  std::span<T> elements_;
};

}  // namespace blkback
