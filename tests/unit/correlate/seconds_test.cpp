// SPDX-License-Identifier: Apache-2.0
// From cumulative samples to whole UTC seconds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::EndpointPicture;
using model::Measure;
using model::Picture;
using model::Second;
using ::testing::ElementsAre;
using ::testing::Optional;

bool is_near(const std::optional<std::uint64_t>& reported, std::uint64_t exact) {
  return reported && std::abs(static_cast<double>(*reported) - static_cast<double>(exact)) <=
                         model::Histogram::kRelativeError * static_cast<double>(exact);
}

std::uint64_t sum_of(const EndpointPicture& endpoint, std::uint64_t Second::*field) {
  std::uint64_t sum = 0;
  for (const Second& second : endpoint.seconds) sum += second.*field;
  return sum;
}

TEST(Seconds, ADifferenceBelongsToTheSecondBetweenItsSamples) {
  Trace trace;
  Sampled s;
  for (int n = 1; n <= 5; ++n) {
    s.exchanges(static_cast<std::uint64_t>(10 * n));
    s.add(Measure::kRtt, static_cast<std::uint64_t>(1000 * n), n);
    s.add(Measure::kHostQueue, static_cast<std::uint64_t>(100 * n), 20);
    s.add(Measure::kReadWait, 7, 2);
    s.now.out_of_order_segments += 1;
    s.now.path_signs.ambiguous += 2;
    s.now.zero_window_received_us += 5000;
    s.send(trace.correlator, turn(n) + (n % 2 == 0 ? 4 : 9));  // the timer is a little late
  }
  const Picture picture = trace.end(turn(5) + 300);
  const EndpointPicture& endpoint = picture.endpoints.at(0);
  ASSERT_EQ(endpoint.series.n, 6U);
  ASSERT_EQ(endpoint.seconds.size(), 6U);
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kExchanges), ElementsAre(10, 20, 30, 40, 50, 0));
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kBytesSent), ElementsAre(1000, 2000, 3000, 4000, 5000, 0));
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kBytesReceived),
              ElementsAre(20000, 40000, 60000, 80000, 100000, 0));
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kOutOfOrder), ElementsAre(1, 1, 1, 1, 1, 0));
  for (std::size_t i = 0; i < 5; ++i) {
    const Second& second = endpoint.seconds[i];
    EXPECT_EQ(second.exchanges, 10 * (i + 1));
    EXPECT_EQ(second.rtt_samples, i + 1);
    EXPECT_EQ(second.segments_sent, 30 * (i + 1));
    EXPECT_EQ(second.segments_received, 40 * (i + 1));
    EXPECT_EQ(second.host_queue_samples, 20U);
    EXPECT_TRUE(is_near(second.host_queue_p50_us, 100 * (i + 1)));
    EXPECT_TRUE(is_near(second.host_queue_p99_us, 100 * (i + 1)));
    EXPECT_EQ(second.read_wait_samples, 2U);
    EXPECT_EQ(second.path_signs.ambiguous, 2U);
    EXPECT_EQ(second.zero_window_received_us, 5000U);
    EXPECT_FALSE(second.path_rtt_p50_us);
    EXPECT_TRUE(is_near(endpoint.series.arrays.at(model::SeriesId::kRttP50)[i].value(), 1000 * (i + 1)));
    EXPECT_EQ(endpoint.series.arrays.at(model::SeriesId::kReadWaitP99)[i], 7);
    EXPECT_TRUE(endpoint.series.arrays.at(model::SeriesId::kHostQueueP99)[i].has_value());
  }
  EXPECT_FALSE(endpoint.series.arrays.at(model::SeriesId::kRttP50)[5]);
  EXPECT_FALSE(endpoint.seconds[0].whole);  // the trace began in it
  for (std::size_t i = 1; i < 5; ++i) EXPECT_TRUE(endpoint.seconds[i].whole) << i;
  EXPECT_FALSE(endpoint.seconds[5].whole);
  EXPECT_EQ(endpoint.totals.bytes_sent, 15000U);  // no socket reported its end
  EXPECT_EQ(picture.totals.zero_window_received_us, 25000U);
}

TEST(Seconds, PercentilesAreOfTheSecondAlone) {
  std::mt19937_64 random(3);
  Trace trace;
  Sampled s;
  s.now.floor_window_us = 400;
  for (int n = 1; n <= 30; ++n) {
    std::vector<std::uint64_t> values;
    const std::uint64_t base = n % 3 == 0 ? 150'000 : 500;
    for (int i = 0; i < 200; ++i) values.push_back(base + random() % base);
    for (const auto value : values) {
      s.add(Measure::kPathQueue, value);
      s.add(Measure::kPathQueueIn, value);
    }
    s.exchanges(200);
    s.send(trace.correlator, turn(n) + 2);
    std::sort(values.begin(), values.end());
    const EndpointPicture endpoint = trace.correlator.picture_at(ms(turn(n) + 3)).endpoints.at(0);
    const Second& second = endpoint.seconds.at(static_cast<std::size_t>(n - 1));
    EXPECT_TRUE(is_near(second.path_rtt_p10_us, values[19])) << n;
    EXPECT_TRUE(is_near(second.path_rtt_p50_us, values[99])) << n;
    EXPECT_TRUE(is_near(second.path_queue_in_p50_us, values[99])) << n;
    EXPECT_EQ(second.path_samples, 200U);
    EXPECT_EQ(second.path_in_samples, 200U);
    // The floor is taken off, the error is that of the whole value.
    const auto p99 = endpoint.series.arrays.at(model::SeriesId::kPathQueueP99).at(static_cast<std::size_t>(n - 1));
    const auto reported = static_cast<std::uint64_t>(p99.value()) + 400;
    EXPECT_TRUE(is_near(reported, values[197])) << n;
  }
}

TEST(Seconds, OfMissingRoundsCountsAreSpreadAndDelaysUnknown) {
  Trace trace;
  Sampled s;
  s.exchanges(7);
  s.send(trace.correlator, turn(1));
  s.exchanges(100);
  s.add(Measure::kRtt, 900, 50);
  s.send(trace.correlator, turn(5));
  s.exchanges(3);
  s.add(Measure::kRtt, 900, 5);
  s.send(trace.correlator, turn(6));
  const EndpointPicture endpoint = trace.end(turn(6)).endpoints.at(0);
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kExchanges), ElementsAre(7, 25, 25, 25, 25, 3));
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kBytesReceived),
              ElementsAre(14000, 50000, 50000, 50000, 50000, 6000));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(endpoint.seconds[i].rtt_samples, 0U);
  EXPECT_EQ(endpoint.seconds[5].rtt_samples, 5U);
  EXPECT_EQ(sum_of(endpoint, &Second::exchanges), endpoint.totals.exchanges);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kRtt).count(), 55U);  // nothing is lost for the whole
}

// A busy host samples late; a steady rate stays steady all the same, and no delay is lost.
TEST(Seconds, ALateRoundDoesNotBendARate) {
  Trace trace;
  Sampled s;
  std::uint64_t reported = 0;
  for (int n = 1; n <= 8; ++n) {
    const int late_ms = n == 3 || n == 6 ? 120 : 5;
    const auto so_far = static_cast<std::uint64_t>(1000 * n + late_ms);  // one in each millisecond
    s.exchanges(so_far - reported);
    reported = so_far;
    s.add(Measure::kRtt, 1000, 10);
    s.send(trace.correlator, turn(n) + late_ms);
  }
  const Picture picture = trace.end(turn(8) + 300);
  const EndpointPicture& endpoint = picture.endpoints.at(0);
  for (std::size_t i = 1; i < 8; ++i) {
    EXPECT_NEAR(static_cast<double>(endpoint.seconds.at(i).exchanges), 1000, 10) << i;
    EXPECT_EQ(endpoint.seconds[i].rtt_samples, 10U) << i;
  }
  EXPECT_EQ(sum_of(endpoint, &Second::exchanges), 8005U);
}

TEST(Seconds, SpreadingLosesNothing) {
  std::mt19937 random(8);
  Trace trace;
  Sampled s;
  double at = 0;
  for (int n = 0; n < 200; ++n) {
    at += 300 + static_cast<double>(random() % 9000);
    s.exchanges(random() % 50);
    s.now.out_of_order_segments += random() % 3;
    s.send(trace.correlator, at);
  }
  const EndpointPicture endpoint = trace.end(at).endpoints.at(0);
  EXPECT_EQ(sum_of(endpoint, &Second::exchanges), s.now.exchanges);
  EXPECT_EQ(sum_of(endpoint, &Second::bytes_sent), s.now.bytes_sent);
  EXPECT_EQ(sum_of(endpoint, &Second::bytes_received), s.now.bytes_received);
  EXPECT_EQ(sum_of(endpoint, &Second::out_of_order), s.now.out_of_order_segments);
}

TEST(Seconds, AnEndpointThatWasLeftOutHadNothingToTell) {
  Trace trace;
  Sampled busy(443);
  Sampled quiet(80);
  for (int n = 1; n <= 6; ++n) {
    busy.exchanges(10);
    busy.send(trace.correlator, turn(n));
    if (n == 1 || n == 6) {
      quiet.exchanges(4);
      quiet.add(Measure::kRtt, 800, 4);
      quiet.send(trace.correlator, turn(n) + 0.1);
    }
  }
  const EndpointPicture endpoint = trace.end(turn(6) + 1).endpoints.at(1);
  EXPECT_EQ(endpoint.key, remote_endpoint(80));
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kExchanges), ElementsAre(4, 0, 0, 0, 0, 4, 0));
  EXPECT_EQ(endpoint.seconds[5].rtt_samples, 4U);
}

TEST(Seconds, ANewEndpointBeginsWhenItWasFirstSeen) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(turn(20) + 100);
  Sampled s;
  s.exchanges(9);
  s.add(Measure::kRtt, 800, 9);
  s.send(trace.correlator, turn(21));
  const EndpointPicture endpoint = trace.end(turn(21)).endpoints.at(0);
  ASSERT_EQ(endpoint.seconds.size(), 21U);
  EXPECT_EQ(endpoint.seconds[20].exchanges, 9U);
  EXPECT_EQ(endpoint.seconds[20].rtt_samples, 9U);
}

TEST(Seconds, CountersThatGoBackAddNothing) {
  Trace trace;
  Sampled s;
  s.exchanges(1000);
  s.add(Measure::kPathQueue, 2000, 100);
  s.send(trace.correlator, turn(1));
  Sampled anew;
  anew.exchanges(3);
  anew.add(Measure::kPathQueue, 2000, 3);
  anew.send(trace.correlator, turn(2));
  anew.exchanges(5);
  anew.add(Measure::kPathQueue, 2000, 5);
  anew.send(trace.correlator, turn(3));
  const EndpointPicture endpoint = trace.end(turn(3)).endpoints.at(0);
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kExchanges), ElementsAre(1000, 0, 5));
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kBytesSent), ElementsAre(100000, 0, 500));
  EXPECT_EQ(endpoint.seconds[1].path_samples, 0U);
  EXPECT_EQ(endpoint.seconds[2].path_samples, 5U);
}

TEST(Seconds, ASampleOutOfOrderIsLeftOut) {
  Trace trace;
  Sampled s;
  s.exchanges(10);
  s.send(trace.correlator, turn(2));
  Sampled late;
  late.exchanges(4);
  late.send(trace.correlator, turn(1));
  EXPECT_EQ(trace.end(turn(2)).endpoints.at(0).totals.exchanges, 10U);
}

TEST(Seconds, TheLastSampleMayFollowClosely) {
  Trace trace;
  Sampled s;
  s.exchanges(10);
  s.send(trace.correlator, turn(1));
  s.exchanges(10);
  s.send(trace.correlator, turn(2));
  s.exchanges(1);
  s.send(trace.correlator, turn(2) + 50);
  const EndpointPicture endpoint = trace.end(turn(2) + 51).endpoints.at(0);
  EXPECT_THAT(endpoint.series.arrays.at(model::SeriesId::kExchanges), ElementsAre(10, 10, 1));
  EXPECT_TRUE(endpoint.seconds[1].whole);
  EXPECT_FALSE(endpoint.seconds[2].whole);
}

TEST(Seconds, WhatIsNotSampledYetIsNotWhole) {
  Trace trace;
  Sampled s;
  s.exchanges(10);
  s.send(trace.correlator, turn(1));
  const Picture picture = trace.correlator.picture_at(ms(turn(3)));
  const auto& seconds = picture.endpoints.at(0).seconds;
  ASSERT_EQ(seconds.size(), 3U);
  EXPECT_FALSE(seconds[1].whole);
  EXPECT_FALSE(seconds[2].whole);
}

TEST(Seconds, WithoutSamplesThereAreNone) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(5);
  c.close(10);
  const EndpointPicture endpoint = trace.end(3000).endpoints.at(0);
  EXPECT_TRUE(endpoint.seconds.empty());
  EXPECT_FALSE(endpoint.series.arrays.contains(model::SeriesId::kBytesSent));
  EXPECT_FALSE(endpoint.series.arrays.contains(model::SeriesId::kPathQueueP50));
}

TEST(Seconds, TimeoutsAndSynRttsComeFromEvents) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(turn(2) + 10, 3);
  auto d = trace.outbound(2);
  d.connect(turn(1) + 20);
  d.syn_retransmitted(turn(2) + 20);
  d.established(turn(2) + 25);  // no SYN RTT: which SYN was answered is unknown
  c.emit(turn(3) + 1, model::Retransmitted{.timer_pending = 0, .ca_state = 4});  // RTO
  c.emit(turn(3) + 2, model::Retransmitted{.timer_pending = 1, .ca_state = 3});  // fast
  Sampled s;
  s.exchanges(1);
  s.send(trace.correlator, turn(4));
  const EndpointPicture endpoint = trace.end(turn(4)).endpoints.at(0);
  EXPECT_TRUE(is_near(endpoint.seconds.at(2).connect_p50_us, 3000));
  EXPECT_EQ(endpoint.seconds.at(3).retransmits_rto, 1U);
  EXPECT_EQ(endpoint.series.arrays.at(model::SeriesId::kRetransmits)[3], 2);
}

TEST(Seconds, OfALongTraceAreWider) {
  Trace trace;
  Sampled s;
  s.now.floor_window_us = 500;
  constexpr int kSeconds = 5000;
  for (int n = 1; n <= kSeconds; ++n) {
    s.exchanges(10);
    s.add(Measure::kPathQueue, n % 2 == 0 ? 500 : 90'000, 20);
    s.send(trace.correlator, turn(n) + 2);
  }
  const EndpointPicture endpoint = trace.end(turn(kSeconds) + 3).endpoints.at(0);
  EXPECT_EQ(endpoint.series.interval_s, 4.0);
  EXPECT_EQ(endpoint.series.n, endpoint.seconds.size());
  EXPECT_EQ(sum_of(endpoint, &Second::exchanges), 10U * kSeconds);
  EXPECT_EQ(sum_of(endpoint, &Second::path_samples), 20U * kSeconds);
  EXPECT_EQ(endpoint.seconds[7].exchanges, 40U);
  EXPECT_TRUE(is_near(endpoint.seconds[7].path_rtt_p10_us, 500));
  EXPECT_TRUE(is_near(endpoint.seconds[7].path_rtt_p50_us, 500));
  EXPECT_NEAR(static_cast<double>(endpoint.series.arrays.at(model::SeriesId::kPathQueueP99)[7].value()), 89'500, 6300);
  EXPECT_TRUE(endpoint.seconds[7].whole);
}

TEST(Seconds, StayWithinTheirMemory) {
  Trace trace({.series_bytes = 64U << 10});
  std::vector<Sampled> endpoints;
  for (std::uint16_t port = 1; port <= 4; ++port) endpoints.emplace_back(port);
  for (int n = 1; n <= 1000; ++n) {
    for (Sampled& s : endpoints) {
      s.exchanges(10);
      for (std::uint64_t i = 1; i <= 20; ++i) s.add(Measure::kRtt, 1000 * i);
      s.send(trace.correlator, turn(n) + 2);
    }
  }
  const Picture picture = trace.end(turn(1000) + 3);
  ASSERT_EQ(picture.endpoints.size(), 4U);
  for (const EndpointPicture& endpoint : picture.endpoints) {
    EXPECT_EQ(endpoint.series.interval_s, picture.endpoints[0].series.interval_s);
    EXPECT_GE(endpoint.series.interval_s, 16.0);
    EXPECT_EQ(endpoint.seconds.size(), endpoint.series.n);
    EXPECT_EQ(sum_of(endpoint, &Second::exchanges), 10'000U);
    EXPECT_EQ(sum_of(endpoint, &Second::rtt_samples), 20'000U);
    EXPECT_TRUE(is_near(endpoint.series.arrays.at(model::SeriesId::kRttP50)[5].value(), 10'000));
  }
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
