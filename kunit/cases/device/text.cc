// SPDX-License-Identifier: GPL-2.0
#include "device/text.h"

#include "support/expectations.h"

namespace {

using blkback::parse_device_number;
using blkback::parse_number;
using blkback::parse_physical_device;

TEST(Text, ANumberIsAllOfTheText) {
  EXPECT_EQ(parse_number("0", 10).value_or(9), 0u);
  EXPECT_EQ(parse_number("4294967295", 10).value_or(9), 4294967295u);
  EXPECT_EQ(parse_number("007", 10).value_or(9), 7u);
  EXPECT_EQ(parse_number("fF", 16).value_or(9), 255u);
}

TEST(Text, WhatIsNoNumberIsRefused) {
  EXPECT_FALSE(parse_number("", 10).has_value());
  EXPECT_FALSE(parse_number("-1", 10).has_value());
  EXPECT_FALSE(parse_number("+1", 10).has_value());
  EXPECT_FALSE(parse_number("1 2", 10).has_value());
  EXPECT_FALSE(parse_number("1,", 10).has_value());
  EXPECT_FALSE(parse_number("- 1", 10).has_value());
  EXPECT_FALSE(parse_number("0x1", 10).has_value());
  EXPECT_FALSE(parse_number("0x", 16).has_value());
  EXPECT_FALSE(parse_number("x1", 16).has_value());
  EXPECT_FALSE(parse_number("0x0x1", 16).has_value());
  EXPECT_FALSE(parse_number(" ", 10).has_value());
  EXPECT_FALSE(parse_number(std::string_view("1\0"
                                             "2",
                                             3),
                            10)
                   .has_value());
  EXPECT_FALSE(parse_number("a", 10).has_value());
  EXPECT_FALSE(parse_number("\xff", 16).has_value());
}

TEST(Text, BlanksAroundANumberAreForgiven) {
  EXPECT_EQ(parse_number(" 1", 10).value_or(9), 1u);
  EXPECT_EQ(parse_number("1 ", 10).value_or(9), 1u);
  EXPECT_EQ(parse_number("\t12\n", 10).value_or(9), 12u);
  EXPECT_EQ(parse_number("\v\f\r 7 \r\n", 10).value_or(9), 7u);
  EXPECT_EQ(parse_number(" 0xfe ", 16).value_or(9), 0xfeu);
}

TEST(Text, ANumberThatDoesNotFitIsRefused) {
  EXPECT_FALSE(parse_number("4294967296", 10).has_value());
  EXPECT_FALSE(parse_number("18446744073709551617", 10).has_value());
  EXPECT_FALSE(parse_number("99999999999999999999999999999999999999", 10).has_value());
}

TEST(Text, ADeviceNumberIsTwoHexadecimalNumbers) {
  const auto number = parse_device_number("fe:1a");
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(number->major, 0xfeu);
  EXPECT_EQ(number->minor, 0x1au);
}

TEST(Text, ADeviceNumberReachesFromZeroToWhatLinuxHas) {
  EXPECT_TRUE(parse_device_number("0:0").has_value());
  EXPECT_TRUE(parse_device_number("fff:fffff").has_value());
  EXPECT_FALSE(parse_device_number("1000:0").has_value());
  EXPECT_FALSE(parse_device_number("0:100000").has_value());
}

TEST(Text, ADeviceNumberMayBeWrittenAsScanfReadsIt) {
  for (const char* text : {"fe:1a\n", " fe: 1a", "0xfe:0x1a"}) {
    const auto number = parse_device_number(text);
    ASSERT_TRUE(number.has_value());
    EXPECT_EQ(number->major, 0xfeu);
    EXPECT_EQ(number->minor, 0x1au);
  }
}

TEST(Text, APhysicalDeviceMayBeginWithASequenceNumber) {
  const auto plain = parse_physical_device("fe:1a");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->sequence, 0u);
  EXPECT_EQ(plain->number.minor, 0x1au);
  const auto named = parse_physical_device("ffffffffffffffff@fe:1a");
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->sequence, UINT64_MAX);
  EXPECT_EQ(named->number.major, 0xfeu);
  EXPECT_EQ(named->number.minor, 0x1au);
}

TEST(Text, ASequenceNumberThatNoDiskHasIsRefused) {
  EXPECT_FALSE(parse_physical_device("0@fe:1a").has_value());
  EXPECT_FALSE(parse_physical_device("@fe:1a").has_value());
  EXPECT_FALSE(parse_physical_device("10000000000000000@fe:1a").has_value());
  EXPECT_FALSE(parse_physical_device("1@1@fe:1a").has_value());
  EXPECT_FALSE(parse_physical_device("1@fe").has_value());
}

TEST(Text, WhatIsNoDeviceNumberIsRefused) {
  EXPECT_FALSE(parse_device_number("").has_value());
  EXPECT_FALSE(parse_device_number(":").has_value());
  EXPECT_FALSE(parse_device_number("fe").has_value());
  EXPECT_FALSE(parse_device_number("fe:").has_value());
  EXPECT_FALSE(parse_device_number(":1").has_value());
  EXPECT_FALSE(parse_device_number("fe:1:2").has_value());
  EXPECT_FALSE(parse_device_number("fe 1").has_value());
  EXPECT_FALSE(parse_device_number("fe:-1").has_value());
}

}  // namespace
