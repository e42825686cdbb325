// SPDX-License-Identifier: Apache-2.0
// The table of measures: names that readers rely on, and rows that are complete.
#include "model/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace tcpdiag::model {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;

TEST(Measures, AreThoseOfTheContractInItsOrder) {
  std::vector<std::string> names;
  for (const MeasureInfo& info : kMeasureInfos) names.emplace_back(info.name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "connect",
                       "rtt",
                       "path_queue",
                       "path_queue_in",
                       "host_queue",
                       "first_byte",
                       "last_byte",
                       "request_gap",
                       "response_gap",
                       "read_wait",
                       "recovery",
                       "app_gap",
                       "retransmit_rto",
                       "retransmit_fast",
                       "retransmit_tlp",
                       "retransmit_syn",
                       "retransmit_synack",
                       "retransmit_other",
                       "reset_sent_age",
                       "reset_sent_idle",
                       "reset_sent_wait",
                       "reset_received_age",
                       "reset_received_idle",
                       "reset_received_wait",
                   }));
}

TEST(Measures, EachRowIsWholeAndHasAPlaceOfItsOwn) {
  std::set<int> ranks;
  std::set<std::string> recorded;
  for (const MeasureInfo& info : kMeasureInfos) {
    EXPECT_THAT(info.name, MatchesRegex("[a-z]+(_[a-z]+)*"));
    EXPECT_STRNE(info.words, "") << info.name;
    EXPECT_STRNE(info.inbound_words, "") << info.name;
    EXPECT_TRUE(ranks.insert(info.rank).second) << info.name;
    EXPECT_TRUE(recorded.insert(info.recorded).second) << info.name;
    EXPECT_TRUE(info.in_kernel || !(info.has_p50_series || info.has_p99_series || info.is_above_floor)) << info.name;
  }
}

TEST(Measures, OfTheKernelHaveTheirPlaceInASample) {
  for (std::size_t i = 0; i < kKernelMeasures.size(); ++i) EXPECT_EQ(kernel_index(kKernelMeasures[i]), i);
  EXPECT_EQ(kernel_index(Measure::kConnect), kKernelMeasures.size()) << "it has none";
  for (const Measure measure : kAllMeasures) {
    EXPECT_EQ(info_of(measure).in_kernel, kernel_index(measure) < kKernelMeasures.size()) << to_string(measure);
  }
}

TEST(Measures, OneRoleMayHaveThemAlone) {
  EXPECT_TRUE(is_of_role(Measure::kConnect, Role::kOutbound));
  EXPECT_FALSE(is_of_role(Measure::kConnect, Role::kInbound));
  EXPECT_FALSE(is_of_role(Measure::kRetransmitSynAck, Role::kOutbound));
  EXPECT_TRUE(is_of_role(Measure::kRtt, Role::kInbound));
}

TEST(Series, AreThoseOfTheContractInItsOrder) {
  std::vector<std::string> reported;
  for (const SeriesInfo& info : kSeriesInfos) {
    if (info.is_reported) reported.emplace_back(info.name);
  }
  EXPECT_THAT(reported,
              ElementsAre("bytes_sent", "bytes_received", "exchanges", "connects", "connect_failures", "retransmits",
                          "out_of_order", "resets", "drops", "rtt_p50_us", "path_queue_p50_us", "path_queue_p99_us",
                          "path_queue_in_p50_us", "path_queue_in_p99_us", "host_queue_p99_us", "read_wait_p99_us"));
  for (const Measure measure : kKernelMeasures) {
    EXPECT_EQ(to_string(p50_series(measure)), to_string(measure) + std::string("_p50_us"));
    EXPECT_EQ(to_string(p99_series(measure)), to_string(measure) + std::string("_p99_us"));
  }
  EXPECT_EQ(p99_series(Measure::kReadWait), SeriesId::kReadWaitP99);
}

}  // namespace
}  // namespace tcpdiag::model
