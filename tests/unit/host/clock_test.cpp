// SPDX-License-Identifier: Apache-2.0
#include "host/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tcpdiag::host {
namespace {

using namespace std::chrono_literals;

TEST(Clock, pair_is_of_one_moment) {
  const model::MonoTime before = mono_now();
  const model::ClockPair pair = read_clock_pair();
  const model::MonoTime after = mono_now();
  EXPECT_LE(before, pair.mono_at);
  EXPECT_LE(pair.mono_at, after);
  const auto wall = std::chrono::system_clock::now();
  EXPECT_LT(std::chrono::abs(wall - pair.to_wall(mono_now())), 1s);
}

TEST(Clock, seconds_begin_where_those_of_utc_do) {
  const model::ClockPair pair{.mono_at = model::MonoTime(100s), .wall_at = model::WallTime(7s + 250ms)};
  EXPECT_EQ(next_utc_second(pair, model::MonoTime(100s)), model::MonoTime(100s + 750ms));
  EXPECT_EQ(next_utc_second(pair, model::MonoTime(100s + 749ms)), model::MonoTime(100s + 750ms));
  EXPECT_EQ(next_utc_second(pair, model::MonoTime(100s + 750ms)), model::MonoTime(101s + 750ms));
}

}  // namespace
}  // namespace tcpdiag::host
