// SPDX-License-Identifier: Apache-2.0
// path_queue: marks of first transmissions and the ACKs that cover them.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

TEST(Path, AckGivesTheTimeSinceTheNewestMarkItCovers) {
  Tap tap;
  tap.send(0, 1448);
  const u32 middle = tap.tcp.snd_nxt;
  tap.send(1, 1448);
  tap.send(2, 1448);
  tap.receive(11, 0, {.ack = middle});
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 11'000U);
  tap.acknowledge(12);  // of two: since the later one
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 21'000U);
  EXPECT_EQ(tap.count(TCPD_PATH_RTT), 2U);
  EXPECT_EQ(tap.c.path_count, 0);
  EXPECT_EQ(tap.shared.floor_window_us, 10'000U);
  tap.acknowledge(13);
  EXPECT_EQ(tap.count(TCPD_PATH_RTT), 2U);
}

TEST(Path, ZeroMicrosecondsAreOne) {
  Tap tap;
  tap.send(0, 10);
  tap.acknowledge(0);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 1U);
}

TEST(Path, AckOnAResponseIsAmbiguous) {
  Tap tap;
  tap.send(0, 100);
  tap.answer(30, 500);
  EXPECT_EQ(tap.stats.path_ambiguous, 1U);
}

TEST(Path, AckThatMayHaveBeenDelayedIsAmbiguous) {
  Tap tap;
  tap.send(0, 100);  // all that is on its way, and less than two segments
  tap.acknowledge(40);
  EXPECT_EQ(tap.stats.path_ambiguous, 1U);
  tap.send(50, 2 * 1448);  // a receiver acknowledges every second segment at once
  tap.acknowledge(55);
  EXPECT_EQ(tap.stats.path_ambiguous, 1U);
  tap.send(60, 100);
  const u32 first = tap.tcp.snd_nxt;
  tap.send(61, 100);
  tap.receive(65, 0, {.ack = first});  // more was behind it
  EXPECT_EQ(tap.stats.path_ambiguous, 1U);
  EXPECT_EQ(tap.count(TCPD_PATH_RTT), 3U);
}

// A Linux peer acknowledges within 40 ms what its application has not answered, if it is written to quickly.
TEST(Path, AcksAreAwaitedOfWhatLeavesSoonAfterThePeersData) {
  Tap tap;
  tap.send(0, 100);  // the first one: how soon is not known
  tap.answer(1, 500);
  EXPECT_EQ(tap.stats.acks_awaited, 0U);
  tap.send(41, 100);  // 40 ms after the answer
  tap.answer(213, 500);
  EXPECT_EQ(tap.stats.acks_awaited, 1U);
  EXPECT_EQ(tap.stats.acks_apart, 0U);
  tap.send(214, 100);
  tap.acknowledge(255);  // the delayed ACK of a slow application
  EXPECT_EQ(tap.stats.acks_awaited, 2U);
  EXPECT_EQ(tap.stats.acks_apart, 1U);
  tap.answer(386, 500);
  tap.send(427, 100);  // a client that thinks: the peer may wait for longer
  tap.acknowledge(480);
  EXPECT_EQ(tap.stats.acks_awaited, 2U);
}

TEST(Path, NoAckIsAwaitedOfWhatLeftBeforeThePeersData) {
  Tap tap;
  tap.send(0, 100);
  tap.answer(1, 500);
  tap.send(2, 100);
  const u32 first = tap.tcp.snd_nxt;
  tap.send(3, 100);  // pipelined
  tap.receive(30, 500, {.ack = first});
  EXPECT_EQ(tap.stats.acks_awaited, 1U);
  tap.answer(60, 500);
  EXPECT_EQ(tap.stats.acks_awaited, 1U);
}

TEST(Path, RetransmittedBytesGiveNoSample) {  // Karn
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 100);
  tap.retransmit(200, begin, 100);
  tap.acknowledge(210);
  EXPECT_EQ(tap.count(TCPD_PATH_RTT), 0U);
  tap.send(220, 100);
  tap.acknowledge(225);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 5000U);
}

TEST(Path, RetransmissionThatCouldNotBeSentSpoilsNothing) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 100);
  tap.retransmit(200, begin, 100, -EBUSY);
  tap.acknowledge(210);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 210'000U);
}

TEST(Path, FirstTransmissionIsExactForSixteenPackets) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  for (int i = 0; i < TCPD_PATH_MARKS; ++i) tap.send(i, 1000);
  const auto again = tap.retransmit(300, begin + 5500, 500);
  EXPECT_EQ(again.first_sent_ns, Tap::ns(5));
  EXPECT_EQ(again.first_bound_us, 0U);
}

TEST(Path, MoreThanSixteenShareMarksAndTellTheBound) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  for (int i = 0; i < TCPD_PATH_MARKS + 1; ++i) tap.send(i, 1000);
  EXPECT_EQ(tap.c.path_count, TCPD_PATH_MARKS / 2 + 1);
  // Packets 0 and 1 are one mark now, 14 and 15 are one, 16 has its own.
  auto again = tap.retransmit(300, begin, 1000);
  EXPECT_EQ(again.first_sent_ns, Tap::ns(1));
  EXPECT_EQ(again.first_bound_us, 1000U);
  again = tap.retransmit(300, begin + 15'000, 1000);
  EXPECT_EQ(again.first_sent_ns, Tap::ns(15));
  EXPECT_EQ(again.first_bound_us, 1000U);
  again = tap.retransmit(300, begin + 16'000, 1000);
  EXPECT_EQ(again.first_sent_ns, Tap::ns(16));
  EXPECT_EQ(again.first_bound_us, 0U);
}

TEST(Path, MarksThatAreMergedAgainAndAgainStayInOrderAndTrue) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  constexpr int kPackets = 500;
  for (int i = 0; i < kPackets; ++i) tap.send(i, 1000);
  EXPECT_LE(tap.c.path_count, TCPD_PATH_MARKS);
  for (int i = 0; i < kPackets; ++i) {
    tcpd_retransmission again{};
    again.seq = begin + static_cast<u32>(i) * 1000;
    again.end_seq = again.seq + 1000;
    again.snd_una = tap.tcp.snd_una;
    again.error = -EBUSY;
    tcpd_segment_retransmitted(&tap.c, &tap.stats, &again, Tap::ns(kPackets));
    EXPECT_GE(again.first_sent_ns, Tap::ns(i)) << i;
    EXPECT_LE(again.first_sent_ns - u64{again.first_bound_us} * 1000, Tap::ns(i)) << i;
  }
  tap.acknowledge(kPackets + 9);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 10'000U);
  EXPECT_EQ(tap.c.path_count, 0);
}

TEST(Path, RingGoesRound) {
  Tap tap;
  for (int i = 0; i < 1000; ++i) {
    tap.send(10 * i, 100);
    tap.send(10 * i + 1, 100);
    tap.acknowledge(10 * i + 4);
  }
  EXPECT_EQ(tap.count(TCPD_PATH_RTT), 1000U);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 3'000'000U);
}

TEST(Path, MicrosecondsWrapAroundAfter71Minutes) {
  Tap tap;
  const double wrap_ms = 4294967.296 - 10'000;  // Tap's 0 is at 10 s
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(wrap_ms - 2, 1448);
  EXPECT_EQ(tap.retransmit(wrap_ms + 3, begin, 1448, -EBUSY).first_sent_ns / 1000, Tap::ns(wrap_ms - 2) / 1000);
  tap.acknowledge(wrap_ms + 3);
  EXPECT_NEAR(static_cast<double>(tap.sum_us(TCPD_PATH_RTT)), 5000, 1);
}

TEST(Path, WhatWasSentBeforeTheTraceHasNoTime) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.tcp.snd_una = begin - 5000;  // on its way already when the connection was met
  tap.send(0, 100);
  EXPECT_EQ(tap.retransmit(10, begin - 5000, 1000).first_sent_ns, 0U);
  EXPECT_EQ(tap.retransmit(10, begin, 100).first_sent_ns, Tap::ns(0));
}

TEST(Path, FinHasAMarkOnce) {
  Tap tap;
  tap.send_fin(0);
  EXPECT_EQ(tap.c.path_count, 1);
  tap.leave(200, tap.tcp.snd_nxt - 1, 0, TCPD_FLAG_FIN);
  EXPECT_EQ(tap.c.path_count, 1);
}

TEST(Path, StackOfDevicesTellsASegmentOnce) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 100);
  tap.leave(1, begin, 100, 0);
  tap.acknowledge(10);
  EXPECT_EQ(tap.sum_us(TCPD_PATH_RTT), 10'000U);
}

TEST(Path, RiseIsAboveTheLowestFloor) {
  Tap tap;
  tcpd_lower(&tap.shared, &tap.shared.floor_handshake_us, 2000);
  tcpd_lower(&tap.shared, &tap.shared.floor_kernel_us, 0);  // none
  EXPECT_EQ(tap.shared.floor_kernel_us, 0U);
  EXPECT_EQ(tap.shared.floor_us, 2000U);
  tap.send(0, 100);
  tap.acknowledge(10);
  EXPECT_EQ(tap.c.path_rise_us, 8000U);
  EXPECT_EQ(tap.shared.floor_window_us, 10'000U);
  EXPECT_EQ(tap.shared.floor_us, 2000U);
  tap.send(20, 100);
  tap.acknowledge(22);
  EXPECT_EQ(tap.c.path_rise_us, 7000U);  // an eighth of the newest, which is at the floor
  EXPECT_EQ(tap.c.path_samples, 2U);
}

TEST(Rtt, OneSampleForEachAckThatMoved) {
  Tap tap;
  tap.tcp.rtt_us = 900;
  tap.send(0, 100);
  tap.acknowledge(5);
  EXPECT_EQ(tap.count(TCPD_RTT), 0U);  // what TCP knows is from before the segment
  tap.receive(6, 0);
  EXPECT_EQ(tap.sum_us(TCPD_RTT), 900U);
  tap.receive(7, 0);
  EXPECT_EQ(tap.count(TCPD_RTT), 1U);
}

}  // namespace
}  // namespace tcpdiag::testing
