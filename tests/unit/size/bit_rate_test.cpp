// SPDX-License-Identifier: Apache-2.0
#include "size/bit_rate.h"

#include <gtest/gtest.h>

#include <string>

namespace tcpdiag::size {
namespace {

TEST(BitRate, bits_and_bytes_are_told_apart_by_what_is_written) {
  for (const char* text : {"64mbit", "64Mbit", "64 Mbit/s", "64MBIT/s", "0.064gbit", "64000kbit", "64000000bit/s",
                           "8MB/s", "8 MB/s", "8000kB/s"}) {
    const auto rate = parse_bit_rate(text);
    ASSERT_TRUE(rate) << text;
    EXPECT_DOUBLE_EQ(*rate, 64e6) << text;
  }
  EXPECT_DOUBLE_EQ(*parse_bit_rate("1MiB/s"), 8.0 * 1024 * 1024);
}

TEST(BitRate, what_could_mean_either_is_refused) {
  for (const char* text :
       {"64", "64m", "64M", "64mb", "64Mb/s", "64MB", "64mbps", "64Mbps", "64MBps", "64mb/s", "8Mib/s"}) {
    EXPECT_EQ(parse_bit_rate(text), std::nullopt) << text;
  }
}

TEST(BitRate, what_is_no_rate_is_refused) {
  for (const char* text : {"", "mbit", "-64mbit", "+64mbit", "0mbit", "1.2.3mbit", "1e3mbit", "nanmbit", ".", "64 ",
                           " 64mbit", "64  mbit", "64mbit/s/s", "99999999999999gbit"}) {
    EXPECT_EQ(parse_bit_rate(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_bit_rate(std::string(400, '9') + "bit"), std::nullopt);
}

}  // namespace
}  // namespace tcpdiag::size
