// SPDX-License-Identifier: GPL-2.0
// A doubly linked list whose links are in its elements, so that insertion
// cannot fail.
//
// INVARIANT: an element is in at most one list at a time.
// BEWARE: a list does not own its elements.  Its destructor does not unlink them.
#pragma once

#include <cstdint>

namespace blkback {

// The base class of list elements.
struct ListLink {
  ListLink* previous = nullptr;
  ListLink* next = nullptr;

  [[nodiscard]] bool linked() const { return next != nullptr; }
};

// T derives from ListLink.
template <typename T>
class IntrusiveList {
 public:
  IntrusiveList() { reset(); }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  [[nodiscard]] bool empty() const { return head_.next == &head_; }
  [[nodiscard]] uint32_t size() const { return size_; }

  void push_back(T& element) { insert_before(head_, element); }
  void push_front(T& element) { insert_before(*head_.next, element); }

  [[nodiscard]] T* front() const { return empty() ? nullptr : static_cast<T*>(head_.next); }
  [[nodiscard]] T* next(const T& from) const {
    ListLink* link = from.ListLink::next;
    return link == &head_ ? nullptr : static_cast<T*>(link);
  }

  void remove(T& element) {
    ListLink& link = element;
    link.previous->next = link.next;
    link.next->previous = link.previous;
    link.previous = nullptr;
    link.next = nullptr;
    --size_;
  }

  [[nodiscard]] T* pop_front() {
    T* first = front();
    if (first == nullptr) return nullptr;
    ListLink& link = *first;
    head_.next = link.next;
    link.next->previous = &head_;
    link.previous = nullptr;
    link.next = nullptr;
    --size_;
    return first;
  }

  // Moves all elements of `other` to the end of this list.
  void append(IntrusiveList& other) {
    if (other.empty()) return;
    ListLink* first = other.head_.next;
    ListLink* last = other.head_.previous;
    first->previous = head_.previous;
    head_.previous->next = first;
    last->next = &head_;
    head_.previous = last;
    size_ += other.size_;
    other.reset();
  }

 private:
  void reset() {
    head_.next = &head_;
    head_.previous = &head_;
    size_ = 0;
  }

  void insert_before(ListLink& position, ListLink& link) {
    link.previous = position.previous;
    link.next = &position;
    position.previous->next = &link;
    position.previous = &link;
    ++size_;
  }

  ListLink head_;
  uint32_t size_ = 0;
};

}  // namespace blkback
