// SPDX-License-Identifier: Apache-2.0
#include "util/duration.h"

#include <gtest/gtest.h>

#include "util/format.h"

namespace tcpdiag {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, units) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("200us"), 200us);
}

TEST(ParseDuration, bare_number_is_seconds) {
  EXPECT_EQ(parse_duration("6379"), 6379s);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("0.5"), 500ms);
}

TEST(ParseDuration, fractions_and_several_units) {
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("0.1s"), 100ms);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1h46m19s"), 6379s);
  EXPECT_EQ(parse_duration("2m500ms"), 120500ms);
  EXPECT_EQ(parse_duration("0.5ms"), 500us);
  EXPECT_EQ(parse_duration("1ms500us"), 1500us);
  EXPECT_EQ(parse_duration("0.5us"), 500ns);
}

TEST(ParseDuration, refuses_everything_else) {
  for (const char* text : {"",       "s",   "5x",  "-5",   "+5",  " 5",  "5 ",   "5s ",  "1,5", "1s2h", "5s5s",
                           "5us1ms", "5s5", "1e3", "0x10", "inf", "nan", "1.s.", "5sec", "5M",  "1..5"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, is_bounded) {
  EXPECT_EQ(parse_duration("8760h"), kLongestDuration);
  EXPECT_EQ(parse_duration("8761h"), std::nullopt);
  EXPECT_EQ(parse_duration("99999999999999999999999999"), std::nullopt);
  EXPECT_EQ(parse_duration(std::string(400, '9')), std::nullopt);
}

TEST(DurationInWords, below_a_minute) {
  EXPECT_EQ(duration_in_words(0s), "0 s");
  EXPECT_EQ(duration_in_words(500ms), "500 ms");
  EXPECT_EQ(duration_in_words(200us), "200 us");
  EXPECT_EQ(duration_in_words(30s), "30 s");
  EXPECT_EQ(duration_in_words(1500ms), "1.5 s");
  EXPECT_EQ(duration_in_words(1005ms), "1.005 s");
}

TEST(DurationInWords, spells_out_from_a_minute_on) {
  EXPECT_EQ(duration_in_words(60s), "60 s (1 min)");
  EXPECT_EQ(duration_in_words(6379s), "6379 s (1 h 46 min 19 s)");
  EXPECT_EQ(duration_in_words(3601s), "3601 s (1 h 1 s)");
}

}  // namespace
}  // namespace tcpdiag
