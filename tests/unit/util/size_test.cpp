// SPDX-License-Identifier: Apache-2.0
#include "util/size.h"

#include <gtest/gtest.h>

#include "util/format.h"

namespace tcpdiag {
namespace {

TEST(ParseSize, units_are_powers_of_1024) {
  EXPECT_EQ(parse_size("65536"), 65536U);
  EXPECT_EQ(parse_size("512B"), 512U);
  EXPECT_EQ(parse_size("64K"), 65536U);
  EXPECT_EQ(parse_size("64kib"), 65536U);
  EXPECT_EQ(parse_size("4MiB"), 4U << 20);
  EXPECT_EQ(parse_size("1g"), 1U << 30);
}

TEST(ParseSize, refuses_everything_else) {
  for (const char* text : {"", "K", "-1", "+1", "1.5M", "64KB", "64 K", "1T", "99999999999999999999", "17179869184G"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(SizeInWords, largest_unit_that_is_whole) {
  EXPECT_EQ(size_in_words(0), "0 B");
  EXPECT_EQ(size_in_words(1000), "1000 B");
  EXPECT_EQ(size_in_words(65536), "64 KiB");
  EXPECT_EQ(size_in_words(std::uint64_t{4} << 20), "4 MiB");
  EXPECT_EQ(size_in_words((std::uint64_t{1} << 30) + (1U << 20)), "1025 MiB");
}

}  // namespace
}  // namespace tcpdiag
