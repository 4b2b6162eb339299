// SPDX-License-Identifier: GPL-2.0
// An intrusive red-black tree with unique 32-bit keys.
//
// INVARIANT: no red node has a red child, and every path from the root to a
// missing child has the same number of black nodes.  No path is therefore more than
// twice as long as the shortest.
#pragma once

#include <cstdint>

namespace blkback {

// The base class of tree elements.
struct RbNode {
  RbNode* parent = nullptr;
  RbNode* child[2] = {nullptr, nullptr};  // smaller keys, larger keys
  uint32_t key = 0;
  bool red = false;
};

class RbTreeBase {
 public:
  RbTreeBase() = default;
  RbTreeBase(const RbTreeBase&) = delete;
  RbTreeBase& operator=(const RbTreeBase&) = delete;

  [[nodiscard]] bool empty() const { return root_ == nullptr; }

 protected:
  [[nodiscard]] RbNode* find_node(uint32_t key) const;
  // Returns false and changes nothing when the tree has the key already.
  [[nodiscard]] bool insert_node(RbNode& node);
  void remove_node(RbNode& node);
  [[nodiscard]] RbNode* any_node() const { return root_; }

 private:
  friend struct RbTreeProbe;  // for tests of the invariant

  void rotate(RbNode& node, int direction);
  void replace(RbNode& node, RbNode* by);
  void repair_after_insertion(RbNode* at);
  void repair_after_removal(RbNode* node, RbNode* parent);

  RbNode* root_ = nullptr;
};

// T derives from RbNode.  Set `key` before the insertion and do not change it until
// the removal.
template <typename T>
class RbTree : public RbTreeBase {
 public:
  [[nodiscard]] T* find(uint32_t key) const { return static_cast<T*>(find_node(key)); }
  [[nodiscard]] bool insert(T& element) { return insert_node(element); }
  void remove(T& element) { remove_node(element); }
  [[nodiscard]] T* any() const { return static_cast<T*>(any_node()); }
};

}  // namespace blkback
