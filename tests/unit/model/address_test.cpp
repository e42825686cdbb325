// SPDX-License-Identifier: Apache-2.0
// Addresses and blocks as text: round trips, RFC 5952, and what must be refused.
#include "model/address.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace tcpdiag::model {
namespace {

std::string reprinted(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? address->to_string() : "refused";
}

std::string reprinted_block(std::string_view text) {
  const auto block = Cidr::parse(text);
  return block ? block->to_string() : "refused";
}

TEST(Address, PrintsIpv4AsDottedQuad) {
  EXPECT_EQ(reprinted("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(reprinted("255.255.255.255"), "255.255.255.255");
}

TEST(Address, Ipv4AndItsMappedFormAreOneAddress) {
  EXPECT_EQ(Address::parse("::ffff:10.0.0.1"), Address::parse("10.0.0.1"));
  EXPECT_EQ(reprinted("::ffff:a00:1"), "10.0.0.1");
  EXPECT_EQ(Address::parse("10.0.0.1")->family(), 4);
  EXPECT_EQ(Address::parse("fd00::1")->family(), 6);
}

// The examples and rules of RFC 5952 section 4.
TEST(Address, PrintsIpv6AsRfc5952) {
  EXPECT_EQ(reprinted("2001:0db8::0001"), "2001:db8::1");
  EXPECT_EQ(reprinted("2001:db8:0:0:0:0:2:1"), "2001:db8::2:1");
  EXPECT_EQ(reprinted("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(reprinted("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(reprinted("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  EXPECT_EQ(reprinted("2001:DB8::ABCD"), "2001:db8::abcd");
  EXPECT_EQ(reprinted("::"), "::");
  EXPECT_EQ(reprinted("::1"), "::1");
  EXPECT_EQ(reprinted("1::"), "1::");
  EXPECT_EQ(reprinted("::1:2"), "::1:2");
}

TEST(Address, RefusesWhatIsNoAddress) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, " "sv, "10.0.0"sv, "10.0.0.256"sv, "10.0.0.1 "sv, " 10.0.0.1"sv, "10.0.0.1.2"sv, "0x0a.0.0.1"sv,
        "example.com"sv, ":::"sv, "1::2::3"sv, "fe80::1%eth0"sv, "[::1]"sv, "g::1"sv, "10.0.0.1\0x"sv,
        "1111:2222:3333:4444:5555:6666:7777:8888:9999"sv, "-1.0.0.1"sv}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
  EXPECT_FALSE(Address::parse(std::string(100000, '1')));
}

TEST(Address, KnowsTheUnspecifiedOnes) {
  EXPECT_TRUE(Address::parse("0.0.0.0")->is_unspecified());
  EXPECT_TRUE(Address::parse("::")->is_unspecified());
  EXPECT_TRUE(Address{}.is_unspecified());
  EXPECT_FALSE(Address::parse("0.0.0.1")->is_unspecified());
  EXPECT_FALSE(Address::parse("::1")->is_unspecified());
}

TEST(Address, RandomOnesSurviveTheRoundTrip) {
  std::mt19937 random(20251121);
  for (int i = 0; i < 20000; ++i) {
    Address address;
    for (auto& byte : address.bytes) {
      // Many zero bytes, so that there are runs to shorten.
      byte = random() % 3 == 0 ? static_cast<std::uint8_t>(random()) : std::uint8_t{0};
    }
    ASSERT_EQ(Address::parse(address.to_string()), address) << address.to_string();
  }
}

TEST(Cidr, PrintsWhatAPersonWrites) {
  EXPECT_EQ(reprinted_block("10.0.0.0/24"), "10.0.0.0/24");
  EXPECT_EQ(reprinted_block("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(reprinted_block("10.0.0.1/32"), "10.0.0.1");
  EXPECT_EQ(reprinted_block("0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(reprinted_block("fd00::/8"), "fd00::/8");
  EXPECT_EQ(reprinted_block("::/0"), "::/0");
  EXPECT_EQ(Cidr::parse("10.0.0.0/24")->prefix_length, 120);
}

TEST(Cidr, HostBitsAreCutOff) {
  EXPECT_EQ(reprinted_block("10.1.2.3/12"), "10.0.0.0/12");
  EXPECT_EQ(Cidr::parse("10.0.0.77/24"), Cidr::parse("10.0.0.0/24"));
}

TEST(Cidr, ContainsItsAddressesOnly) {
  const Cidr block = *Cidr::parse("10.0.0.64/26");
  EXPECT_TRUE(block.contains(*Address::parse("10.0.0.64")));
  EXPECT_TRUE(block.contains(*Address::parse("10.0.0.127")));
  EXPECT_FALSE(block.contains(*Address::parse("10.0.0.63")));
  EXPECT_FALSE(block.contains(*Address::parse("10.0.0.128")));
  EXPECT_FALSE(block.contains(*Address::parse("fd00::1")));
  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*Address::parse("203.0.113.9")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*Address::parse("2001:db8::1")));
}

TEST(Cidr, RefusesBadLengths) {
  for (const std::string_view text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8x",
                                      "10.0.0.0/8/8", "fd00::/129", "/8", "10.0.0.0/99999999999", "10.0.0.0/ 8"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

TEST(SocketAddress, BracketsIpv6AndAdmitsAnUnknownPort) {
  EXPECT_EQ((SocketAddress{*Address::parse("10.0.0.1"), 443}.to_string()), "10.0.0.1:443");
  EXPECT_EQ((SocketAddress{*Address::parse("fd00::1"), 443}.to_string()), "[fd00::1]:443");
  EXPECT_EQ((SocketAddress{*Address::parse("10.0.0.1"), 0}.to_string()), "10.0.0.1:?");
}

}  // namespace
}  // namespace tcpdiag::model
