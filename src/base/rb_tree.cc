// SPDX-License-Identifier: GPL-2.0
#include "base/rb_tree.h"

namespace blkback {

namespace {

constexpr int kLeft = 0;
constexpr int kRight = 1;

bool is_red(const RbNode* node) { return node != nullptr && node->red; }

int side_of(const RbNode& child) { return child.parent->child[kRight] == &child ? kRight : kLeft; }

}  // namespace

RbNode* RbTreeBase::find_node(uint32_t key) const {
  RbNode* node = root_;
  while (node != nullptr && node->key != key) node = node->child[key > node->key ? kRight : kLeft];
  return node;
}

// Puts `by`, which may be nullptr, in the place of `node` below its parent.
void RbTreeBase::replace(RbNode& node, RbNode* by) {
  if (node.parent == nullptr) {
    root_ = by;
  } else {
    node.parent->child[side_of(node)] = by;
  }
  if (by != nullptr) by->parent = node.parent;
}

// Moves `node` down to the side `direction`.  Its child on the other side takes its place.
void RbTreeBase::rotate(RbNode& node, int direction) {
  RbNode& riser = *node.child[1 - direction];
  RbNode* moved = riser.child[direction];
  replace(node, &riser);
  riser.child[direction] = &node;
  node.parent = &riser;
  node.child[1 - direction] = moved;
  if (moved != nullptr) moved->parent = &node;
}

bool RbTreeBase::insert_node(RbNode& node) {
  RbNode* parent = nullptr;
  int side = kLeft;
  for (RbNode* at = root_; at != nullptr; at = at->child[side]) {
    if (at->key == node.key) return false;
    parent = at;
    side = node.key > at->key ? kRight : kLeft;
  }
  node.parent = parent;
  node.child[kLeft] = nullptr;
  node.child[kRight] = nullptr;
  node.red = true;
  if (parent == nullptr) {
    root_ = &node;
  } else {
    parent->child[side] = &node;
  }
  repair_after_insertion(&node);
  return true;
}

// `at` is red and may have a red parent.
void RbTreeBase::repair_after_insertion(RbNode* at) {
  while (is_red(at->parent)) {
    RbNode& upper = *at->parent;
    RbNode& grandparent = *upper.parent;  // a red node is never the root
    const int upper_side = side_of(upper);
    RbNode* uncle = grandparent.child[1 - upper_side];
    if (is_red(uncle)) {
      upper.red = false;
      uncle->red = false;
      grandparent.red = true;
      at = &grandparent;
      continue;
    }
    if (side_of(*at) != upper_side) {
      rotate(upper, upper_side);
      at->red = false;
    } else {
      upper.red = false;
    }
    grandparent.red = true;
    rotate(grandparent, 1 - upper_side);
    break;
  }
  root_->red = false;
}

void RbTreeBase::remove_node(RbNode& node) {
  RbNode* filler = nullptr;  // the node in the place of the removed one
  RbNode* filler_parent = nullptr;
  bool removed_black = false;

  if (node.child[kLeft] == nullptr || node.child[kRight] == nullptr) {
    filler = node.child[kLeft] != nullptr ? node.child[kLeft] : node.child[kRight];
    filler_parent = node.parent;
    removed_black = !node.red;
    replace(node, filler);
  } else {
    RbNode* successor = node.child[kRight];
    while (successor->child[kLeft] != nullptr) successor = successor->child[kLeft];
    filler = successor->child[kRight];
    removed_black = !successor->red;
    if (successor->parent == &node) {
      filler_parent = successor;
    } else {
      filler_parent = successor->parent;
      replace(*successor, filler);
      successor->child[kRight] = node.child[kRight];
      successor->child[kRight]->parent = successor;
    }
    replace(node, successor);
    successor->child[kLeft] = node.child[kLeft];
    successor->child[kLeft]->parent = successor;
    successor->red = node.red;
  }
  if (removed_black) repair_after_removal(filler, filler_parent);
}

// The paths through `node`, a child of `parent`, are one black node short.
void RbTreeBase::repair_after_removal(RbNode* node, RbNode* parent) {
  while (parent != nullptr && !is_red(node)) {
    const int side = parent->child[kLeft] == node ? kLeft : kRight;
    RbNode* sibling = parent->child[1 - side];
    if (sibling->red) {
      sibling->red = false;
      parent->red = true;
      rotate(*parent, side);
      sibling = parent->child[1 - side];
    }
    if (!is_red(sibling->child[kLeft]) && !is_red(sibling->child[kRight])) {
      sibling->red = true;
      node = parent;
      parent = node->parent;
      continue;
    }
    if (!is_red(sibling->child[1 - side])) {
      sibling->child[side]->red = false;
      sibling->red = true;
      rotate(*sibling, 1 - side);
      sibling = parent->child[1 - side];
    }
    sibling->red = parent->red;
    parent->red = false;
    sibling->child[1 - side]->red = false;
    rotate(*parent, side);
    return;
  }
  if (node != nullptr) node->red = false;
}

}  // namespace blkback
