// SPDX-License-Identifier: Apache-2.0
// A path that is full, known without a queue that is felt: by trains, and by a short queue that stands and drops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Severity;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// One-sided, and without a floor: what the peer sent at once came as slowly as everything.
TEST(FullPath, is_known_by_trains) {
  Traffic t = throttled_from_the_middle(50ms).seconds(0, 20).out_of_order(0).trains(200, 1);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[0].confidence, Confidence::kMedium);
  EXPECT_EQ(findings[1].code, "path-queueing");
  EXPECT_EQ(findings[1].confidence, Confidence::kMedium);
  EXPECT_THAT(findings[1].explanation, HasSubstr("What the peer sent at once came one by one"));
  EXPECT_THAT(std::get<std::vector<std::string>>(*evidence(findings[1], "proofs")), Contains("trains: decided"));
}

TEST(FullPath, by_trains_needs_no_floor) {
  Traffic t = throttled_from_the_middle().floor("window", 150'000).seconds(0, 20).out_of_order(0).trains(200, 1);
  EXPECT_THAT(codes_of(t), Contains("path-queueing"));
}

TEST(FullPath, by_trains_needs_slow_ones_that_were_sent_at_once_in_most_seconds) {
  const auto codes_with = [](std::uint64_t n, double of_rate, double stretch) {
    return codes_of(throttled_from_the_middle(50ms).seconds(0, 20).out_of_order(0).trains(n, of_rate, stretch));
  };
  EXPECT_THAT(codes_with(5, 1.25, 3.5), Contains("path-queueing"));
  EXPECT_THAT(codes_with(4, 1, 20), ElementsAre("delay-unattributed"));
  EXPECT_THAT(codes_with(200, 1.4, 20), ElementsAre("delay-unattributed"));  // the path carries more
  EXPECT_THAT(codes_with(200, 1, 2.5), ElementsAre("delay-unattributed"));   // the peer wrote it so slowly
  Traffic now_and_then = throttled_from_the_middle(50ms);
  now_and_then.seconds(0, 20).out_of_order(0).trains(200, 10);
  now_and_then.seconds(0, 15).trains(200, 1);
  EXPECT_THAT(codes_of(now_and_then), ElementsAre("delay-unattributed"));
}

TEST(FullPath, handshakes_at_the_floor_speak_against_trains) {
  Traffic t = throttled_from_the_middle(50ms).seconds(0, 20).out_of_order(0).trains(200, 1).connects(60us);
  EXPECT_THAT(codes_of(t), Not(Contains("path-queueing")));
}

// Eight clients hold a queue that nobody feels.
TEST(FullPath, without_a_queue_is_a_notice) {
  Traffic t = Traffic();
  t.seconds(0, 20).path(5ms).one_way(5ms).trains(200, 1);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[0].severity, Severity::kNotice);
  EXPECT_EQ(findings[0].confidence, Confidence::kMedium);
  EXPECT_THAT(findings[0].explanation, HasSubstr("What it sends at once comes one by one, at that rate"));
  EXPECT_THAT(codes_of(t.trains(200, 3)), IsEmpty());
}

// What does not fit is dropped: a limit, though the queue is too short to be felt.
TEST(FullPath, a_short_queue_that_stands_and_drops_is_a_ceiling_and_explains_its_loss) {
  Traffic t(20);
  t.path(5ms).one_way(4ms).out_of_order(200);
  auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[0].severity, Severity::kWarning);  // as grave as the loss
  EXPECT_EQ(findings[0].confidence, Confidence::kMedium);
  EXPECT_THAT(findings[0].explanation, HasSubstr("A short queue on the network path is always full"));
  EXPECT_THAT(std::get<std::vector<std::string>>(*evidence(findings[0], "proofs")),
              Contains("standing_queue: decided"));
  EXPECT_EQ(findings[1].code, "retransmit-loss");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
  EXPECT_THAT(codes_of(t.one_way(1ms)), Not(Contains("throughput-ceiling")));  // chance loses as much
  t.one_way(4ms).seconds(0, 5).one_way(0us);
  EXPECT_THAT(codes_of(t), Not(Contains("throughput-ceiling")));
}

// The queue of a full path drops as well where it is felt.
TEST(FullPath, explains_its_loss) {
  Traffic t = Traffic();
  t.seconds(0, 20).path(5ms).one_way(5ms).trains(200, 1).out_of_order(200);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "throughput-ceiling");
  EXPECT_EQ(findings[0].severity, findings[1].severity);
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
