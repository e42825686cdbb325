// SPDX-License-Identifier: Apache-2.0
#include "diagnose/words.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tcpdiag::diagnose {
namespace {

using namespace std::chrono_literals;

TEST(Words, a_spread_is_the_timer_the_value_or_the_range) {
  const Durations values({200ms, 3s, 45s});
  EXPECT_EQ(spread_words(values, std::nullopt), "200 ms to 45.0 s");
  EXPECT_EQ(spread_words(values, Timer{3s, 3s, 3s, 3, 3}), "3.0 s");
  EXPECT_EQ(spread_words(Durations({5s}), std::nullopt), "5.0 s");
  EXPECT_EQ(spread_words(Durations{}, std::nullopt), "");
}

TEST(Words, a_capture_of_ipv6_counts_from_the_ip_header) {
  model::EndpointKey key;
  key.at = {model::Address::parse("10.0.0.2").value_or(model::Address{}), 443};
  EXPECT_EQ(capture_command(key, CaptureOf::kSynAcks),
            "tcpdump -nvi any 'host 10.0.0.2 and port 443 and tcp[13] & 18 == 18'");
  key.at.address = model::Address::parse("fd00::2").value_or(model::Address{});
  EXPECT_EQ(capture_command(key, CaptureOf::kResets),
            "tcpdump -nvi any 'host fd00::2 and port 443 and ip6[53] & 4 != 0'");
}

TEST(Words, order_statistics_are_values_that_were_seen) {
  const Durations values({4s, 1s, 3s, 2s});
  EXPECT_EQ(values.p50(), 2s);  // nearest rank
  EXPECT_EQ(values.min(), 1s);
  EXPECT_EQ(values.max(), 4s);
  EXPECT_EQ(Durations{}.p50(), std::nullopt);
}

}  // namespace
}  // namespace tcpdiag::diagnose
