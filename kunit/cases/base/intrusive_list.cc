// SPDX-License-Identifier: GPL-2.0
#include "base/intrusive_list.h"

#include "support/expectations.h"

namespace {

using blkback::IntrusiveList;
using blkback::ListLink;

struct Item : ListLink {
  explicit Item(uint32_t n) : number(n) {}
  uint32_t number;
};

TEST(IntrusiveList, StartsEmpty) {
  IntrusiveList<Item> list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.size(), 0u);
  EXPECT_TRUE(list.front() == nullptr);
  EXPECT_TRUE(list.pop_front() == nullptr);
}

TEST(IntrusiveList, GivesBackInTheOrderOfPushBack) {
  IntrusiveList<Item> list;
  Item one(1);
  Item two(2);
  list.push_back(one);
  list.push_back(two);
  EXPECT_EQ(list.size(), 2u);
  EXPECT_TRUE(list.pop_front() == &one);
  EXPECT_TRUE(list.pop_front() == &two);
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, PushFrontGoesBeforeTheOthers) {
  IntrusiveList<Item> list;
  Item one(1);
  Item two(2);
  list.push_back(one);
  list.push_front(two);
  EXPECT_TRUE(list.pop_front() == &two);
  EXPECT_TRUE(list.pop_front() == &one);
}

TEST(IntrusiveList, AnElementCanBeTakenFromTheMiddle) {
  IntrusiveList<Item> list;
  Item one(1);
  Item two(2);
  Item three(3);
  list.push_back(one);
  list.push_back(two);
  list.push_back(three);
  list.remove(two);
  EXPECT_FALSE(two.linked());
  EXPECT_EQ(list.size(), 2u);
  EXPECT_TRUE(list.next(one) == &three);
  EXPECT_TRUE(list.next(three) == nullptr);
}

TEST(IntrusiveList, AnElementKnowsWhetherItIsLinked) {
  IntrusiveList<Item> list;
  Item one(1);
  EXPECT_FALSE(one.linked());
  list.push_back(one);
  EXPECT_TRUE(one.linked());
  EXPECT_TRUE(list.pop_front() == &one);
  EXPECT_FALSE(one.linked());
}

TEST(IntrusiveList, AppendMovesAllInTheirOrderAndEmptiesTheOther) {
  IntrusiveList<Item> list;
  IntrusiveList<Item> other;
  Item one(1);
  Item two(2);
  Item three(3);
  list.push_back(one);
  other.push_back(two);
  other.push_back(three);
  list.append(other);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(other.size(), 0u);
  EXPECT_EQ(list.size(), 3u);
  EXPECT_TRUE(list.pop_front() == &one);
  EXPECT_TRUE(list.pop_front() == &two);
  EXPECT_TRUE(list.pop_front() == &three);
}

TEST(IntrusiveList, AppendOfAnEmptyListChangesNothing) {
  IntrusiveList<Item> list;
  IntrusiveList<Item> other;
  Item one(1);
  list.push_back(one);
  list.append(other);
  EXPECT_EQ(list.size(), 1u);
  EXPECT_TRUE(list.front() == &one);
}

TEST(IntrusiveList, AnEmptyListTakesOverWhatItAppends) {
  IntrusiveList<Item> list;
  IntrusiveList<Item> other;
  Item one(1);
  other.push_back(one);
  list.append(other);
  EXPECT_TRUE(list.pop_front() == &one);
  EXPECT_TRUE(list.empty());
}

}  // namespace
