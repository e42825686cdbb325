// SPDX-License-Identifier: Apache-2.0
// reconnect-storm: connects that follow timeouts, and connects that do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Severity;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// 60 s with 100 exchanges and `usual` connects a second; three calls time out at 20 s.
class Storm {
 public:
  explicit Storm(std::int64_t usual = 1) {
    traffic_.seconds(0, 60).exchanges(100);
    traffic_.endpoint().series.arrays[model::SeriesId::kConnects].assign(60, usual);
    traffic_.endpoint().series.arrays[model::SeriesId::kConnectFailures].assign(60, 0);
  }
  Storm& timeouts(std::size_t n, double at_s = 20) {
    traffic_.builder().add(0, n, gave_up(at_s, 5s));
    return *this;
  }
  Storm& connects(std::size_t from, std::size_t to, std::int64_t n, std::int64_t failed = 0) {
    for (std::size_t i = from; i < to; ++i) {
      traffic_.endpoint().series.arrays[model::SeriesId::kConnects][i] = n;
      traffic_.endpoint().series.arrays[model::SeriesId::kConnectFailures][i] = failed;
    }
    return *this;
  }
  Traffic& traffic() { return traffic_; }
  Finding finding() { return find(traffic_, "reconnect-storm"); }
  std::vector<std::string> all() { return codes_of(traffic_); }

 private:
  Traffic traffic_;
};

TEST(ReconnectStorm, follows_timeouts) {
  const Finding f = Storm().timeouts(3).connects(21, 31, 80).finding();
  EXPECT_EQ(f.code, "reconnect-storm");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kMedium);
  EXPECT_EQ(f.count, 800U);
  EXPECT_EQ(f.first_at, at(21));
  EXPECT_EQ(f.last_at, at(31));
  EXPECT_DOUBLE_EQ(evidence_float(f, "connects_max_per_s"), 80.0);
  EXPECT_DOUBLE_EQ(evidence_float(f, "connects_median_per_s"), 1.0);
  EXPECT_EQ(evidence_int(f, "storm_seconds"), 10);
  EXPECT_EQ(evidence_int(f, "connect_count"), 800);
  EXPECT_EQ(evidence_int(f, "connects_failed_count"), 0);
  EXPECT_EQ(evidence_int(f, "timeouts_count"), 3);
  EXPECT_TRUE(evidence_is_null(f, "conntrack_allowance_delta"));
  EXPECT_THAT(f.title, HasSubstr("up to 80 a second"));
  EXPECT_EQ(f.next_steps.back().command, "ethtool -S eth0 | grep allowance");
}

TEST(ReconnectStorm, needs_three_timeouts_before_it) {
  EXPECT_THAT(Storm().timeouts(2).connects(21, 31, 80).all(), Not(Contains("reconnect-storm")));
  EXPECT_THAT(Storm().timeouts(3, 40).connects(21, 31, 80).all(), Not(Contains("reconnect-storm")));
  // Load that grows by itself, or a program that starts.
  EXPECT_THAT(Storm().connects(0, 10, 500).all(), Not(Contains("reconnect-storm")));
}

TEST(ReconnectStorm, needs_ten_times_the_usual) {
  EXPECT_THAT(Storm(8).timeouts(3).connects(21, 31, 79).all(), Not(Contains("reconnect-storm")));
  EXPECT_THAT(Storm(8).timeouts(3).connects(21, 31, 80).all(), Contains("reconnect-storm"));
  EXPECT_THAT(Storm(0).timeouts(3).connects(21, 31, 9).all(), Not(Contains("reconnect-storm")));
}

TEST(ReconnectStorm, without_keep_alive_is_the_usual) {
  EXPECT_THAT(Storm(100).timeouts(3).all(), Not(Contains("reconnect-storm")));
}

TEST(ReconnectStorm, needs_a_connect_for_every_second_exchange) {
  EXPECT_THAT(Storm().timeouts(3).connects(21, 31, 49).all(), Not(Contains("reconnect-storm")));
  EXPECT_THAT(Storm().timeouts(3).connects(21, 31, 51).all(), Contains("reconnect-storm"));
}

TEST(ReconnectStorm, that_lasts_for_most_of_the_trace_is_compared_with_the_calm_before) {
  EXPECT_THAT(Storm().timeouts(3, 10).connects(11, 60, 80).all(), Contains("reconnect-storm"));
  // Without a calm of five seconds nothing tells what is usual.
  EXPECT_THAT(Storm().timeouts(3, 4).connects(5, 60, 80).all(), Not(Contains("reconnect-storm")));
}

TEST(ReconnectStorm, one_wave_is_a_notice_and_failed_connects_are_failures) {
  EXPECT_EQ(Storm().timeouts(3).connects(21, 22, 80).finding().severity, Severity::kNotice);
  const Finding f = Storm().timeouts(3).connects(21, 31, 80, 8).finding();
  EXPECT_EQ(f.severity, Severity::kCritical);
  EXPECT_EQ(f.impact.connects_failed, 80U);
  EXPECT_DOUBLE_EQ(f.share_pct.value_or(0), 10.0);
}

TEST(ReconnectStorm, cells_of_several_seconds_are_rates) {
  Storm storm;
  storm.traffic().endpoint().series.interval_s = 4;
  storm.traffic().builder().lasts(240);
  storm.timeouts(3, 80).connects(21, 31, 240);
  const Finding f = storm.finding();
  EXPECT_DOUBLE_EQ(evidence_float(f, "connects_max_per_s"), 60.0);
  EXPECT_EQ(evidence_int(f, "storm_seconds"), 40);
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
