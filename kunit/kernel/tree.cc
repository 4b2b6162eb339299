// SPDX-License-Identifier: GPL-2.0
// The functions of the tree of std::map and std::set, which the library keeps in its
// object file.
//
// Almost no code outside these functions knows how the tree is balanced.  So this is
// a treap: a search tree in which each node's priority is at most its parent's.  With
// random priorities it is as deep as a tree of keys that came in random order.  The
// priority is a hash of the node's address.
//
// BEWARE: the library's copy assignment reuses the nodes of the old tree, and finds
// all of them only in a red-black tree.  Here it would leak some.  So the cases
// assign a copy by moving it: a = std::map(b).
//
// The header is above the root.  Its parent is the root, its left and right are the
// first and the last node.  Only the header is red.
#include <bits/stl_tree.h>

#include <cstdint>

namespace {

using Node = std::_Rb_tree_node_base;

bool is_header(const Node* node) { return node->_M_color == std::_S_red; }

uint64_t priority(const Node* node) {
  return reinterpret_cast<uintptr_t>(node) * 0x9e3779b97f4a7c15u;
}

// Makes `by` the child of `above` in the place of `node`.
void replace_below(Node* above, const Node* node, Node* by) {
  if (is_header(above)) {
    above->_M_parent = by;
  } else if (above->_M_left == node) {
    above->_M_left = by;
  } else {
    above->_M_right = by;
  }
}

// Rotates the tree so that the node takes its parent's place.
void rise(Node* node) {
  Node* parent = node->_M_parent;
  Node* moved;
  if (parent->_M_left == node) {
    moved = node->_M_right;
    parent->_M_left = moved;
    node->_M_right = parent;
  } else {
    moved = node->_M_left;
    parent->_M_right = moved;
    node->_M_left = parent;
  }
  if (moved != nullptr) moved->_M_parent = parent;
  replace_below(parent->_M_parent, parent, node);
  node->_M_parent = parent->_M_parent;
  parent->_M_parent = node;
}

// The child with the higher priority, the only child, or null.
Node* upper_child(const Node* node) {
  Node* left = node->_M_left;
  Node* right = node->_M_right;
  if (left == nullptr) return right;
  if (right == nullptr) return left;
  return priority(left) > priority(right) ? left : right;
}

Node* successor(Node* node) {
  if (node->_M_right != nullptr) return Node::_S_minimum(node->_M_right);
  for (;;) {
    Node* parent = node->_M_parent;
    if (is_header(parent) || parent->_M_left == node) return parent;
    node = parent;
  }
}

Node* predecessor(Node* node) {
  if (is_header(node)) return node->_M_right;
  if (node->_M_left != nullptr) return Node::_S_maximum(node->_M_left);
  for (;;) {
    Node* parent = node->_M_parent;
    if (is_header(parent) || parent->_M_right == node) return parent;
    node = parent;
  }
}

}  // namespace

namespace std {

Node* _Rb_tree_increment(Node* node) throw() { return successor(node); }
Node* _Rb_tree_decrement(Node* node) throw() { return predecessor(node); }
const Node* _Rb_tree_increment(const Node* node) throw() {
  return successor(const_cast<Node*>(node));
}
const Node* _Rb_tree_decrement(const Node* node) throw() {
  return predecessor(const_cast<Node*>(node));
}

// `parent` has no child on that side; it is the header when the tree is empty.
void _Rb_tree_insert_and_rebalance(const bool left, Node* node, Node* parent,
                                   Node& header) throw() {
  node->_M_color = _S_black;
  node->_M_parent = parent;
  node->_M_left = nullptr;
  node->_M_right = nullptr;
  if (parent == &header) {
    header._M_parent = header._M_left = header._M_right = node;
    return;
  }
  if (left) {
    parent->_M_left = node;
    if (header._M_left == parent) header._M_left = node;
  } else {
    parent->_M_right = node;
    if (header._M_right == parent) header._M_right = node;
  }
  while (!is_header(node->_M_parent) && priority(node) > priority(node->_M_parent)) rise(node);
}

// Rotates the node down until it has no child, then unlinks it.
Node* _Rb_tree_rebalance_for_erase(Node* const node, Node& header) throw() {
  if (header._M_left == node) header._M_left = successor(node);
  if (header._M_right == node) header._M_right = predecessor(node);
  while (Node* child = upper_child(node)) rise(child);
  replace_below(node->_M_parent, node, nullptr);
  return node;
}

}  // namespace std
