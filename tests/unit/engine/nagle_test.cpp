// SPDX-License-Identifier: Apache-2.0
// Small writes that wait for the other end's delayed ACK.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

constexpr std::uint32_t kFloorUs = 4000;

Tap near_peer(Side side = Side::kOutbound) {
  Tap tap(side);
  tap.shared.floor_us = kFloorUs;
  return tap;
}

TEST(Nagle, HeadAndBodyOfARequest) {
  Tap tap = near_peer();
  tap.send(100, 200);
  tap.acknowledge(144);
  tap.send(144.1, 300);
  EXPECT_EQ(tap.stats.nagle_own, 1U);
  EXPECT_EQ(tap.stats.nagle_own_us, 40'000U) << "without the round trip";
  tap.answer(150, 100);
  EXPECT_EQ(tap.count(TCPD_FIRST_BYTE), 1U);
}

TEST(Nagle, HeadAndBodyOfAnAnswer) {
  Tap tap = near_peer(Side::kInbound);
  tap.receive(90, 200);
  tap.send(100, 200);
  tap.acknowledge(141);
  tap.send(141.1, 300);
  EXPECT_EQ(tap.stats.nagle_own, 1U);
}

TEST(Nagle, ThePeersAnswerWaitsForOurAck) {
  Tap tap = near_peer();
  tap.send(0, 100);
  tap.answer(10, 200);
  tap.leave(50, tap.tcp.snd_nxt, 0, 0);  // 40 ms later
  tap.receive(54.5, 300);
  EXPECT_EQ(tap.stats.nagle_peer, 1U);
  EXPECT_EQ(tap.stats.nagle_peer_us, 40'000U);
  EXPECT_EQ(tap.stats.nagle_own, 0U);
}

TEST(Nagle, ThePeersRequestWaitsForOurAck) {
  Tap tap = near_peer(Side::kInbound);
  tap.receive(10, 200);
  tap.leave(50, tap.tcp.snd_nxt, 0, 0);
  tap.receive(54.2, 300);
  EXPECT_EQ(tap.stats.nagle_peer, 1U);
}

TEST(Nagle, NotWithTcpNodelay) {
  Tap tap = near_peer();
  tap.c.nodelay = 1;
  tap.send(100, 200);
  tap.acknowledge(144);
  tap.send(144.1, 300);
  EXPECT_EQ(tap.stats.nagle_own, 0U);
}

TEST(Nagle, NotWhatTheApplicationWroteLater) {
  Tap tap = near_peer();
  tap.send(100, 200);
  tap.acknowledge(144);
  tap.send(150, 300);  // 6 ms after the ACK
  EXPECT_EQ(tap.stats.nagle_own, 0U);
}

TEST(Nagle, NotAfterAnAckThatCameAtOnce) {
  Tap tap = near_peer();
  tap.send(100, 200);
  tap.acknowledge(104);
  tap.send(104.1, 300);
  EXPECT_EQ(tap.stats.nagle_own, 0U);
}

TEST(Nagle, NotAFarPeerThatAcknowledgesAtOnce) {
  Tap tap = near_peer();
  tap.shared.floor_us = 40'000;
  tap.send(100, 200);
  tap.acknowledge(142);
  tap.send(142.1, 300);
  EXPECT_EQ(tap.stats.nagle_own, 0U);
}

TEST(Nagle, NotTheNextRequest) {
  Tap tap = near_peer();
  tap.send(100, 200);
  tap.answer(144, 100);
  tap.send(144.1, 300);
  EXPECT_EQ(tap.stats.nagle_own, 0U);
}

TEST(Nagle, NotFullSegments) {
  Tap tap = near_peer();
  tap.send(100, 1448);
  tap.acknowledge(144);
  tap.send(144.1, 1448);  // its window was closed
  EXPECT_EQ(tap.stats.nagle_own, 0U);
}

TEST(Nagle, NotAPeerThatTakesItsTime) {
  Tap tap = near_peer();
  tap.send(0, 100);
  tap.answer(10, 200);
  tap.leave(50, tap.tcp.snd_nxt, 0, 0);
  tap.receive(60, 300);  // a round trip takes 4 ms
  tap.leave(100, tap.tcp.snd_nxt, 0, 0);
  tap.receive(101, 300);  // less than a round trip: it was on its way
  EXPECT_EQ(tap.stats.nagle_peer, 0U);
}

}  // namespace
}  // namespace tcpdiag::testing
