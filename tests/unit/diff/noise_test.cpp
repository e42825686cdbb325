// SPDX-License-Identifier: Apache-2.0
// Two healthy runs of one load show no difference, whatever their lengths; and what matters is seen. The runs are
// simulated from fixed seeds, so the counts below never change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "diff/compare.h"
#include "unit/diff/simulated.h"

namespace tcpdiag::diff {
namespace {

using testing::Load;
using testing::run_of;

// Pairs that show a difference, of `pairs`; the first ones are told when the test fails.
int false_alarms(const Load& good, const Load& bad, int pairs, std::uint64_t first_seed, std::string& reported) {
  int alarms = 0;
  for (int i = 0; i < pairs; ++i) {
    const std::uint64_t seed = first_seed + 2 * static_cast<std::uint64_t>(i);
    const Comparison comparison = compare(run_of(good, seed), run_of(bad, seed + 1));
    if (comparison.verdict == Trend::kNoDifference) continue;
    ++alarms;
    if (comparison.differences.empty()) continue;
    const Difference& difference = comparison.differences.front();
    reported += "\nseed " + std::to_string(seed) + ": " + difference.what + " " + difference.quantile + " " +
                std::to_string(difference.good.value.value_or(0)) + " -> " +
                std::to_string(difference.bad.value.value_or(0)) + " p " +
                std::to_string(difference.p_value.value_or(-1));
  }
  return alarms;
}

struct Case {
  const char* name;
  Load good;
  Load bad;
};

std::vector<Case> healthy_cases() {
  std::vector<Case> cases;
  cases.push_back({"equal", {}, {}});
  cases.push_back({"other length", {.seconds = 30}, {.seconds = 240}});
  cases.push_back({"short", {.seconds = 10}, {.seconds = 10}});
  cases.push_back({"very short", {.seconds = 3}, {.seconds = 4}});
  cases.push_back({"slow start of both", {.seconds = 60, .slow_start_s = 3}, {.seconds = 60, .slow_start_s = 3}});
  cases.push_back(
      {"slow start, other length", {.seconds = 30, .slow_start_s = 3}, {.seconds = 200, .slow_start_s = 3}});
  cases.push_back({"slow start of one", {.seconds = 60}, {.seconds = 60, .slow_start_s = 3}});
  cases.push_back({"a pause", {.seconds = 60}, {.seconds = 60, .pauses = 1}});
  cases.push_back({"two pauses", {.seconds = 60, .pauses = 1}, {.seconds = 60, .pauses = 3}});
  cases.push_back({"seconds differ", {.second_spread = 0.4}, {.second_spread = 0.4}});
  cases.push_back({"wide", {.spread = 1.5}, {.spread = 1.5}});
  cases.push_back({"busy", {.seconds = 20, .per_second = 2000}, {.seconds = 20, .per_second = 2000}});
  const Load cache{.seconds = 10, .per_second = 3000, .median_us = 150, .spread = 0.9, .second_spread = 0.3};
  cases.push_back({"a cache", cache, cache});
  cases.push_back({"few", {.per_second = 0.5}, {.per_second = 0.5}});
  cases.push_back({"load starts late", {.seconds = 20}, {.seconds = 20, .idle_before_s = 15, .idle_after_s = 10}});
  cases.push_back({"always failing alike", {.failed_share = 0.05}, {.failed_share = 0.05}});
  cases.push_back({"always losing alike", {.lost_share = 0.01}, {.lost_share = 0.01}});
  cases.push_back({"microseconds", {.per_second = 500, .median_us = 80}, {.per_second = 500, .median_us = 200}});
  return cases;
}

TEST(Noise, healthy_pairs_show_no_difference) {
  int all = 0;
  int pairs = 0;
  std::string reported;
  std::uint64_t seed = 1;
  for (const Case& each : healthy_cases()) {
    constexpr int kPairs = 40;
    std::string of_case;
    const int alarms = false_alarms(each.good, each.bad, kPairs, seed, of_case);
    seed += 1000;
    if (alarms > 0) reported += std::string("\n") + each.name + ": " + std::to_string(alarms) + of_case;
    all += alarms;
    pairs += kPairs;
  }
  EXPECT_GE(pairs, 200);
  EXPECT_LE(all, pairs / 200) << reported;  // one pair in two hundred
}

// How many of `kPairs` pairs show `what` first, in this tier and with confidence.
constexpr int kPairs = 20;
int seen(const Load& good, const Load& bad, const std::string& what, Tier tier, std::uint64_t first_seed) {
  int count = 0;
  for (int i = 0; i < kPairs; ++i) {
    const std::uint64_t seed = first_seed + 2 * static_cast<std::uint64_t>(i);
    const Comparison comparison = compare(run_of(good, seed), run_of(bad, seed + 1));
    if (comparison.verdict != Trend::kWorse || comparison.differences.empty()) continue;
    const Difference& first = comparison.differences.front();
    const auto about = [&](const Difference& difference) {
      return difference.what == what && difference.tier == tier && difference.direction == Direction::kWorse &&
             difference.confidence > model::Confidence::kLow;
    };
    if (first.tier == tier && std::any_of(comparison.differences.begin(), comparison.differences.end(), about)) ++count;
  }
  return count;
}

TEST(Power, twenty_percent_of_failures_are_seen) {
  EXPECT_EQ(seen({}, {.failed_share = 0.2}, "exchanges_failed", Tier::kFailures, 1), kPairs);
  EXPECT_EQ(seen({.seconds = 10, .per_second = 5}, {.seconds = 10, .per_second = 5, .failed_share = 0.4},
                 "exchanges_failed", Tier::kFailures, 1),
            kPairs);
}

TEST(Power, failures_that_multiply_are_seen) {
  EXPECT_EQ(seen({.failed_share = 0.02}, {.failed_share = 0.08}, "exchanges_failed", Tier::kFailures, 1), kPairs);
}

TEST(Power, a_doubled_median_is_seen) {
  EXPECT_EQ(seen({}, {.median_us = 16'000}, "first_byte", Tier::kDelays, 1), kPairs);
  EXPECT_EQ(seen({.seconds = 15, .per_second = 20}, {.seconds = 15, .per_second = 20, .median_us = 16'000},
                 "first_byte", Tier::kDelays, 1),
            kPairs);
}

TEST(Power, a_half_longer_median_is_seen_among_seconds_that_differ) {
  EXPECT_GE(seen({.seconds = 120, .second_spread = 0.2}, {.seconds = 120, .median_us = 12'000, .second_spread = 0.2},
                 "first_byte", Tier::kDelays, 1),
            kPairs * 9 / 10);
}

TEST(Power, a_tail_alone_is_seen) {
  EXPECT_GE(seen({}, {.slow_share = 0.03}, "first_byte", Tier::kDelays, 1), kPairs * 9 / 10);
  EXPECT_GE(seen({.seconds = 300}, {.seconds = 300, .slow_share = 0.03}, "first_byte", Tier::kDelays, 1),
            kPairs * 9 / 10);
}

TEST(Power, what_began_during_the_run_is_seen) {
  EXPECT_GE(seen({}, {.slow_end_s = 30}, "first_byte", Tier::kDelays, 1), kPairs * 9 / 10);
  EXPECT_GE(seen({.seconds = 300}, {.seconds = 300, .slow_end_s = 90}, "first_byte", Tier::kDelays, 1),
            kPairs * 9 / 10);
}

TEST(Power, one_percent_of_lost_segments_is_seen) {
  EXPECT_EQ(seen({}, {.lost_share = 0.01}, "retransmitted_segments", Tier::kLoss, 1), kPairs);
}

TEST(Power, what_got_better_is_seen) {
  const Comparison comparison = compare(run_of({.failed_share = 0.2}, 1), run_of({}, 2));
  EXPECT_EQ(comparison.verdict, Trend::kBetter);
  EXPECT_EQ(comparison.differences.at(0).what, "exchanges_failed");
  EXPECT_EQ(comparison.differences.at(0).direction, Direction::kBetter);
}

TEST(Power, failures_come_before_delays_before_loss_before_traffic) {
  const Load bad{.per_second = 150, .median_us = 24'000, .failed_share = 0.1, .lost_share = 0.02};
  const Comparison comparison = compare(run_of({}, 1), run_of(bad, 2));
  std::vector<Tier> tiers;
  for (const Difference& difference : comparison.differences) tiers.push_back(difference.tier);
  EXPECT_TRUE(std::is_sorted(tiers.begin(), tiers.end()));
  for (const Tier tier : {Tier::kFailures, Tier::kDelays, Tier::kLoss, Tier::kTraffic}) {
    EXPECT_THAT(tiers, ::testing::Contains(tier)) << to_string(tier);
  }
}

}  // namespace
}  // namespace tcpdiag::diff
