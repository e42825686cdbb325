// SPDX-License-Identifier: Apache-2.0
// What lowers the confidence of every rule, and the losses as findings of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/judgement.h"
#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PictureBuilder resets() {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000);
  return b.add(0, 3, reset_awaiting(20, 5s));
}

TEST(Loss, above_one_in_a_thousand_lowers_the_confidence_by_one_step_with_the_reason) {
  PictureBuilder b = resets();
  b.raw().events_seen = 99'900;
  b.raw().loss.ring_full = 100;  // exactly 0.1 %
  EXPECT_EQ(diagnose(b.build()).front().confidence, Confidence::kHigh);
  b.raw().loss.ring_full = 101;
  Finding f = diagnose(b.build()).front();
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre(HasSubstr("ring_full (101, 0.1 %)")));
  b.raw().loss.rate_limited = 1000;  // still one step
  f = diagnose(b.build()).front();
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_THAT(f.confidence_reasons, ElementsAre(HasSubstr("ring_full (101, 0.1 %), rate_limited (1000, 1.0 %)")));
}

TEST(Loss, that_does_not_feed_the_rule_leaves_it_alone) {
  PictureBuilder b = resets();
  b.raw().loss.samples_thinned = 1'000'000;
  b.raw().loss.processes_full = 1'000'000;
  EXPECT_EQ(diagnose(b.build()).front().confidence, Confidence::kHigh);
}

TEST(Loss, never_takes_a_failure_below_low) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000);
  SocketStory story = older_than_trace(reset_awaiting(20, 5s));
  story.end->request_acked = false;
  b.add(0, story).raw().loss.ring_full = 50'000;
  const Finding f = diagnose(b.build()).front();
  EXPECT_EQ(f.confidence, Confidence::kLow);
  EXPECT_EQ(f.confidence_reasons.size(), 4U);
}

TEST(EventsLost, is_a_finding_for_each_cause_and_comes_last) {
  PictureBuilder b = resets();
  b.raw().events_seen = 10'000;
  b.raw().loss.ring_full = 50;
  b.raw().loss.sockets_full = 40;
  b.raw().loss.samples_thinned = 5;
  const auto findings = diagnose(b.build());
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].code, "peer-reset-awaiting-response");
  EXPECT_EQ(evidence_as<std::string>(findings[1], "cause"), "sockets_full");  // the only warning: 40 of 44
  EXPECT_EQ(findings[1].severity, Severity::kWarning);
  EXPECT_EQ(evidence_as<std::string>(findings[2], "cause"), "ring_full");
  EXPECT_EQ(findings[2].severity, Severity::kNotice);
  EXPECT_EQ(findings[2].confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_int(findings[2], "lost"), 50);
  EXPECT_EQ(evidence_int(findings[2], "seen"), 10'000);
  EXPECT_NEAR(evidence_as<double>(findings[2], "lost_pct"), 100.0 * 50 / 10'050, 1e-9);
  EXPECT_TRUE(evidence_is_null(findings[3], "seen"));
  EXPECT_TRUE(evidence_is_null(findings[3], "lost_pct"));
}

TEST(EventsLost, names_the_limit_of_events_and_how_to_raise_it) {
  PictureBuilder b;
  b.raw().loss.rate_limited = 5630;
  b.raw().events_seen = 956;
  const std::vector<Finding> findings = diagnose(b.build());
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "events-lost");
  const Finding& f = findings[0];
  EXPECT_EQ(evidence_as<std::string>(f, "cause"), "rate_limited");
  EXPECT_EQ(f.count, 5630U);
  EXPECT_THAT(f.title, HasSubstr("5630 events were left out by the limit of events per second"));
  ASSERT_GE(f.next_steps.size(), 2U);
  EXPECT_THAT(f.next_steps[0].text, HasSubstr("--max-events-per-second"));
  EXPECT_THAT(f.next_steps[1].text, HasSubstr("narrower filter"));
}

TEST(EventsLost, comes_last_even_when_the_rest_is_less_grave) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_exchanges(1000);
  b.add(0, 3, reset_while_idle(20, 30s)).raw().loss.ring_full = 50'000;
  EXPECT_THAT(codes(b.build()), ElementsAre("peer-reset-after-idle", "events-lost"));
}

TEST(Severity, follows_number_and_share) {
  EXPECT_EQ(common_severity(0, 1000), Severity::kNotice);
  EXPECT_EQ(common_severity(1, 1), Severity::kWarning);
  EXPECT_EQ(common_severity(2, 2), Severity::kWarning);
  EXPECT_EQ(common_severity(3, 3000), Severity::kCritical);
  EXPECT_EQ(common_severity(3, 3001), Severity::kWarning);
}

TEST(Grade, collects_a_reason_for_each_step) {
  Grade grade(Confidence::kHigh);
  grade.step_down("a");
  EXPECT_EQ(grade.value(), Confidence::kMedium);
  grade.at_most(Confidence::kMedium, "b");
  EXPECT_EQ(grade.value(), Confidence::kMedium);
  grade.step_down("c");
  grade.step_down("d");
  Finding finding;
  grade.write_to(finding);
  EXPECT_EQ(finding.confidence, Confidence::kLow);
  EXPECT_THAT(finding.confidence_reasons, ElementsAre("a", "b", "c", "d"));
}

TEST(Grade, a_derived_value_counts_from_one_in_five) {
  Grade grade(Confidence::kHigh);
  derived_step(grade, 0, 0, "x");
  derived_step(grade, 1, 5, "x");
  EXPECT_EQ(grade.value(), Confidence::kHigh);
  derived_step(grade, 2, 9, "it is derived");
  EXPECT_EQ(grade.value(), Confidence::kMedium);
  Finding finding;
  grade.write_to(finding);
  EXPECT_THAT(finding.confidence_reasons, ElementsAre("For 2 of 9 it is derived."));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
