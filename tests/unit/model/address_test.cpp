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

// --- tokens that stand for an address ---

TEST(RedactedAddress, KeepsClassAndFamilyOfTheOriginal) {
  const Address token = Address::redacted(AddressClass::kPrivate, 4, 1);
  EXPECT_TRUE(token.is_redacted());
  EXPECT_TRUE(token.is_v4());
  EXPECT_EQ(token.family(), 4);
  EXPECT_EQ(token.address_class(), AddressClass::kPrivate);
  EXPECT_FALSE(token.is_loopback());
  EXPECT_FALSE(token.is_unspecified());
  EXPECT_EQ(Address::redacted(AddressClass::kPublic, 6, 3).family(), 6);
  EXPECT_TRUE(Address::redacted(AddressClass::kLoopback, 6, 1).is_loopback());
}

TEST(RedactedAddress, IsTextThatIsTakenBack) {
  EXPECT_EQ(Address::redacted(AddressClass::kLinkLocal, 4, 12).to_string(), "link-local-v4-12");
  for (const AddressClass address_class :
       {AddressClass::kPublic, AddressClass::kPrivate, AddressClass::kLoopback, AddressClass::kLinkLocal}) {
    for (const int family : {4, 6}) {
      for (const std::uint32_t number : {0U, 1U, 70000U, 4294967295U}) {
        const Address token = Address::redacted(address_class, family, number);
        EXPECT_EQ(Address::parse(token.to_string()), token);
      }
    }
  }
}

TEST(RedactedAddress, HasOneTextOnly) {
  for (const std::string_view text :
       {"private-v4-", "private-v4-01", "private-v4-+1", "private-v4-1 ", "private-v5-1", "private-4-1", "Private-v4-1",
        "private-v4-4294967296", "secret-v4-1", "link-v4-1", "private-v4-1/24", "private-v4--1"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
}

TEST(RedactedAddress, IsNoneWhereASingleByteDiffers) {
  const Address token = Address::redacted(AddressClass::kPublic, 4, 1);
  for (std::size_t i = 0; i < 10; ++i) {
    Address other = token;
    other.bytes[i] = static_cast<std::uint8_t>(other.bytes[i] ^ 0x80);
    EXPECT_FALSE(other.is_redacted()) << i;
    EXPECT_FALSE(other.is_v4()) << i;
  }
  Address no_class = token;
  no_class.bytes[10] = 9;
  EXPECT_FALSE(no_class.is_redacted());
  Address no_family = token;
  no_family.bytes[11] = 5;
  EXPECT_FALSE(no_family.is_redacted());
  EXPECT_FALSE(Address::parse("100::1")->is_redacted());
}

TEST(RedactedAddress, NeedsNoBracketsBeforeAPort) {
  EXPECT_EQ((SocketAddress{*Address::parse("private-v4-1"), 6379}.to_string()), "private-v4-1:6379");
  EXPECT_EQ((SocketAddress{*Address::parse("public-v6-3"), 443}.to_string()), "public-v6-3:443");
  EXPECT_EQ((SocketAddress{*Address::parse("public-v6-3"), 0}.to_string()), "public-v6-3:?");
}

TEST(RedactedAddress, MakesBlocksThatContainItAlone) {
  EXPECT_EQ(reprinted_block("private-v4-1/24"), "private-v4-1/24");
  EXPECT_EQ(reprinted_block("private-v4-1/32"), "private-v4-1");
  EXPECT_EQ(reprinted_block("public-v6-2/48"), "public-v6-2/48");
  EXPECT_EQ(Cidr::parse("private-v4-1/24")->prefix_length, 120);
  EXPECT_FALSE(Cidr::parse("private-v4-1/33"));
  const Address token = *Address::parse("private-v4-1");
  for (const std::string_view text : {"private-v4-1", "private-v4-1/24", "private-v4-1/0"}) {
    EXPECT_TRUE(Cidr::parse(text)->contains(token)) << text;
    EXPECT_FALSE(Cidr::parse(text)->contains(*Address::parse("private-v4-2"))) << text;
    EXPECT_FALSE(Cidr::parse(text)->contains(*Address::parse("10.0.0.1"))) << text;
  }
}

TEST(RedactedAddress, LiesInNoBlockButThatOfItsFamily) {
  const Address v4 = *Address::parse("private-v4-1");
  const Address v6 = *Address::parse("private-v6-1");
  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(v4));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(v6));
  EXPECT_TRUE(Cidr::parse("::/0")->contains(v4));
  EXPECT_TRUE(Cidr::parse("::/0")->contains(v6));
  for (const std::string_view text : {"10.0.0.0/8", "100::/64", "100::/8", "0.0.0.0/1"}) {
    EXPECT_FALSE(Cidr::parse(text)->contains(v4)) << text;
    EXPECT_FALSE(Cidr::parse(text)->contains(v6)) << text;
  }
}

TEST(Address, KnowsItsClass) {
  const auto class_of = [](std::string_view text) { return Address::parse(text)->address_class(); };
  for (const std::string_view text : {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
                                      "100.64.0.1", "100.127.255.255", "fc00::1", "fdff::1"}) {
    EXPECT_EQ(class_of(text), AddressClass::kPrivate) << text;
  }
  for (const std::string_view text :
       {"9.255.255.255", "11.0.0.0", "172.15.0.1", "172.32.0.1", "192.167.0.1", "192.169.0.1", "100.63.0.1",
        "100.128.0.1", "169.253.0.1", "128.0.0.1", "fe00::1", "fec0::1", "2001:db8::1", "::2", "1::1"}) {
    EXPECT_EQ(class_of(text), AddressClass::kPublic) << text;
  }
  EXPECT_EQ(class_of("127.255.0.1"), AddressClass::kLoopback);
  EXPECT_EQ(class_of("::1"), AddressClass::kLoopback);
  EXPECT_EQ(class_of("169.254.0.1"), AddressClass::kLinkLocal);
  EXPECT_EQ(class_of("fe80::1"), AddressClass::kLinkLocal);
  EXPECT_EQ(class_of("febf::1"), AddressClass::kLinkLocal);
}

}  // namespace
}  // namespace tcpdiag::model
