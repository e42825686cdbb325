// SPDX-License-Identifier: Apache-2.0
#include "util/format.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

namespace tcpdiag {
namespace {

using namespace std::chrono_literals;

TEST(Duration, takes_the_unit_that_a_person_would) {
  for (const auto& [us, text] : {std::pair(0.0, "0 us"),
                                 {7.0, "7 us"},
                                 {10.0, "10 us"},
                                 {52.0, "52 us"},
                                 {99.6, "100 us"},
                                 {999.4, "999 us"},
                                 {999.6, "1.0 ms"},
                                 {1'500.0, "1.5 ms"},
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

TEST(Duration, of_the_types_of_chrono) {
  EXPECT_EQ(duration(30s), "30.0 s");
  EXPECT_EQ(duration(1s), "1.0 s");
  EXPECT_EQ(duration(999400us), "999 ms");
  EXPECT_EQ(duration(999600us), "1.0 s");
  EXPECT_EQ(duration(240ms), "240 ms");
  EXPECT_EQ(duration(80us), "80 us");
  EXPECT_EQ(duration(0s), "0 us");
  EXPECT_EQ(duration(1500), "1.5 ms");
}

TEST(Durations, that_are_compared_share_the_unit_of_the_largest) {
  const auto all = [](const std::vector<double>& us) { return join(durations(us), ", "); };
  EXPECT_EQ(all({350, 1'200}), "0.35 ms, 1.2 ms");
  EXPECT_EQ(all({4.1e6, 0.5e6, 30e6}), "4.1 s, 0.50 s, 30.0 s");
  EXPECT_EQ(all({9, 350}), "9 us, 350 us");
  EXPECT_EQ(all({9, 186'000}), "9 us, 186 ms");  // "0.009 ms" would say no more
  EXPECT_EQ(all({}), "");
}

TEST(Durations, a_range_says_a_common_unit_once) {
  EXPECT_EQ(duration_range(350, 1'200), "0.35 to 1.2 ms");
  EXPECT_EQ(duration_range(200e3, 45e6), "200 ms to 45.0 s");
  EXPECT_EQ(duration_range(3e6, 45e6), "3.0 to 45.0 s");
  EXPECT_EQ(duration_range(5e6, 5.01e6), "5.0 s");
}

TEST(Bytes, are_plain_as_long_as_they_can_be_read) {
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(1'448), "1448 B");
  EXPECT_EQ(bytes(10'239), "10239 B");
  EXPECT_EQ(bytes(32'768), "32 KiB");
  EXPECT_EQ(bytes(32'778), "32.0 KiB");
  EXPECT_EQ(bytes(100'000), "97.7 KiB");
  EXPECT_EQ(bytes(123'456'789), "118 MiB");
  EXPECT_EQ(bytes((20ULL << 30) + (1ULL << 28)), "20.2 GiB");
}

TEST(BitRate, in_words) {
  EXPECT_EQ(bit_rate(64e6), "64 Mbit/s");
  EXPECT_EQ(bit_rate(82.29e6), "82.3 Mbit/s");
  EXPECT_EQ(bit_rate(781e6), "781 Mbit/s");
  EXPECT_EQ(bit_rate(5e9), "5 Gbit/s");
  EXPECT_EQ(bit_rate(12.5e9), "12.5 Gbit/s");
  EXPECT_EQ(bit_rate(512e3), "512 kbit/s");
  EXPECT_EQ(bit_rate(0.5), "0.5 bit/s");
}

TEST(NumberOf, has_the_plural_that_it_is_given) {
  EXPECT_EQ(number_of(1, "connect"), "1 connect");
  EXPECT_EQ(number_of(0, "connect"), "0 connects");
  EXPECT_EQ(number_of(2, "case was", "cases were"), "2 cases were");
}

TEST(Percent, keeps_small_shares_visible) {
  EXPECT_EQ(percent(0), "0.0 %");
  EXPECT_EQ(percent(0.04), "0.04 %");
  EXPECT_EQ(percent(0.0213), "0.021 %");
  EXPECT_EQ(percent(0.00001), "under 0.0001 %");
  EXPECT_EQ(percent(1.04), "1.0 %");
  EXPECT_EQ(percent(0.9992), "1.0 %");
  EXPECT_EQ(percent(100), "100 %");
  EXPECT_EQ(percent(129.4), "129 %");
}

TEST(Decimal, has_no_needless_zeros) {
  EXPECT_EQ(decimal(30), "30");
  EXPECT_EQ(decimal(0.25), "0.25");
  EXPECT_EQ(decimal(-0.0001), "0");
}

TEST(Times, are_utc_with_milliseconds_cut_not_rounded) {
  const UtcTime t = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 9067s + 4'999'999ns;
  EXPECT_EQ(rfc3339(t), "2026-11-21T02:31:07.004Z");
  EXPECT_EQ(rfc3339(UtcTime(-1ns)), "1969-12-31T23:59:59.999Z");
}

TEST(Times, local_time_names_zone_and_offset) {
  const UtcTime t = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 9067s;
  EXPECT_EQ(local_time(t, 9 * 3600, "JST"), "11:31 JST (+09:00)");
  EXPECT_EQ(local_time(t, 0, "UTC"), "02:31 UTC");
  EXPECT_EQ(local_time(t, -12600, "-0330"), "23:01 (-03:30)");
}

}  // namespace
}  // namespace tcpdiag
