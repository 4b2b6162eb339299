// SPDX-License-Identifier: GPL-2.0
// A map and a set in sorted vectors.  std::map and std::set need functions of the C++ library's
// object file, which a kernel does not have.
//
// BEWARE: each insertion and removal invalidates all iterators and references.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

namespace fake {

template <typename Key, typename Value>
class FlatMap : public std::vector<std::pair<Key, Value>> {
  using Entries = std::vector<std::pair<Key, Value>>;

 public:
  using Entries::begin, Entries::end, Entries::erase;
  using typename Entries::const_iterator, typename Entries::iterator;

  FlatMap() = default;
  FlatMap(std::initializer_list<std::pair<Key, Value>> entries) {
    for (const auto& [key, value] : entries) add(key, value);
  }

  // The entries of the key: add() can make several.
  [[nodiscard]] std::pair<iterator, iterator> equal_range(const Key& key) {
    const auto less = [](const auto& entry, const Key& other) { return entry.first < other; };
    const iterator first = std::lower_bound(begin(), end(), key, less);
    iterator last = first;
    while (last != end() && last->first == key) ++last;
    return {first, last};
  }
  [[nodiscard]] iterator find(const Key& key) {
    const auto [first, last] = equal_range(key);
    return first == last ? end() : first;
  }
  [[nodiscard]] const_iterator find(const Key& key) const {
    return const_cast<FlatMap*>(this)->find(key);
  }
  [[nodiscard]] bool contains(const Key& key) const { return find(key) != end(); }
  Value& operator[](const Key& key) { return try_emplace(key, Value{}).first->second; }

  // Throws when the key has no entry.
  [[nodiscard]] Value& at(const Key& key) {
    return Entries::at(static_cast<size_t>(find(key) - begin())).second;
  }

  // The key's entry.  A key that has one keeps its value; then the second is false.
  std::pair<iterator, bool> try_emplace(const Key& key, Value value) {
    const auto [first, last] = equal_range(key);
    if (first != last) return {first, false};
    return {Entries::emplace(last, key, std::move(value)), true};
  }
  // Adds an entry behind those of its key.
  void add(const Key& key, Value value) {
    Entries::emplace(equal_range(key).second, key, std::move(value));
  }
  void erase(const Key& key) {
    const auto [first, last] = equal_range(key);
    erase(first, last);
  }
};

template <typename Key>
class FlatSet : public std::vector<Key> {
  using Keys = std::vector<Key>;

 public:
  FlatSet() = default;
  FlatSet(std::initializer_list<Key> keys) {
    for (const Key& key : keys) insert(key);
  }
  [[nodiscard]] bool contains(const Key& key) const {
    return std::binary_search(this->begin(), this->end(), key);
  }
  void insert(const Key& key) {
    if (!contains(key)) Keys::insert(std::lower_bound(this->begin(), this->end(), key), key);
  }
  void erase(const Key& key) { std::erase(static_cast<Keys&>(*this), key); }
};

}  // namespace fake
