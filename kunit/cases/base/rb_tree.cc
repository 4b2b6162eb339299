// SPDX-License-Identifier: GPL-2.0
#include "base/rb_tree.h"

#include <memory>

#include "fake_host/flat_map.h"
#include "support/expectations.h"
#include "support/random.h"
#include "support/rb_tree_probe.h"

namespace {

using blkback::RbNode;
using blkback::RbTree;
using blkback::RbTreeProbe;

struct Leaf : RbNode {
  Leaf() = default;
  explicit Leaf(uint32_t number) { key = number; }
};

// Is the tree sound, and does it have this many nodes?
bool sound(const RbTree<Leaf>& tree, size_t expected) {
  uint32_t count = 0;
  return RbTreeProbe::black_height(tree, count) >= 0 && count == expected;
}

TEST(RbTree, AnEmptyTreeFindsNothing) {
  const RbTree<Leaf> tree;
  EXPECT_TRUE(tree.empty());
  EXPECT_TRUE(tree.find(0) == nullptr);
  EXPECT_TRUE(tree.any() == nullptr);
}

TEST(RbTree, FindsWhatWasInsertedAndNothingElse) {
  RbTree<Leaf> tree;
  Leaf leaf(17);
  ASSERT_TRUE(tree.insert(leaf));
  EXPECT_TRUE(tree.find(17) == &leaf);
  EXPECT_TRUE(tree.find(16) == nullptr);
  EXPECT_TRUE(tree.find(18) == nullptr);
}

TEST(RbTree, RefusesAKeyThatStandsThereAlreadyAndChangesNothing) {
  RbTree<Leaf> tree;
  Leaf first(3);
  Leaf second(3);
  ASSERT_TRUE(tree.insert(first));
  EXPECT_FALSE(tree.insert(second));
  EXPECT_TRUE(tree.find(3) == &first);
  EXPECT_TRUE(sound(tree, 1));
}

TEST(RbTree, TakesTheSmallestAndTheLargestKey) {
  RbTree<Leaf> tree;
  Leaf smallest(0);
  Leaf largest(UINT32_MAX);
  ASSERT_TRUE(tree.insert(largest));
  ASSERT_TRUE(tree.insert(smallest));
  EXPECT_TRUE(tree.find(0) == &smallest);
  EXPECT_TRUE(tree.find(UINT32_MAX) == &largest);
}

TEST(RbTree, IsEmptyAgainAfterTheLastRemoval) {
  RbTree<Leaf> tree;
  Leaf leaf(1);
  ASSERT_TRUE(tree.insert(leaf));
  tree.remove(leaf);
  EXPECT_TRUE(tree.empty());
  EXPECT_TRUE(tree.find(1) == nullptr);
}

TEST(RbTree, ANodeCanBeInsertedAgainAfterItsRemoval) {
  RbTree<Leaf> tree;
  Leaf leaf(1);
  Leaf other(2);
  ASSERT_TRUE(tree.insert(leaf));
  ASSERT_TRUE(tree.insert(other));
  tree.remove(leaf);
  leaf.key = 9;
  ASSERT_TRUE(tree.insert(leaf));
  EXPECT_TRUE(tree.find(9) == &leaf);
  EXPECT_TRUE(sound(tree, 2));
}

TEST(RbTree, StaysBalancedWhenKeysAscend) {
  RbTree<Leaf> tree;
  const auto leaves = std::make_unique<Leaf[]>(1024);
  for (uint32_t i = 0; i < 1024; ++i) {
    leaves[i].key = i;
    ASSERT_TRUE(tree.insert(leaves[i]));
  }
  EXPECT_TRUE(sound(tree, 1024));
  // Twice the binary logarithm of 1025.
  EXPECT_LE(RbTreeProbe::depth(tree), 20u);
}

TEST(RbTree, StaysBalancedWhenKeysDescend) {
  RbTree<Leaf> tree;
  const auto leaves = std::make_unique<Leaf[]>(1024);
  for (uint32_t i = 0; i < 1024; ++i) {
    leaves[i].key = 5000 - i;
    ASSERT_TRUE(tree.insert(leaves[i]));
  }
  EXPECT_TRUE(sound(tree, 1024));
  EXPECT_LE(RbTreeProbe::depth(tree), 20u);
}

TEST(RbTree, EveryOrderOfInsertionAndRemovalOfSixKeysKeepsItSound) {
  // An order is numbered in the factorial number system.
  constexpr uint32_t kKeys = 6;
  constexpr uint32_t kOrders = 720;
  using Order = uint32_t[kKeys];
  const auto order_of = [](uint32_t number, Order& order) {
    uint32_t left[kKeys] = {0, 1, 2, 3, 4, 5};
    for (uint32_t i = 0; i < kKeys; ++i) {
      const uint32_t pick = number % (kKeys - i);
      number /= kKeys - i;
      order[i] = left[pick];
      for (uint32_t j = pick; j + 1 < kKeys; ++j) left[j] = left[j + 1];
    }
  };
  bool all_sound = true;
  for (uint32_t in = 0; in < kOrders; ++in) {
    // Not every pair of orders: that would be half a million trees.
    for (uint32_t out = in % 7; out < kOrders; out += 37) {
      RbTree<Leaf> tree;
      Leaf leaves[kKeys];
      uint32_t order[kKeys];
      order_of(in, order);
      for (uint32_t i = 0; i < kKeys; ++i) {
        leaves[order[i]].key = order[i];
        all_sound = all_sound && tree.insert(leaves[order[i]]) && sound(tree, i + 1);
      }
      order_of(out, order);
      for (uint32_t i = 0; i < kKeys; ++i) {
        tree.remove(leaves[order[i]]);
        all_sound = all_sound && sound(tree, kKeys - 1 - i);
      }
    }
  }
  EXPECT_TRUE(all_sound);
}

TEST(RbTree, RandomInsertionsAndRemovalsAgreeWithASet) {
  constexpr uint32_t kKeys = 400;
  kunit::Random random;
  RbTree<Leaf> tree;
  fake::FlatSet<uint32_t> model;
  const auto leaves = std::make_unique<Leaf[]>(kKeys);
  for (uint32_t step = 0; step < 20000; ++step) {
    const uint32_t key = random.below(kKeys);
    Leaf* found = tree.find(key);
    ASSERT_EQ(found != nullptr, model.contains(key));
    if (found != nullptr) {
      tree.remove(*found);
      model.erase(key);
    } else {
      leaves[key].key = key;
      ASSERT_TRUE(tree.insert(leaves[key]));
      model.insert(key);
    }
    if (step % 16 == 0) {
      ASSERT_TRUE(sound(tree, model.size()));
    }
  }
}

TEST(RbTree, CanBeEmptiedByTakingAnyNode) {
  RbTree<Leaf> tree;
  const auto leaves = std::make_unique<Leaf[]>(200);
  for (uint32_t i = 0; i < 200; ++i) {
    leaves[i].key = i * 7919u;
    ASSERT_TRUE(tree.insert(leaves[i]));
  }
  uint32_t left = 200;
  while (Leaf* leaf = tree.any()) {
    tree.remove(*leaf);
    --left;
    ASSERT_TRUE(sound(tree, left));
  }
  EXPECT_EQ(left, 0u);
}

}  // namespace
