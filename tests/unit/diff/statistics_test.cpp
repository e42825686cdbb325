// SPDX-License-Identifier: Apache-2.0
// The tests against values that can be had by hand, and their use for delays.
#include "diff/statistics.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "diff/delays.h"
#include "unit/diff/samples.h"

namespace tcpdiag::diff {
namespace {

using samples::histogram;

TEST(Statistics, shares_by_fishers_exact_test) {
  // Twice the smaller tail: 5 of 5 against 0 of 5 is one of C(10, 5) draws.
  EXPECT_NEAR(p_of_shares(5, 5, 0, 5), 2.0 / 252, 1e-9);
  EXPECT_NEAR(p_of_shares(0, 5, 5, 5), 2.0 / 252, 1e-9);
  EXPECT_NEAR(p_of_shares(3, 10, 3, 10), 1, 1e-9);
  EXPECT_EQ(p_of_shares(0, 0, 5, 5), 1);
}

TEST(Statistics, large_shares_join_the_exact_ones_without_a_step) {
  const double exact = p_of_shares(9'800, 1e6, 10'199, 1e6);
  const double normal = p_of_shares(9'801, 1e6, 10'201, 1e6);
  EXPECT_NEAR(exact / normal, 1, 0.06);
  EXPECT_LT(p_of_shares(5e6, 1e7, 5.1e6, 1e7), 1e-9);
}

TEST(Statistics, rates_are_compared_by_their_times) {
  EXPECT_NEAR(p_of_rates(10, 60, 10, 60), 1, 1e-9);
  EXPECT_NEAR(p_of_rates(10, 30, 20, 60), 1, 0.2);
  EXPECT_NEAR(p_of_rates(0, 1, 10, 1), 2.0 / 1024, 1e-9);
}

TEST(Statistics, sign_test) {
  EXPECT_NEAR(p_of_binomial(5, 5, 0.5), 2.0 / 32, 1e-12);
  EXPECT_NEAR(p_of_binomial(5, 10, 0.5), 1, 1e-12);
}

TEST(Statistics, smirnov_distance_with_ties) {
  const std::array a{1.0, 2.0, 2.0, 3.0};
  const std::array b{2.0, 3.0, 4.0, 5.0};
  EXPECT_DOUBLE_EQ(smirnov_distance(a, b), 0.5);
  EXPECT_DOUBLE_EQ(smirnov_distance(a, a), 0);
  EXPECT_NEAR(p_of_smirnov(0.3, 100, 100), 0.0002, 0.0001);
}

TEST(Statistics, dispersion_finds_bursts) {
  std::vector<double> hits(60, 1);
  const std::vector<double> n(60, 100);
  EXPECT_DOUBLE_EQ(dispersion_of_shares(hits, n, 9), 1);
  hits.assign(60, 0);
  for (std::size_t i = 30; i < 36; ++i) hits[i] = 10;  // as many, in six seconds that follow each other
  EXPECT_GT(dispersion_of_shares(hits, n, 9), 20);
  EXPECT_EQ(dispersion_of_shares({}, {}, 9), 9);
}

TEST(Statistics, ratios_know_their_blocks) {
  std::vector<double> y(32, 50);
  const std::vector<double> x(32, 1);
  y[3] = 60;
  const Ratio a = ratio_of(y, x);
  EXPECT_NEAR(a.value, 50.3125, 1e-9);
  EXPECT_GT(a.error, 0);
  const std::vector<double> twice(32, 100);
  EXPECT_LT(p_of_ratios(a, ratio_of(twice, x)), 0.001);
  EXPECT_EQ(p_of_ratios(a, Ratio{}), 1);
}

TEST(Statistics, autocorrelation_of_one_span) {
  std::vector<double> values(40, 0);
  EXPECT_EQ(autocorrelation(values), 0);
  for (std::size_t i = 10; i < 20; ++i) values[i] = 1;
  EXPECT_GT(autocorrelation(values), 0.8);
}

TEST(Delays, excess_is_the_difference_of_the_means_where_all_are_slower) {
  const auto good = histogram({{1'000, 50}, {2'000, 50}});
  const auto bad = histogram({{11'000, 50}, {12'000, 50}});
  EXPECT_NEAR(mean_excess_us(good, bad), 10'000, 700);
  EXPECT_EQ(mean_excess_us(bad, good), 0);
  EXPECT_EQ(mean_excess_us({}, bad), 0);
}

TEST(Delays, share_slower_is_the_part_that_must_have_moved) {
  EXPECT_NEAR(share_slower(histogram({{1'000, 100}}), histogram({{1'000, 80}, {200'000, 20}})), 0.2, 1e-9);
}

TEST(Delays, five_values_against_five_are_decided_by_the_test) {
  const auto compared = [](const model::Histogram& good, const model::Histogram& bad) {
    Collector collector;
    Difference difference;
    difference.tier = Tier::kDelays;
    difference.what = "first_byte";
    compare_values(good, bad, 1, 1, difference, collector);
    Comparison out;
    collector.settle(out);
    return out.differences;
  };
  const auto good = histogram({{1'000, 2}, {2'000, 2}, {3'000, 1}});
  const auto apart = compared(good, histogram({{100'000, 3}, {200'000, 2}}));
  ASSERT_EQ(apart.size(), 1U);
  EXPECT_EQ(apart.front().confidence, model::Confidence::kLow);  // one of 126 draws
  EXPECT_TRUE(compared(good, histogram({{1'000, 2}, {200'000, 3}})).empty());
}

TEST(Delays, five_millions_are_decided_by_the_effect) {
  const auto scaled = [](std::uint64_t value) {
    std::array<std::uint64_t, model::Histogram::kBuckets> buckets{};
    buckets[model::Histogram::bucket_of(value)] = 4'000'000;
    buckets[model::Histogram::bucket_of(value * 2)] = 1'000'000;
    return model::Histogram::from_parts(buckets, value * 6'000'000, value, value * 2);
  };
  const auto count = [&](std::uint64_t good, std::uint64_t bad) {
    Collector collector;
    Difference difference;
    difference.tier = Tier::kDelays;
    compare_values(scaled(good), scaled(bad), 100, 100, difference, collector);
    Comparison out;
    collector.settle(out);
    return out.differences.size();
  };
  EXPECT_EQ(count(10'000, 11'500), 0U);  // 15 %, however certain
  EXPECT_EQ(count(100, 400), 0U);        // below a millisecond
  EXPECT_EQ(count(10'000, 16'000), 1U);
}

}  // namespace
}  // namespace tcpdiag::diff
