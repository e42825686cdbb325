// SPDX-License-Identifier: Apache-2.0
#include "diagnose/timer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace tcpdiag::diagnose {
namespace {

using namespace std::chrono_literals;
using model::Duration;

std::optional<Timer> timer_of(std::vector<Duration> values) { return find_cluster(Durations(std::move(values))); }

TEST(Timer, three_close_values_are_one) {
  const auto timer = timer_of({30010ms, 30000ms, 30040ms});
  ASSERT_TRUE(timer);
  EXPECT_EQ(timer->median, 30010ms);
  EXPECT_EQ(timer->spread(), 40ms);
  EXPECT_EQ(timer->members, 3U);
  EXPECT_EQ(timer->total, 3U);
}

TEST(Timer, needs_three_values) {
  EXPECT_FALSE(timer_of({}));
  EXPECT_FALSE(timer_of({30s, 30s}));
}

TEST(Timer, may_spread_100_ms_or_1_percent_of_the_median) {
  EXPECT_TRUE(timer_of({2000ms, 2050ms, 2100ms}));
  EXPECT_FALSE(timer_of({2000ms, 2050ms, 2101ms}));
  EXPECT_TRUE(timer_of({350s, 352s, 353500ms}));
  EXPECT_FALSE(timer_of({350s, 352s, 353600ms}));
}

TEST(Timer, below_a_second_is_none) {
  EXPECT_FALSE(timer_of({999ms, 999ms, 999ms}));
  EXPECT_TRUE(timer_of({1000ms, 1000ms, 1000ms}));
}

TEST(Timer, holds_80_percent_of_the_values) {
  EXPECT_TRUE(timer_of({60s, 60s, 60s, 60s, 3s}));  // 4 of 5
  EXPECT_FALSE(timer_of({60s, 60s, 60s, 4s, 3s}));  // 3 of 5
  EXPECT_FALSE(timer_of({60s, 60s, 60s, 3s}));      // 3 of 4
  const auto timer = timer_of({60s, 60s, 60s, 60s, 3s});
  ASSERT_TRUE(timer);
  EXPECT_EQ(timer->members, 4U);
  EXPECT_EQ(timer->min, 60s);
}

TEST(Timer, of_equally_large_groups_the_closest_wins) {
  // 1.00, 1.02 x3, 1.11: of the two runs of four, the upper one is wider.
  const auto timer = timer_of({1000ms, 1020ms, 1020ms, 1020ms, 1111ms});
  ASSERT_TRUE(timer);
  EXPECT_EQ(timer->min, 1000ms);
  EXPECT_EQ(timer->max, 1020ms);
}

TEST(Timer, does_not_depend_on_the_order_of_the_values) {
  std::mt19937 random(7);
  std::vector<Duration> values;
  for (int i = 0; i < 50; ++i) values.push_back(30s + i % 9 * 10ms);
  for (int i = 0; i < 10; ++i) values.push_back(1s * i);
  const auto expected = timer_of(values);
  ASSERT_TRUE(expected);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(values.begin(), values.end(), random);
    const auto timer = timer_of(values);
    ASSERT_TRUE(timer);
    EXPECT_EQ(timer->median, expected->median);
    EXPECT_EQ(timer->members, 50U);
  }
}

TEST(Timer, copes_with_the_most_failed_sockets_that_are_kept) {
  std::mt19937 random(7);
  std::vector<Duration> values;
  for (int i = 0; i < 20000; ++i) values.push_back(std::chrono::milliseconds(random() % 100000));
  EXPECT_FALSE(timer_of(values));
}

}  // namespace
}  // namespace tcpdiag::diagnose
