// SPDX-License-Identifier: Apache-2.0
// Trains: segments that the peer sent at once, and how far apart they came.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

class Train : public ::testing::Test {
 protected:
  Train() { tap_.shared.tick = TCPD_TICK_1MS; }

  // A request, then segments of its response so many milliseconds apart, all of them stamped as the first one or
  // `stamped_ms` apart. Returns when the last of them came.
  double response(double ms, int segments, double apart_ms, double stamped_ms = 0) {
    tap_.send(ms, 100);
    const double first = ms + 1;
    for (int i = 0; i < segments; ++i) {
      tap_.receive(first + i * apart_ms, 1448,
                   {.ack = tap_.tcp.snd_nxt, .tsval = static_cast<u32>(1000 + first + i * stamped_ms)});
    }
    return first + (segments - 1) * apart_ms;
  }
  // It is only known to have ended when the next one begins.
  void ends(double ms) { response(ms, 1, 0); }

  Tap tap_;
};

TEST_F(Train, SegmentsThatWereSentAtOnceTellTheRateAtWhichTheyCome) {
  const double last = response(0, 6, 0.25);
  EXPECT_EQ(tap_.stats.trains, 0U);
  ends(last + 10);
  EXPECT_EQ(tap_.stats.trains, 1U);
  EXPECT_EQ(tap_.stats.train_bytes, 5U * 1448U);  // without the first
  EXPECT_EQ(tap_.stats.train_us, 1250U);
  EXPECT_EQ(tap_.stats.train_sender_us, 0U);
  EXPECT_EQ(tap_.stats.trains_unused, 0U);
}

TEST_F(Train, OneTickIsCountedAsTheSenders) {
  ends(response(0, 6, 0.25, 0.2) + 10);
  EXPECT_EQ(tap_.stats.trains, 1U);
  EXPECT_EQ(tap_.stats.train_sender_us, 1000U);
}

TEST_F(Train, WhatIsWrittenSlowlyIsNone) {
  ends(response(0, 6, 1, 1) + 10);
  EXPECT_EQ(tap_.stats.trains, 0U);
  EXPECT_EQ(tap_.stats.trains_unused, 1U);
}

TEST_F(Train, TooFewSegmentsAreNone) {
  ends(response(0, 3, 0.25) + 10);
  EXPECT_EQ(tap_.stats.trains, 0U);
  EXPECT_EQ(tap_.stats.trains_unused, 1U);
}

TEST_F(Train, AGapEndsIt) {
  tap_.send(0, 100);
  for (int i = 0; i < 5; ++i) tap_.receive(1 + i * 0.1, 1448, {.ack = tap_.tcp.snd_nxt, .tsval = 1000});
  tap_.receive(2, 1448, {.seq = tap_.tcp.rcv_nxt + 1448, .tsval = 1000});  // one is missing
  EXPECT_EQ(tap_.stats.trains, 1U);
  EXPECT_EQ(tap_.stats.train_us, 400U);
}

TEST_F(Train, WhatThisHostSendsMeanwhileBeginsAnother) {
  const double last = response(0, 4, 0.25);
  ends(last + 0.25);
  EXPECT_EQ(tap_.stats.trains, 1U);
}

TEST_F(Train, BulkIsCutByCount) {
  response(0, 2 * TCPD_TRAIN_MOST + 1, 0.01);
  EXPECT_EQ(tap_.stats.trains, 2U);
  EXPECT_EQ(tap_.stats.train_bytes, 2U * (TCPD_TRAIN_MOST - 1) * 1448U);
}

TEST_F(Train, NeedsAClockThatTicksAtAMillisecond) {
  tap_.shared.tick = TCPD_TICK_OTHER;
  ends(response(0, 6, 0.25) + 10);
  EXPECT_EQ(tap_.stats.trains + tap_.stats.trains_unused, 0U);
}

}  // namespace
}  // namespace tcpdiag::testing
