// SPDX-License-Identifier: Apache-2.0
#include "session/view_time.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>

namespace tcpdiag::session {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

constexpr model::WallTime kStart = sys_days{std::chrono::year{2026} / 11 / 21} + 23h + 59min + 50s + 118ms;

model::WallTime at(std::string_view text) {
  const auto time = parse_view_time(text);
  EXPECT_TRUE(time) << text;
  return time ? resolve(*time, kStart) : model::WallTime{};
}

TEST(ViewTime, knows_rfc_3339) {
  EXPECT_EQ(at("2026-11-21T23:59:50.118Z"), kStart);
  EXPECT_EQ(at("2026-11-22T08:59:50.118+09:00"), kStart);
  EXPECT_EQ(at("2026-11-21 18:29:50.118-05:30"), kStart);
}

TEST(ViewTime, counts_from_the_beginning) { EXPECT_EQ(at("+1m30s"), kStart + 90s); }

TEST(ViewTime, a_time_of_day_is_the_first_since_the_beginning) {
  EXPECT_EQ(at("23:59:55"), kStart + 4882ms);
  EXPECT_EQ(at("00:01"), kStart + 69882ms) << "after midnight";
  EXPECT_EQ(at("23:59:50"), kStart - 118ms) << "the second in which it began";
}

TEST(ViewTime, refuses_what_is_no_time) {
  for (const char* text :
       {"", "24:00:00", "12:60", "12:00:61", "12", "12:00:00.", "2026-02-30T00:00:00Z", "2026-11-21T02:33:50",
        "2026-11-21T02:33:50Zz", "1969-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "+", "+-5s", "-5s", "now", "12:00:00 ",
        "2026-11-21T02:33:50+24:00"}) {
    EXPECT_FALSE(parse_view_time(text)) << text;
  }
}

}  // namespace
}  // namespace tcpdiag::session
