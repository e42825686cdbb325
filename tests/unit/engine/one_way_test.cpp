// SPDX-License-Identifier: Apache-2.0
// path_queue_in: the way here alone, from the peer's TCP timestamps.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

// A peer whose clock shows `base` at 0 ms and ticks `per_ms` times a millisecond; what it sends at `ms` takes delay_ms.
struct Peer {
  u32 base = 77'000;
  double per_ms = 1;

  u32 clock(double ms) const { return base + static_cast<u32>(static_cast<std::int64_t>(ms * per_ms)); }
  void send(Tap& tap, double ms, double delay_ms, u32 bytes = 100) const {
    tap.receive(ms + delay_ms, bytes, {.tsval = clock(ms)});
  }
};

class OneWay : public ::testing::Test {
 protected:
  OneWay() {
    tcpd_lower(&tap.shared, &tap.shared.floor_handshake_us, 500);
    tap.tcp.rtt_us = 600;  // no queue
  }
  std::uint64_t longest_us() const { return tap.of(TCPD_PATH_QUEUE_IN).max_us; }

  Tap tap;
};

TEST_F(OneWay, QueueIsWhatComesOnTopOfTheQuickest) {
  const Peer peer;
  for (int i = 0; i <= 20; ++i) peer.send(tap, 100 * i, 0.25);
  ASSERT_EQ(tap.shared.tick, u32{TCPD_TICK_1MS});
  EXPECT_LE(longest_us(), 1000U);
  peer.send(tap, 2100, 140.25);
  EXPECT_NEAR(static_cast<double>(longest_us()), 140'000, 1000);
}

TEST_F(OneWay, NothingIsMeasuredBeforeTheTickIsKnown) {
  const Peer peer;
  for (int i = 0; i < 10; ++i) peer.send(tap, 100 * i, 0.25);
  EXPECT_EQ(tap.shared.tick, u32{TCPD_TICK_UNKNOWN});
  EXPECT_EQ(tap.count(TCPD_PATH_QUEUE_IN), 0U);
}

TEST_F(OneWay, OtherTicksAreNotUsed) {
  for (const double per_ms : {1000.0, 0.25, 0.1}) {
    tap.shared.tick = TCPD_TICK_UNKNOWN;
    tap.c.tick_base_us = 0;
    const Peer peer{.base = 5, .per_ms = per_ms};
    for (int i = 0; i <= 15; ++i) peer.send(tap, 10'000 * per_ms + 100 * i, 0);
    EXPECT_EQ(tap.shared.tick, u32{TCPD_TICK_OTHER}) << per_ms;
  }
  EXPECT_EQ(tap.count(TCPD_PATH_QUEUE_IN), 0U);
}

TEST_F(OneWay, TickOfOneConnectionServesTheOthersOfTheEndpoint) {
  tap.shared.tick = TCPD_TICK_1MS;
  const Peer peer;
  peer.send(tap, 10, 0);
  EXPECT_EQ(tap.count(TCPD_PATH_QUEUE_IN), 1U);
}

// A sender that paces stamps an ACK without data with the time at which its next data may leave.
TEST_F(OneWay, StampsAheadOfAcksWithoutDataAreNotTheFloor) {
  tap.shared.tick = TCPD_TICK_1MS;
  const Peer peer;
  for (int i = 0; i <= 20; ++i) {
    peer.send(tap, 20 * i, 0.5);
    peer.send(tap, 20 * i + 50, -49.5, 0);
  }
  EXPECT_EQ(tap.count(TCPD_PATH_QUEUE_IN), 21U);
  EXPECT_LE(longest_us(), 1000U);
}

TEST_F(OneWay, TimestampsWrapAround) {
  tap.shared.tick = TCPD_TICK_1MS;
  const Peer peer{.base = 0xffffff9cU};  // 100 ms before
  for (int i = 0; i <= 20; ++i) peer.send(tap, 20 * i, 0.5);
  EXPECT_EQ(tap.count(TCPD_PATH_QUEUE_IN), 21U);
  EXPECT_LE(longest_us(), 1000U);
  peer.send(tap, 420, 30.5);
  EXPECT_NEAR(static_cast<double>(longest_us()), 30'000, 1000);
}

TEST_F(OneWay, QuickerSegmentsLowerTheFloor) {
  tap.shared.tick = TCPD_TICK_1MS;
  const Peer peer;
  peer.send(tap, 0, 50);
  peer.send(tap, 100, 0);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_QUEUE_IN), 0U);  // each was the quickest so far
  EXPECT_EQ(tap.c.floor_us, -50'000);
  peer.send(tap, 200, 50);
  EXPECT_NEAR(static_cast<double>(longest_us()), 50'000, 10);  // the floor rises a little meanwhile
}

TEST_F(OneWay, FloorFollowsTheClocksDrift) {
  tap.shared.tick = TCPD_TICK_1MS;
  const Peer peer;
  peer.send(tap, 0, 0);
  peer.send(tap, 600'000, 12);  // ten minutes: 12 ms may be the clocks
  EXPECT_EQ(tap.sum_us(TCPD_PATH_QUEUE_IN), 0U);
  peer.send(tap, 600'010, 32);
  EXPECT_EQ(longest_us(), 20'000U);
}

TEST_F(OneWay, FloorThatWasTakenInAQueueIsNone) {
  tap.shared.tick = TCPD_TICK_1MS;
  tap.tcp.rtt_us = 190'000;
  const Peer peer;
  peer.send(tap, 0, 180);
  EXPECT_EQ(tap.stats.no_own_floor, 1U);
  EXPECT_EQ(tap.count(TCPD_PATH_QUEUE_IN), 0U);
  tap.tcp.rtt_us = 0;
  tap.tcp.srtt_us = 700;  // the smoothed one where there is no sample; the queue has gone
  peer.send(tap, 500, 0);
  tap.tcp.srtt_us = 190'000;  // and a floor once taken holds
  peer.send(tap, 600, 150);
  EXPECT_EQ(tap.stats.no_own_floor, 1U);
  EXPECT_NEAR(static_cast<double>(longest_us()), 150'000, 10);
}

TEST_F(OneWay, WithoutAnRttThereIsNoFloor) {
  tap.shared.tick = TCPD_TICK_1MS;
  tap.tcp.rtt_us = 0;
  const Peer peer;
  peer.send(tap, 0, 0);
  EXPECT_EQ(tap.stats.no_own_floor, 1U);
}

TEST_F(OneWay, PeersWithoutTimestampsAreCounted) {
  tap.receive(0, 100);
  tap.receive(1, 0);
  EXPECT_EQ(tap.stats.no_timestamps, 1U);
  EXPECT_EQ(tap.c.tick_base_us, 0U);
}

}  // namespace
}  // namespace tcpdiag::testing
