// SPDX-License-Identifier: GPL-2.0
// Checks the inside of a red-black tree.
#pragma once

#include <cstdint>

#include "base/rb_tree.h"

namespace blkback {

struct RbTreeProbe {
  // The number of black nodes on each path, or -1 when a rule of the tree is
  // broken.  `count` grows by the number of nodes.
  [[nodiscard]] static int black_height(const RbTreeBase& tree, uint32_t& count) {
    if (tree.root_ == nullptr) return 0;
    if (tree.root_->red || tree.root_->parent != nullptr) return -1;
    return height(tree.root_, 0, uint64_t{UINT32_MAX} + 1, count);
  }

  // The number of nodes on the longest path.
  [[nodiscard]] static uint32_t depth(const RbTreeBase& tree) { return depth_of(tree.root_); }

 private:
  // All keys of the subtree at `node` must be at least `low` and less than `high`.
  static int height(const RbNode* node, uint64_t low, uint64_t high, uint32_t& count) {
    if (node == nullptr) return 0;
    if (node->key < low || node->key >= high) return -1;
    ++count;
    for (const RbNode* child : node->child) {
      if (child == nullptr) continue;
      if (child->parent != node) return -1;
      if (node->red && child->red) return -1;
    }
    const int left = height(node->child[0], low, node->key, count);
    const int right = height(node->child[1], uint64_t{node->key} + 1, high, count);
    if (left < 0 || left != right) return -1;
    return left + (node->red ? 0 : 1);
  }

  static uint32_t depth_of(const RbNode* node) {
    if (node == nullptr) return 0;
    const uint32_t left = depth_of(node->child[0]);
    const uint32_t right = depth_of(node->child[1]);
    return 1 + (left > right ? left : right);
  }
};

}  // namespace blkback
