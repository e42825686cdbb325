// SPDX-License-Identifier: Apache-2.0
// Episodes of recovery, and what a retransmission means.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

TEST(Recovery, LastsToTheAckBeyondAllThatWasRetransmitted) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  for (int i = 0; i < 4; ++i) tap.send(i, 1000);
  tap.retransmit(100, begin, 1000);
  tap.retransmit(110, begin + 2000, 1000);
  tap.receive(150, 0, {.ack = begin + 2000});
  EXPECT_EQ(tap.count(TCPD_RECOVERY), 0U);
  tap.receive(180, 0, {.ack = begin + 3000});
  EXPECT_EQ(tap.count(TCPD_RECOVERY), 1U);
  EXPECT_EQ(tap.sum_us(TCPD_RECOVERY), 80'000U);
  tap.acknowledge(190);
  EXPECT_EQ(tap.count(TCPD_RECOVERY), 1U);
}

TEST(Recovery, SameRangeTwiceIsOneEpisode) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 1000);
  tap.retransmit(200, begin, 1000, 0, TCPD_TIMER_NONE, TCPD_CA_LOSS);
  tap.retransmit(600, begin, 1000, 0, TCPD_TIMER_NONE, TCPD_CA_LOSS);
  tap.acknowledge(700);
  EXPECT_EQ(tap.sum_us(TCPD_RECOVERY), 500'000U);
}

TEST(Recovery, EachEpisodeCountsByItself) {
  Tap tap;
  for (int i = 0; i < 3; ++i) {
    const u32 begin = tap.tcp.snd_nxt;
    tap.send(1000 * i, 1000);
    tap.retransmit(1000 * i + 200, begin, 1000);
    tap.acknowledge(1000 * i + 210);
  }
  EXPECT_EQ(tap.count(TCPD_RECOVERY), 3U);
  EXPECT_EQ(tap.sum_us(TCPD_RECOVERY), 30'000U);
}

TEST(Recovery, HoldsOverTheWrapOfSequenceNumbers) {
  Tap tap(Side::kOutbound, 0xfffffe00U);
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 1000);
  tap.send(1, 1000);
  tap.retransmit(50, begin, 1000);
  tap.retransmit(51, begin + 1000, 1000);
  tap.receive(60, 0, {.ack = begin + 1000});
  EXPECT_EQ(tap.count(TCPD_RECOVERY), 0U);
  tap.acknowledge(70);
  EXPECT_EQ(tap.sum_us(TCPD_RECOVERY), 20'000U);
}

TEST(Recovery, FailedAttemptsBeginNone) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 1000);
  for (const int error : {EBUSY, EAGAIN, EHOSTUNREACH, ENOMEM}) tap.retransmit(50, begin, 1000, -error);
  EXPECT_EQ(tap.c.recovery_ns, 0U);
  tap.retransmit(60, begin, 1000, -EPERM);  // made, and then dropped: it counts as sent
  EXPECT_EQ(tap.c.recovery_ns, Tap::ns(60));
}

TEST(Recovery, EndThatNobodySawIsUnfinished) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  tap.send(0, 1000);
  tap.retransmit(50, begin, 1000);
  tap.tcp.snd_una = begin + 1000;  // its ACK came unseen, outside ESTABLISHED
  tap.send(100, 1000);
  tap.retransmit(300, begin + 1000, 1000);
  EXPECT_EQ(tap.stats.recovery_unfinished, 1U);
  EXPECT_EQ(tap.c.recovery_ns, Tap::ns(300));
  tcpd_connection_ends(&tap.c, &tap.stats, false, Tap::ns(400));
  EXPECT_EQ(tap.stats.recovery_unfinished, 2U);
  tcpd_connection_ends(&tap.c, &tap.stats, false, Tap::ns(401));
  EXPECT_EQ(tap.stats.recovery_unfinished, 2U);
  EXPECT_EQ(tap.count(TCPD_RECOVERY), 0U);
}

TEST(Recovery, RetransmittedSynIsOfNoEpisode) {
  Tap tap;
  tap.c.syn_ns = Tap::ns(0);
  tcpd_retransmission again{};
  again.seq = 1000;
  again.end_seq = 1001;
  again.snd_una = 1000;
  again.is_syn = 1;
  tcpd_segment_retransmitted(&tap.c, &tap.stats, &again, Tap::ns(1000));
  EXPECT_EQ(again.first_sent_ns, Tap::ns(0));
  EXPECT_EQ(again.first_bound_us, 0U);
  EXPECT_EQ(tap.c.recovery_ns, 0U);
}

TEST(Recovery, AcksThatCameUnseenFreeTheMarks) {
  Tap tap;
  const u32 begin = tap.tcp.snd_nxt;
  for (int i = 0; i < 3; ++i) tap.send(i, 1000);
  tap.tcp.snd_una = begin + 2000;
  EXPECT_EQ(tap.retransmit(100, begin + 2000, 1000).first_sent_ns, Tap::ns(2));
  EXPECT_EQ(tap.c.path_count, 1);
}

TEST(Retransmission, OfTheTimeoutHandlerAloneIsARto) {
  EXPECT_TRUE(tcpd_is_rto(TCPD_TIMER_NONE, TCPD_CA_LOSS));
  EXPECT_FALSE(tcpd_is_rto(1, TCPD_CA_LOSS));  // armed again: ACKs clock it
  EXPECT_FALSE(tcpd_is_rto(TCPD_TIMER_NONE, TCPD_CA_RECOVERY));
  EXPECT_FALSE(tcpd_is_rto(TCPD_TIMER_LOSS_PROBE, 0));
}

TEST(Retransmission, SentNothingOnTheEarlyReturnsOnly) {
  for (const int error : {-EBUSY, -EAGAIN, -EHOSTUNREACH, -ENOMEM}) EXPECT_TRUE(tcpd_sent_nothing(error)) << error;
  for (const int error : {0, 1, 2, -EPERM, -ENOBUFS, EBUSY}) EXPECT_FALSE(tcpd_sent_nothing(error)) << error;
}

}  // namespace
}  // namespace tcpdiag::testing
