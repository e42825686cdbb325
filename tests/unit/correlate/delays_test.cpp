// SPDX-License-Identifier: Apache-2.0
// The few bytes that are kept of a second tell the same as the histogram.
#include "correlate/delays.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "correlate/series.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::Histogram;

TEST(Delays, OfNothing) {
  const Delays delays;
  EXPECT_TRUE(delays.empty());
  EXPECT_EQ(delays.count(Measure::kRtt), 0U);
  EXPECT_FALSE(delays.percentile(Measure::kRtt, 0.5));
}

TEST(Delays, MeasuresAreApart) {
  Delays delays;
  delays.add(Measure::kReadWait, 5);
  delays.add(Measure::kRtt, 1000);
  delays.add(Measure::kRtt, 1000);
  EXPECT_EQ(delays.count(Measure::kRtt), 2U);
  EXPECT_EQ(delays.count(Measure::kReadWait), 1U);
  EXPECT_EQ(delays.count(Measure::kHostQueue), 0U);
  EXPECT_EQ(delays.percentile(Measure::kReadWait, 0.99), 5U);
}

TEST(Delays, MergedTheyAreAsAccurateAsOneHistogram) {
  std::mt19937_64 random(5);
  std::lognormal_distribution<double> values(9, 1.5);
  Histogram all;
  Delays delays;
  for (int part = 0; part < 20; ++part) {
    Histogram histogram;
    Delays one;
    for (int i = 0; i < 300; ++i) {
      const auto value = static_cast<std::uint64_t>(values(random));
      histogram.add(value);
      all.add(value);
    }
    one.add(Measure::kPathQueue, histogram);
    one.add(Measure::kHostQueue, 1);
    delays.merge(one);
  }
  EXPECT_EQ(delays.count(Measure::kPathQueue), all.count());
  EXPECT_EQ(delays.count(Measure::kHostQueue), 20U);
  for (const double q : {0.1, 0.5, 0.9, 0.99}) {
    EXPECT_EQ(delays.percentile(Measure::kPathQueue, q), all.percentile(q));
  }
}

TEST(Delays, LargeCountsAreExact) {
  std::array<std::uint64_t, Histogram::kBuckets> buckets{};
  buckets[100] = 50'000'000;
  buckets[120] = 49'000'000;
  Delays delays;
  for (int i = 0; i < 3; ++i) delays.add(Measure::kRtt, Histogram::from_parts(buckets, 1, 1, 1));
  delays.add(Measure::kRtt, Histogram::low_of(100));
  delays.add(Measure::kHostQueue, 3);
  EXPECT_EQ(delays.count(Measure::kRtt), 297'000'001U);
  EXPECT_EQ(delays.percentile(Measure::kRtt, 0.50), Histogram::middle_of(100));
  EXPECT_EQ(delays.percentile(Measure::kRtt, 0.51), Histogram::middle_of(120));
  EXPECT_EQ(delays.count(Measure::kHostQueue), 1U);
}

TEST(SecondSeries, HalvingLosesNothingAndFreesMemory) {
  SecondSeries series;
  for (std::int64_t i = 0; i < 100; ++i) {
    Measured measured;
    measured.bytes_sent = 10;
    measured.delays.add(Measure::kRtt, static_cast<std::uint64_t>(1000 + i % 2));
    series.add(i, measured);
    series.at(i).exchanges += 1;
  }
  series.at(1000).connects += 1;
  const std::size_t before = series.bytes();
  series.halve();
  EXPECT_LT(series.bytes(), before * 6 / 10);
  ASSERT_EQ(series.cells().size(), 51U);
  EXPECT_EQ(series.cells()[7].index, 7);
  EXPECT_EQ(series.cells()[7].counts.exchanges, 2U);
  EXPECT_EQ(series.cells()[7].measured->bytes_sent, 20U);
  EXPECT_EQ(series.cells()[7].measured->delays.count(Measure::kRtt), 2U);
  EXPECT_EQ(series.cells()[50].index, 500);
  EXPECT_EQ(series.cells()[50].counts.connects, 1U);
}

TEST(SecondSeries, AnOlderSecondFindsItsPlace) {
  SecondSeries series;
  series.at(5).connects = 5;
  series.at(2).connects = 2;
  series.at(9).connects = 9;
  series.at(5).connects += 10;
  ASSERT_EQ(series.cells().size(), 3U);
  EXPECT_EQ(series.cells()[0].index, 2);
  EXPECT_EQ(series.cells()[1].counts.connects, 15U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
