// SPDX-License-Identifier: Apache-2.0
// Names in DNS messages, also those that are none, and how they come out of a record.
#include "source/bpf/dns_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "source/bpf/decoder.h"
#include "util/escape.h"

namespace tcpdiag::bpf {
namespace {

using namespace std::string_literals;

std::string name_of(std::string_view octets, bool is_cut = false) {
  return dns_name(std::as_bytes(std::span(octets)), is_cut);
}

std::string label(std::string_view text) { return static_cast<char>(text.size()) + std::string(text); }

TEST(DnsName, IsItsLabelsInSmallLettersAndNothingBehindThem) {
  EXPECT_EQ(name_of("\3API\7example\3com\0\0\1\0\1secret"s), "api.example.com");
  EXPECT_EQ(name_of("\0\0\1"s), ".");
}

TEST(DnsName, HasNothingThatIsNotPrintable) {
  EXPECT_EQ(name_of(label("\x1b[2J\xff\0"s) + label("a b") + "\0"s), "\\027[2j\\255\\000.a\\032b");
  EXPECT_EQ(name_of(label("a.b\\c") + "\0"s), "a\\.b\\\\c") << "not three labels";
  std::string all;
  for (int octet = 0; octet < 256; octet += 32) {
    std::string part;
    for (int i = 0; i < 32; ++i) part += static_cast<char>(octet + i);
    all += label(part);
  }
  const std::string name = name_of(all + "\0"s);
  EXPECT_EQ(name, escape_terminal(name));
}

TEST(DnsName, HasNoPointersAndNoOtherLabels) {
  EXPECT_EQ(name_of("\3api\xc0\x0c"s), "");
  EXPECT_EQ(name_of("\x40\0"s), "");
  EXPECT_EQ(name_of("\xff\0"s), "");
}

TEST(DnsName, WithoutItsEndIsCutOrNone) {
  for (const std::string& octets : {"\3api\7exam"s, "\3api"s, "\x3f"s, ""s}) {
    EXPECT_EQ(name_of(octets), "") << "the message ends in it";
    EXPECT_THAT(name_of(octets, true), testing::EndsWith("..."));
  }
  EXPECT_EQ(name_of("\3api\7exam"s, true), "api.exam...");
  std::string longest;
  for (int i = 0; i < 3; ++i) longest += label(std::string(63, 'x'));
  EXPECT_EQ(name_of(longest.substr(0, TCPD_DNS_NAME_OCTETS), true),
            std::string(63, 'x') + "." + std::string(TCPD_DNS_NAME_OCTETS - 65, 'x') + "...");
}

tcpd_wire_dns_named query(const std::string& octets) {
  tcpd_wire_dns_named wire{};
  wire.dns.kind = TCPD_RECORD_DNS;
  wire.dns.size = sizeof(wire);
  wire.dns.at_ns = wire.dns.first_sent_ns = 5'000'000'000;
  wire.octets = static_cast<std::uint8_t>(std::min(octets.size(), sizeof(wire.name)));
  std::memset(wire.name, 'z', sizeof(wire.name));
  std::memcpy(wire.name, octets.data(), wire.octets);
  return wire;
}

std::optional<model::DnsMessage> decoded(const tcpd_wire_dns_named& wire) {
  return decode_dns(std::as_bytes(std::span(&wire, 1)));
}

TEST(DnsName, ComesOutOfARecord) {
  ASSERT_TRUE(decoded(query("\3api\0"s)));
  EXPECT_EQ(decoded(query("\3api\0"s))->name, "api");
  EXPECT_EQ(decoded(query(""))->name, "") << "what is behind the octets is nothing";
  EXPECT_EQ(decoded(query("\x08zzz"s))->name, "");
  EXPECT_THAT(decoded(query(label(std::string(63, 'a')) + label(std::string(63, 'b'))))->name,
              testing::EndsWith("b..."));
}

TEST(DnsName, IsOfQueriesThatHaveOne) {
  tcpd_wire_dns_named wire = query("\3api\0"s);
  wire.octets = TCPD_DNS_NAME_OCTETS + 1;
  EXPECT_FALSE(decoded(wire));
  wire = query("\3api\0"s);
  wire.dns.is_answer = 1;
  EXPECT_FALSE(decoded(wire));
  wire = query("\3api\0"s);
  EXPECT_FALSE(decode_dns(std::as_bytes(std::span(&wire, 1)).first(sizeof(wire) - 1)));
  wire.dns.size = sizeof(wire.dns);
  EXPECT_EQ(decoded(wire)->name, "");
}

}  // namespace
}  // namespace tcpdiag::bpf
