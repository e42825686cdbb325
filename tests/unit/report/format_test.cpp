// SPDX-License-Identifier: Apache-2.0
#include "report/format.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

namespace tcpdiag::report {
namespace {

using namespace std::chrono_literals;

TEST(Duration, takes_the_unit_that_a_person_would) {
  for (const auto& [us, text] : {std::pair(0.0, "0 us"),
                                 {7.0, "7 us"},
                                 {10.0, "0.01 ms"},
                                 {52.0, "0.05 ms"},
                                 {99.6, "0.1 ms"},
                                 {900.0, "0.9 ms"},
                                 {9'949.0, "9.9 ms"},
                                 {9'950.0, "10 ms"},
                                 {186'000.0, "186 ms"},
                                 {999'499.0, "999 ms"},
                                 {999'500.0, "1.0 s"},
                                 {30'000'000.0, "30.0 s"},
                                 {99'949'999.0, "99.9 s"},
                                 {99'950'000.0, "100 s"},
                                 {2'473e6, "2473 s"},
                                 {-1500.0, "-1.5 ms"}}) {
    EXPECT_EQ(duration(us), text);
  }
}

TEST(Bytes, are_plain_as_long_as_they_can_be_read) {
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(32'778), "32778 B");
  EXPECT_EQ(bytes(100'000), "97.7 KiB");
  EXPECT_EQ(bytes(123'456'789), "117.7 MiB");
  EXPECT_EQ(bytes(20ULL << 30), "20.0 GiB");
}

TEST(Percent, keeps_small_shares_visible) {
  EXPECT_EQ(percent(0), "0.0 %");
  EXPECT_EQ(percent(0.04), "0.04 %");
  EXPECT_EQ(percent(0.9992), "1.0 %");
  EXPECT_EQ(percent(100), "100 %");
}

TEST(Decimal, has_no_needless_zeros) {
  EXPECT_EQ(decimal(30), "30");
  EXPECT_EQ(decimal(0.25), "0.25");
  EXPECT_EQ(decimal(-0.0001), "0");
}

TEST(Times, are_utc_with_milliseconds_cut_not_rounded) {
  const model::WallTime t = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 9067s + 4'999'999ns;
  EXPECT_EQ(rfc3339(t), "2026-11-21T02:31:07.004Z");
  EXPECT_EQ(rfc3339(model::WallTime(-1ns)), "1969-12-31T23:59:59.999Z");
}

TEST(Times, local_time_names_zone_and_offset) {
  const model::WallTime t = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 9067s;
  EXPECT_EQ(local_time(t, 9 * 3600, "JST"), "11:31 JST (+09:00)");
  EXPECT_EQ(local_time(t, 0, "UTC"), "02:31 UTC");
  EXPECT_EQ(local_time(t, -12600, "-0330"), "23:01 (-03:30)");
}

TEST(OffsetUs, rounds_down_on_both_sides) {
  EXPECT_EQ(offset_us(model::MonoTime(10us), model::MonoTime(11'500ns)), 1);
  EXPECT_EQ(offset_us(model::MonoTime(10us), model::MonoTime(8'500ns)), -2);
}

}  // namespace
}  // namespace tcpdiag::report
