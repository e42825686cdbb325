// SPDX-License-Identifier: Apache-2.0
#include "diagnose/words.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tcpdiag::diagnose {
namespace {

using namespace std::chrono_literals;

TEST(Words, durations_change_their_unit) {
  EXPECT_EQ(duration_words(30s), "30.0 s");
  EXPECT_EQ(duration_words(1s), "1.0 s");
  EXPECT_EQ(duration_words(999400us), "999 ms");
  EXPECT_EQ(duration_words(999600us), "1.0 s");
  EXPECT_EQ(duration_words(240ms), "240 ms");
  EXPECT_EQ(duration_words(1500us), "1.5 ms");
  EXPECT_EQ(duration_words(80us), "0.08 ms");
  EXPECT_EQ(duration_words(0s), "0.00 ms");
}

TEST(Words, counts_and_shares) {
  EXPECT_EQ(count_words(1, "connect", "connects"), "1 connect");
  EXPECT_EQ(count_words(0, "connect", "connects"), "0 connects");
  EXPECT_EQ(share_words(100), "100 %");
  EXPECT_EQ(share_words(1.04), "1.0 %");
  EXPECT_EQ(share_words(0.0213), "0.021 %");
}

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
