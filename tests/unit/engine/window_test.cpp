// SPDX-License-Identifier: Apache-2.0
// The reading application, and windows that close.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

TEST(ReadWait, FromTheFirstUnreadByteToItsReading) {
  Tap tap;
  tap.receive(0, 100);
  tap.receive(5, 100);
  tap.read(30, 200);
  EXPECT_EQ(tap.count(TCPD_READ_WAIT), 1U);
  EXPECT_EQ(tap.sum_us(TCPD_READ_WAIT), 30'000U);
  EXPECT_EQ(tap.c.unread_bytes_max, 200U);
  EXPECT_EQ(tap.c.read_count, 0);
}

TEST(ReadWait, PartOfASegmentIsNoReadingOfIt) {
  Tap tap;
  tap.receive(0, 100);
  tap.read(10, 40);
  EXPECT_EQ(tap.count(TCPD_READ_WAIT), 0U);
  tap.receive(12, 100);
  tap.read(20, 60);
  EXPECT_EQ(tap.sum_us(TCPD_READ_WAIT), 20'000U);
  tap.read(22, 100);
  EXPECT_EQ(tap.sum_us(TCPD_READ_WAIT), 30'000U);
}

TEST(ReadWait, MoreSegmentsThanMarksAreReadWithThoseBefore) {
  Tap tap;
  for (int i = 0; i < TCPD_READ_MARKS + 4; ++i) tap.receive(i, 100);
  EXPECT_EQ(tap.c.read_count, TCPD_READ_MARKS);
  EXPECT_EQ(tap.c.unread_bytes_max, 100U * (TCPD_READ_MARKS + 4));
  tap.read(50, 100 * TCPD_READ_MARKS);
  EXPECT_EQ(tap.sum_us(TCPD_READ_WAIT), 50'000U);
  tap.read(60, 400);  // no mark of their own
  EXPECT_EQ(tap.count(TCPD_READ_WAIT), 1U);
  for (int i = 0; i < 100; ++i) {  // and the ring goes round
    tap.receive(100 + i, 10);
    tap.read(100 + i + 0.5, 10);
  }
  EXPECT_EQ(tap.count(TCPD_READ_WAIT), 101U);
  EXPECT_EQ(tap.sum_us(TCPD_READ_WAIT), 100'000U);
}

TEST(ReadWait, HoldsOverTheWrapOfSequenceNumbers) {
  Tap tap(Side::kOutbound, 1000, 0xffffffc0U);
  tap.receive(0, 200);
  tap.read(4, 200);
  EXPECT_EQ(tap.sum_us(TCPD_READ_WAIT), 4000U);
  EXPECT_EQ(tap.c.unread_bytes_max, 200U);
}

TEST(Window, OfThePeerCountsWhileDataWaits) {
  Tap tap;
  tap.receive(10, 0, {.window = 0});
  tap.receive(20, 0, {.window = 0});
  tap.tcp.write_seq += 5000;  // the application has more to send
  tap.receive(60, 0, {.window = 100});
  EXPECT_EQ(tap.stats.zero_window_received_us, 50'000U);
  EXPECT_EQ(tap.stats.zero_window_stalls, 1U);
  EXPECT_EQ(tap.stats.zero_window_longest_us, 50'000U);
  tap.receive(70, 0, {.window = 0});
  tap.receive(80, 0, {.window = 100});
  EXPECT_EQ(tap.stats.zero_window_received_us, 60'000U);
  EXPECT_EQ(tap.stats.zero_window_stalls, 2U);
  EXPECT_EQ(tap.stats.zero_window_longest_us, 50'000U);
  EXPECT_EQ(tap.c.zero_window_received_us, 60'000U);
}

TEST(Window, OfThePeerCountsNothingWhileNothingWaits) {
  Tap tap;
  tap.receive(10, 0, {.window = 0});
  tap.receive(60, 0, {.window = 100});
  EXPECT_EQ(tap.stats.zero_window_stalls, 0U);
  EXPECT_EQ(tap.c.zero_window_received_ns, 0U);
}

TEST(Window, OfOursCountsFromTheSegmentThatClosesToTheOneThatOpens) {
  Tap tap;
  const u32 at = tap.tcp.snd_nxt;
  tap.leave(10, at, 0, 0, 0);
  tap.leave(15, at, 0, 0, 0);
  tap.leave(40, at, 0, 0, 8);
  EXPECT_EQ(tap.stats.zero_window_sent_us, 30'000U);
  tap.leave(50, at, 0, 0, 8);
  EXPECT_EQ(tap.stats.zero_window_sent_us, 30'000U);
}

TEST(Window, ThatIsClosedAtTheEndCountsUntilThen) {
  Tap tap;
  tap.receive(10, 0, {.window = 0});
  tap.leave(20, tap.tcp.snd_nxt, 0, 0, 0);
  tcpd_connection_ends(&tap.c, &tap.stats, true, Tap::ns(100));
  EXPECT_EQ(tap.stats.zero_window_received_us, 90'000U);
  EXPECT_EQ(tap.stats.zero_window_sent_us, 80'000U);
  tcpd_connection_ends(&tap.c, &tap.stats, true, Tap::ns(200));
  EXPECT_EQ(tap.stats.zero_window_received_us, 90'000U);
}

}  // namespace
}  // namespace tcpdiag::testing
