// SPDX-License-Identifier: Apache-2.0
// The histogram's promise: exact count, sum, min and max, and every percentile within 7 % of the exact value.
#include "model/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "unit/model/buckets_of.h"

namespace tcpdiag::model {
namespace {

std::uint64_t exact_percentile(const std::vector<std::uint64_t>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size()) - 1e-9));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

TEST(Histogram, EmptyKnowsNothing) {
  const Histogram empty;
  EXPECT_EQ(empty.count(), 0U);
  EXPECT_FALSE(empty.min());
  EXPECT_FALSE(empty.max());
  EXPECT_FALSE(empty.mean());
  EXPECT_FALSE(empty.percentile(0.5));
}

TEST(Histogram, BucketsTileTheLineWithoutGaps) {
  for (std::size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    ASSERT_EQ(Histogram::high_of(i), Histogram::low_of(i + 1)) << i;
    ASSERT_LT(Histogram::low_of(i), Histogram::high_of(i)) << i;
  }
  EXPECT_EQ(Histogram::low_of(0), 0U);
  EXPECT_EQ(Histogram::high_of(Histogram::kBuckets - 1), std::uint64_t{1} << 34);
}

TEST(Histogram, EveryBucketHoldsItsOwnBounds) {
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    ASSERT_EQ(Histogram::bucket_of(Histogram::low_of(i)), i);
    ASSERT_EQ(Histogram::bucket_of(Histogram::high_of(i) - 1), i);
  }
}

TEST(Histogram, WhatIsTooLargeGoesIntoTheLastBucket) {
  EXPECT_EQ(Histogram::bucket_of(std::uint64_t{1} << 34), Histogram::kBuckets - 1);
  EXPECT_EQ(Histogram::bucket_of(~std::uint64_t{0}), Histogram::kBuckets - 1);
}

TEST(Histogram, OneValueIsExactAtEveryPercentile) {
  Histogram histogram;
  histogram.add(123457);
  for (const double q : {0.0, 0.5, 0.99, 1.0}) EXPECT_EQ(histogram.percentile(q), 123457U);
  EXPECT_DOUBLE_EQ(*histogram.mean(), 123457.0);
}

TEST(Histogram, PercentileStaysInsideMinAndMax) {
  Histogram histogram;
  for (int i = 0; i < 3; ++i) histogram.add(1000);
  EXPECT_EQ(histogram.percentile(0.5), 1000U);
}

class HistogramProperty : public testing::TestWithParam<int> {
 protected:
  static std::vector<std::uint64_t> data(int shape, std::mt19937_64& random) {
    std::uniform_int_distribution<std::uint64_t> uniform(0, 2'000'000);
    std::lognormal_distribution<double> lognormal(7, 2.5);
    std::uniform_int_distribution<std::uint64_t> small(0, 40);
    std::bernoulli_distribution slow(0.02);
    const std::array<std::function<std::uint64_t()>, 4> shapes{
        [&] { return uniform(random); },
        [&] { return std::min(static_cast<std::uint64_t>(lognormal(random)), (std::uint64_t{1} << 34) - 1); },
        [&] { return small(random); }, [&] { return slow(random) ? 30'000'000 + small(random) : 400 + small(random); }};
    std::vector<std::uint64_t> values(1 + random() % 5000);
    for (auto& value : values) value = shapes.at(static_cast<std::size_t>(shape))();
    return values;
  }
};

TEST_P(HistogramProperty, PercentilesAreWithinSevenPercent) {
  std::mt19937_64 random(4711);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::uint64_t> values = data(GetParam(), random);
    Histogram histogram;
    std::uint64_t sum = 0;
    for (const auto value : values) {
      histogram.add(value);
      sum += value;
    }
    std::sort(values.begin(), values.end());
    ASSERT_EQ(histogram.count(), values.size());
    ASSERT_EQ(histogram.sum(), sum);
    ASSERT_EQ(histogram.min(), values.front());
    ASSERT_EQ(histogram.max(), values.back());
    for (const double q : {0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0}) {
      const auto exact = static_cast<double>(exact_percentile(values, q));
      const auto reported = static_cast<double>(*histogram.percentile(q));
      ASSERT_LE(std::abs(reported - exact), Histogram::kRelativeError * exact) << "q " << q << " of " << values.size();
    }
  }
}

TEST_P(HistogramProperty, MergingIsLikeAddingAll) {
  std::mt19937_64 random(815);
  Histogram all;
  Histogram merged;
  for (int part = 0; part < 5; ++part) {
    Histogram one;
    for (const auto value : data(GetParam(), random)) {
      one.add(value);
      all.add(value);
    }
    merged.merge(one);
    merged.merge(Histogram{});
  }
  EXPECT_EQ(buckets_of(merged), buckets_of(all));
  EXPECT_EQ(merged.count(), all.count());
  EXPECT_EQ(merged.sum(), all.sum());
  EXPECT_EQ(merged.min(), all.min());
  EXPECT_EQ(merged.max(), all.max());
}

TEST_P(HistogramProperty, SinceHoldsWhatWasAdded) {
  std::mt19937_64 random(99);
  for (int round = 0; round < 40; ++round) {
    Histogram cumulative;
    for (const auto value : data(GetParam(), random)) cumulative.add(value);
    const Histogram earlier = cumulative;
    std::vector<std::uint64_t> values = data(GetParam(), random);
    if (round % 4 == 0) values.resize(1 + round / 4);  // few: every percentile is an end of it
    Histogram only;
    for (const auto value : values) {
      cumulative.add(value);
      only.add(value);
    }
    const Histogram added = cumulative.since(earlier);
    std::sort(values.begin(), values.end());
    ASSERT_EQ(added.count(), only.count());
    ASSERT_EQ(added.sum(), only.sum());
    ASSERT_EQ(buckets_of(added), buckets_of(only));
    ASSERT_LE(*added.min(), values.front());
    ASSERT_GE(*added.max(), values.back());
    ASSERT_EQ(Histogram::bucket_of(*added.min()), Histogram::bucket_of(values.front()));
    ASSERT_EQ(Histogram::bucket_of(*added.max()), Histogram::bucket_of(values.back()));
    for (const double q : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0}) {
      const auto exact = static_cast<double>(exact_percentile(values, q));
      const auto reported = static_cast<double>(*added.percentile(q));
      ASSERT_LE(std::abs(reported - exact), Histogram::kRelativeError * exact) << "q " << q << " of " << values.size();
    }
    Histogram again = earlier;
    again.merge(added);
    ASSERT_EQ(buckets_of(again), buckets_of(cumulative));
    ASSERT_EQ(again.sum(), cumulative.sum());
    ASSERT_EQ(again.min(), cumulative.min());
    ASSERT_EQ(again.max(), cumulative.max());
  }
}

TEST_P(HistogramProperty, LoweredKeepsTheErrorOfTheValueBefore) {
  std::mt19937_64 random(1234);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::uint64_t> values = data(GetParam(), random);
    std::sort(values.begin(), values.end());
    // Of a path: its smallest value. Sometimes more, as --floor may say.
    const std::uint64_t floor_us = round % 3 == 0 ? values[values.size() / 4] : values.front();
    Histogram histogram;
    std::uint64_t sum = 0;
    for (const auto value : values) {
      histogram.add(value);
      sum += value - std::min(value, floor_us);
    }
    const Histogram lowered = histogram.lowered_by(floor_us);
    const auto lower = [floor_us](std::uint64_t value) { return value - std::min(value, floor_us); };
    ASSERT_EQ(lowered.count(), values.size());
    ASSERT_EQ(lowered.min(), lower(values.front()));
    ASSERT_EQ(lowered.max(), lower(values.back()));
    if (floor_us <= values.front()) {
      ASSERT_EQ(lowered.sum(), sum);
    }
    std::uint64_t in_buckets = 0;
    for (const auto n : buckets_of(lowered)) in_buckets += n;
    ASSERT_EQ(in_buckets, values.size());
    for (const double q : {0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0}) {
      const std::uint64_t before = exact_percentile(values, q);
      const auto reported = static_cast<double>(*lowered.percentile(q));
      ASSERT_LE(std::abs(reported - static_cast<double>(lower(before))),
                Histogram::kRelativeError * static_cast<double>(before));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, HistogramProperty, testing::Range(0, 4));

TEST(Histogram, SinceNothingIsAllAndSinceItselfIsNothing) {
  Histogram histogram;
  for (const std::uint64_t value : {5U, 80U, 900U}) histogram.add(value);
  EXPECT_EQ(histogram.since(Histogram{}).min(), 5U);
  EXPECT_EQ(histogram.since(Histogram{}).count(), 3U);
  EXPECT_EQ(histogram.since(histogram).count(), 0U);
  EXPECT_FALSE(histogram.since(histogram).percentile(0.5));
}

TEST(Histogram, SinceALargerOneIsNothing) {
  Histogram before;
  for (int i = 0; i < 10; ++i) before.add(1000);
  Histogram begun_anew;
  begun_anew.add(7);
  EXPECT_EQ(begun_anew.since(before).count(), 0U);
  EXPECT_EQ(begun_anew.since(before).sum(), 0U);
}

TEST(Histogram, SinceIsExactWhereTheEndsMoved) {
  Histogram histogram;
  histogram.add(1000);
  const Histogram earlier = histogram;
  histogram.add(77);
  histogram.add(123'456);
  const Histogram added = histogram.since(earlier);
  EXPECT_EQ(added.percentile(0), 77U);
  EXPECT_EQ(added.percentile(1), 123'456U);
  EXPECT_EQ(added.sum(), 77U + 123'456U);
}

TEST(Histogram, WithoutAPart) {
  Histogram all;
  for (const std::uint64_t value : {10U, 10U, 500U, 90'000U}) all.add(value);
  Histogram part;
  part.add(10);
  part.add(90'000);
  const Histogram left = all.without(part);
  EXPECT_EQ(left.count(), 2U);
  EXPECT_EQ(left.sum(), 510U);
  EXPECT_EQ(left.percentile(0), 10U);
  EXPECT_NEAR(static_cast<double>(*left.percentile(1)), 500, 35);
  EXPECT_EQ(all.without(Histogram{}).count(), 4U);
  EXPECT_EQ(all.without(all).count(), 0U);
  EXPECT_EQ(all.without(all).max(), std::nullopt);
}

TEST(Histogram, WithoutWhatItDoesNotHaveIsNeverBelowZero) {
  Histogram all;
  for (const std::uint64_t value : {10U, 20U}) all.add(value);
  Histogram part;
  for (const std::uint64_t value : {20U, 20U, 1000U, 2000U}) part.add(value);
  const Histogram left = all.without(part);
  EXPECT_EQ(left.count(), 1U);
  EXPECT_EQ(left.sum(), 10U);
  EXPECT_EQ(left.min(), 10U);
  EXPECT_LE(*left.max(), 11U);
}

TEST(Histogram, LoweredTwiceIsLoweredByBoth) {
  Histogram histogram;
  for (std::uint64_t i = 0; i < 100; ++i) histogram.add(100'000 + 100 * i);
  const Histogram once = histogram.lowered_by(90'000);
  const Histogram twice = histogram.lowered_by(50'000).lowered_by(40'000);
  EXPECT_EQ(twice.percentile(0.5), once.percentile(0.5));
  EXPECT_EQ(twice.sum(), once.sum());
  EXPECT_EQ(once.lowered_by(0).percentile(0.5), once.percentile(0.5));
  EXPECT_EQ(histogram.lowered_by(1'000'000).max(), 0U);
  EXPECT_EQ(histogram.lowered_by(1'000'000).percentile(0.5), 0U);
  EXPECT_EQ(Histogram{}.lowered_by(5).count(), 0U);
}

TEST(Histogram, ALoweredOneCanBeAddedTo) {
  Histogram histogram;
  histogram.add(1000);
  Histogram lowered = histogram.lowered_by(400);
  lowered.add(50);
  EXPECT_EQ(lowered.count(), 2U);
  EXPECT_EQ(lowered.percentile(0), 50U);
  EXPECT_EQ(lowered.percentile(1), 600U);
}

TEST(Histogram, FromPartsTakesOverAndIgnoresTheBoundsOfAnEmptyOne) {
  Histogram original;
  for (const std::uint64_t value : {5U, 80U, 900U}) original.add(value);
  const Histogram copy = Histogram::from_parts(buckets_of(original), original.sum(), 5, 900);
  EXPECT_EQ(copy.count(), 3U);
  EXPECT_EQ(copy.percentile(0.5), original.percentile(0.5));

  const Histogram empty = Histogram::from_parts({}, 7, 1, 2);
  EXPECT_EQ(empty.count(), 0U);
  EXPECT_FALSE(empty.min());
  EXPECT_EQ(empty.sum(), 0U);
}

}  // namespace
}  // namespace tcpdiag::model
