// SPDX-License-Identifier: Apache-2.0
// What fills a hole: a second copy, or the first one late.
#include <gtest/gtest.h>

#include "unit/engine/tap.h"

namespace tcpdiag::testing {
namespace {

constexpr u32 kSegment = 1448;

// A connection with a round trip of 20 ms of which `behind` segments were seen behind one that is missing, at 100 ms,
// stamped 5000.
class Hole {
 public:
  explicit Hole(u32 behind = 1) {
    tap.shared.floor_us = 20'000;
    tap.shared.tick = TCPD_TICK_1MS;
    for (u32 i = 1; i <= behind; ++i) come(100, i, 5000);
  }

  // Segment `number` of those from the missing one on.
  void come(double ms, u32 number, std::optional<u32> tsval, u32 segments = 1) {
    tap.receive(ms, segments * kSegment, {.seq = first + number * kSegment, .tsval = tsval});
  }
  void expect(std::uint64_t recovered, std::uint64_t reordered) const {
    EXPECT_EQ(tap.stats.recovered_in, recovered);
    EXPECT_EQ(tap.stats.reordered_in, reordered);
  }

  Tap tap;
  u32 first = tap.tcp.rcv_nxt;
};

TEST(Hole, NewerStampIsASecondCopy) {
  Hole hole(3);
  hole.come(125, 0, 5020);
  hole.expect(1, 0);
  EXPECT_EQ(hole.tap.c.hole_count, 0);
}

TEST(Hole, OlderOrEqualStampIsLate) {
  for (const u32 stamp : {4999U, 5000U}) {
    Hole hole;
    hole.come(140, 0, stamp);
    hole.expect(0, 1);
  }
}

TEST(Hole, EqualStampsOfAPathThatIsLongerThanATickAreLate) {
  Hole hole;
  hole.tap.shared.floor_us = 2500;
  hole.come(104, 0, 5000);
  hole.expect(0, 1);
}

TEST(Hole, StampsOfOneTickAreToldByTimeWhereTheTickIsLongerThanThePath) {
  Hole quick;
  quick.tap.shared.floor_us = 30;
  quick.come(100.2, 0, 5000);
  quick.expect(1, 0);
  Hole late;
  late.tap.shared.floor_us = 30;
  late.come(104, 0, 5000);  // a copy made now would have a later stamp
  late.expect(0, 1);
}

TEST(Hole, WithoutStampsThreeQuartersOfARoundTripDecide) {
  Hole late;
  late.come(114, 0, std::nullopt);
  late.expect(0, 1);
  Hole again;
  again.come(116, 0, std::nullopt);
  again.expect(1, 0);
}

TEST(Hole, SeveralHolesAreToldApart) {
  Hole hole;
  hole.come(101, 3, 5001);  // 2 is missing, too
  hole.come(104, 2, 5001);  // late
  hole.come(125, 0, 5020);  // sent again
  hole.expect(1, 1);
}

TEST(Hole, MergedSegmentsCountEach) {
  Hole hole;
  hole.come(101, 5, 5001);  // 2, 3 and 4 are missing
  hole.come(125, 2, 5020, 3);
  hole.expect(3, 0);
}

TEST(Hole, FilledPieceByPiece) {
  Hole hole;
  hole.come(101, 4, 5001);  // 2 and 3 are missing
  hole.come(102, 3, 5001);
  hole.come(103, 2, 5001);
  hole.come(130, 0, 5025);
  hole.expect(1, 2);
}

TEST(Hole, FirstCopyBehindTheSecondWasLate) {
  Hole hole(3);
  hole.come(125, 0, 5020);  // a second copy
  hole.come(130, 0, 4999);  // the first
  EXPECT_EQ(hole.tap.stats.recovered_in, 1U);
  EXPECT_EQ(hole.tap.stats.late_copies, 1U);
  hole.come(135, 0, 4999);
  EXPECT_EQ(hole.tap.stats.late_copies, 1U) << "once";
}

TEST(Hole, AThirdCopyIsNotTheFirst) {
  Hole hole(3);
  hole.come(125, 0, 5020);
  hole.come(130, 0, 5021);
  EXPECT_EQ(hole.tap.stats.late_copies, 0U);
}

TEST(Hole, WhatCameBeforeIsNoFiller) {
  Hole hole(2);
  hole.come(103, 1, 5003);  // once more: the hole is before it
  hole.expect(0, 0);
  EXPECT_EQ(hole.tap.c.hole_count, 1);
  const tcpd_hole* open = tcpd_first_hole(&hole.tap.c, hole.tap.tcp.rcv_nxt);
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(open->end - open->begin, kSegment);
  EXPECT_EQ(tcpd_hole_ns(open, Tap::ns(160)), Tap::ns(100));
}

TEST(Hole, ForgottenWhenItWasFilledUnseen) {
  Hole hole;
  hole.tap.tcp.rcv_nxt += 2 * kSegment;
  EXPECT_EQ(tcpd_first_hole(&hole.tap.c, hole.tap.tcp.rcv_nxt), nullptr);
  hole.come(130, 2, 5030);
  EXPECT_EQ(hole.tap.c.hole_count, 0);
  hole.expect(0, 0);
}

TEST(Hole, MoreHolesThanAreKeptAreNotGuessed) {
  Hole hole;
  for (u32 i = 3; i < 20; i += 2) hole.come(101, i, 5001);
  EXPECT_EQ(hole.tap.c.hole_count, TCPD_HOLES);
  for (u32 i = 0; i < 20; i += 2) hole.come(130, i, 5030);
  EXPECT_EQ(hole.tap.stats.reordered_in, 0U);
  EXPECT_GE(hole.tap.stats.recovered_in, static_cast<std::uint64_t>(TCPD_HOLES));
}

TEST(Hole, SequenceNumbersWrap) {
  Hole hole;
  hole.tap.c.hole_count = 0;
  hole.tap.tcp.rcv_nxt = hole.first = 0xffffffff - 700;
  hole.come(200, 1, 6000);
  hole.come(230, 0, 6030);
  hole.expect(1, 0);
  EXPECT_EQ(hole.tap.c.hole_count, 0);
}

}  // namespace
}  // namespace tcpdiag::testing
