// SPDX-License-Identifier: Apache-2.0
// The ceiling of throughput-ceiling against the table of instance types.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Finding ceiling_of(const Traffic& traffic) { return find(traffic, "throughput-ceiling"); }

std::vector<std::string> types(const Finding& ceiling) {
  std::vector<std::string> names;
  for (const auto& type : evidence_as<std::vector<model::BaselineCandidate>>(ceiling, "baseline_candidates")) {
    EXPECT_LE(std::abs(type.deviation_pct), 3);
    EXPECT_FALSE(type.table_date.empty());
    names.push_back(type.type);
  }
  return names;
}

TEST(BaselineCandidates, are_all_types_of_that_baseline_and_none_is_picked) {
  const Finding ceiling = ceiling_of(throttled());
  EXPECT_THAT(types(ceiling), ElementsAre("cache.t2.micro", "cache.t3.micro", "cache.t4g.micro", "t2.micro", "t3.micro",
                                          "t3a.micro", "t4g.micro"));
  EXPECT_TRUE(evidence_is_null(ceiling, "peer_type_given"));
  EXPECT_TRUE(evidence_is_null(ceiling, "peer_type_deviation_pct"));
  EXPECT_THAT(ceiling.explanation, Not(HasSubstr("micro")));
}

TEST(BaselineCandidates, are_compared_with_the_type_that_is_given) {
  Traffic t = throttled();
  t.builder().raw().start.peer_instance = "Cache.T4G.micro";
  const Finding fits = ceiling_of(t);
  EXPECT_EQ(evidence_text(fits, "peer_type_given"), "Cache.T4G.micro");
  EXPECT_FALSE(evidence_is_null(fits, "peer_type_deviation_pct"));
  EXPECT_LT(std::abs(evidence_float(fits, "peer_type_deviation_pct")), 3);
  EXPECT_EQ(fits.confidence, Confidence::kHigh);
  EXPECT_THAT(fits.explanation, HasSubstr("cache.t4g.micro, has 64 Mbit/s all the time: the ceiling is that limit"));
  t.builder().raw().start.peer_instance = "cache.t4g.small";
  const Finding other = ceiling_of(t);
  EXPECT_NEAR(evidence_float(other, "peer_type_deviation_pct"), -50, 2);
  EXPECT_EQ(other.confidence, Confidence::kMedium);
  EXPECT_THAT(other.explanation, HasSubstr("is another limit"));
  EXPECT_EQ(types(other).size(), 7U);
}

TEST(BaselineCandidates, say_that_a_given_type_is_not_known) {
  Traffic t = throttled();
  t.builder().raw().start.peer_instance = "cache.t99.small";
  const Finding unknown = ceiling_of(t);
  EXPECT_TRUE(evidence_is_null(unknown, "peer_type_deviation_pct"));
  EXPECT_THAT(unknown.explanation, HasSubstr("is not in the table of 20"));
  EXPECT_EQ(unknown.confidence, Confidence::kHigh);
}

TEST(BaselineCandidates, where_there_is_none_or_little_time_make_it_less_sure) {
  Traffic odd = throttled();
  odd.seconds(1, 60).exchanges(200).path(186ms).one_way(141ms);
  EXPECT_THAT(types(ceiling_of(odd)), IsEmpty());
  EXPECT_EQ(ceiling_of(odd).confidence, Confidence::kMedium);
  Traffic brief = throttled();
  brief.seconds(16, 60).path(0ms).one_way(400us);
  EXPECT_EQ(types(ceiling_of(brief)).size(), 7U);
  EXPECT_EQ(ceiling_of(brief).confidence, Confidence::kMedium);
}

TEST(ThroughputCeiling, near_the_connections_of_a_cache_node_says_so) {
  Traffic t = throttled();
  t.endpoint().totals.sockets_open_peak = 60'000;
  EXPECT_THAT(ceiling_of(t).next_steps.back().text, HasSubstr("takes 65000"));
  t.endpoint().totals.sockets_open_peak = 600;
  EXPECT_THAT(ceiling_of(t).next_steps.back().text, Not(HasSubstr("65000")));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
