// SPDX-License-Identifier: Apache-2.0
// The TCP header.
#include "engine/packet.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace tcpdiag::testing {
namespace {

// 443 -> 51234, seq 0x01020304, ack 0x0a0b0c0d, PSH ACK, window 0x1234, timestamps 0xdeadbeef.
constexpr std::array<unsigned char, 32> kHeader{0x01, 0xbb, 0xc8, 0x22, 0x01, 0x02, 0x03, 0x04, 0x0a, 0x0b, 0x0c,
                                                0x0d, 0x80, 0x18, 0x12, 0x34, 0xff, 0xff, 0x00, 0x00, 0x01, 0x01,
                                                0x08, 0x0a, 0xde, 0xad, 0xbe, 0xef, 0x11, 0x22, 0x33, 0x44};

tcpd_packet parsed(const std::array<unsigned char, 32>& bytes, u32 length) {
  tcpd_tcp_header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  tcpd_packet packet{};
  tcpd_parse_packet(&packet, &header, length);
  return packet;
}

TEST(Packet, HeaderWithTimestamps) {
  const tcpd_packet packet = parsed(kHeader, 32 + 1000);
  EXPECT_EQ(packet.seq, 0x01020304U);
  EXPECT_EQ(packet.ack, 0x0a0b0c0dU);
  EXPECT_EQ(packet.payload, 1000U);
  EXPECT_EQ(packet.end, 0x01020304U + 1000);
  EXPECT_EQ(packet.window, 0x1234);
  EXPECT_EQ(packet.flags, 0x18);
  EXPECT_TRUE(packet.has_timestamp);
  EXPECT_EQ(packet.tsval, 0xdeadbeefU);
}

TEST(Packet, OptionsBehindAShorterHeaderAreNone) {
  auto bytes = kHeader;
  bytes[12] = 0x50;  // 20 bytes: what follows is payload
  const tcpd_packet packet = parsed(bytes, 20 + 12);
  EXPECT_FALSE(packet.has_timestamp);
  EXPECT_EQ(packet.payload, 12U);
}

TEST(Packet, OtherOptionsAreNoTimestamps) {
  auto bytes = kHeader;
  bytes[20] = 0x05;
  EXPECT_FALSE(parsed(bytes, 32).has_timestamp);
}

TEST(Packet, ShorterThanItsHeaderHasNoPayload) {
  const tcpd_packet packet = parsed(kHeader, 24);
  EXPECT_EQ(packet.payload, 0U);
  EXPECT_EQ(packet.end, packet.seq);
}

}  // namespace
}  // namespace tcpdiag::testing
