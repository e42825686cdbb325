// SPDX-License-Identifier: Apache-2.0
// Histograms of delays, what is missing and why, windows, and whether sockets agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::EndpointPicture;
using model::Measure;
using model::SeriesId;
using ::testing::DoubleEq;
using ::testing::Optional;

EndpointPicture picture_of(Sampled& s, model::TraceStart start = trace_start()) {
  Trace trace({}, std::move(start));
  s.send(trace.correlator, 750);
  return trace.end(1000).endpoints.at(0);
}

TEST(Measures, QueuesAreToldApart) {
  Sampled s;
  s.exchanges(10);
  s.now.floor_handshake_us = 300;
  s.now.path_signs.ambiguous = 7;
  s.add(Measure::kRtt, 900, 3);
  s.add(Measure::kPathQueue, 1300, 4);
  s.add(Measure::kPathQueueIn, 120, 5);
  s.add(Measure::kHostQueue, 9, 6);
  s.add(Measure::kReadWait, 40, 7);
  const EndpointPicture endpoint = picture_of(s);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kRtt).max(), 900U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kPathQueue).count(), 4U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kPathQueue).max(), 1000U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kPathQueue).sum(), 4000U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kPathQueueIn).max(), 120U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kHostQueue).count(), 6U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kReadWait).count(), 7U);
  EXPECT_EQ(endpoint.path_queue_ambiguous, 7U);
  EXPECT_EQ(endpoint.path_queue_in_missing, "");
}

TEST(Measures, RecoveryAndWhatIsNotInIt) {
  Sampled s;
  s.exchanges(10);
  s.add(Measure::kRecovery, 45'000, 2);
  s.now.recovery_unfinished = 3;
  const EndpointPicture endpoint = picture_of(s);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kRecovery).count(), 2U);
  EXPECT_EQ(endpoint.recovery_unfinished, 3U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kAppGap).count(), 0U);
}

TEST(Measures, WithoutASampleRecoveryIsKnownOnlyIfNothingWasRetransmitted) {
  for (const bool retransmitted : {false, true}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.exchange(5);
    if (retransmitted) c.emit(7, model::Retransmitted{.ca_state = 4});
    c.close(10);
    const EndpointPicture endpoint = trace.end(1000).endpoints.at(0);
    EXPECT_EQ(endpoint.histograms.contains(model::Measure::kRecovery), !retransmitted);
    EXPECT_FALSE(endpoint.histograms.contains(model::Measure::kAppGap));
  }
}

TEST(Measures, WithoutAFloorThereIsNoPathQueue) {
  Sampled s;
  s.exchanges(10);
  const EndpointPicture endpoint = picture_of(s);
  EXPECT_FALSE(endpoint.histograms.contains(model::Measure::kPathQueue));
  EXPECT_FALSE(endpoint.series.arrays.contains(model::SeriesId::kPathQueueP50));
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kHostQueue).count(), 0U);
}

TEST(Measures, WhatTheSourceCannotKnowIsNotThere) {
  Sampled s;
  s.exchanges(10);
  model::TraceStart start = trace_start();
  start.abilities.push_back({"host_queue", false, "no departure time"});
  const EndpointPicture endpoint = picture_of(s, start);
  EXPECT_FALSE(endpoint.histograms.contains(model::Measure::kHostQueue));
  EXPECT_FALSE(endpoint.series.arrays.contains(model::SeriesId::kHostQueueP99));
  EXPECT_TRUE(endpoint.histograms.contains(model::Measure::kReadWait));
}

TEST(Measures, WithoutRoomInTheSourceNothingIsKnown) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(5);
  c.close(10);
  const EndpointPicture endpoint = trace.end(1000).endpoints.at(0);
  for (const Measure measure : {Measure::kFirstByte, Measure::kRtt, Measure::kPathQueue, Measure::kPathQueueIn,
                                Measure::kHostQueue, Measure::kReadWait}) {
    EXPECT_FALSE(endpoint.histograms.contains(measure)) << to_string(measure);
  }
  EXPECT_EQ(endpoint.path_queue_in_missing, "not_measured");
  EXPECT_FALSE(endpoint.totals.zero_window_sent_us);
  EXPECT_FALSE(endpoint.totals.zero_window_received_us);
}

TEST(Measures, WhereNothingWasSentNothingIsMissing) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.flow.segments_sent = 1;
  c.reset_received(1);
  const model::Picture picture = trace.end(1000);
  const EndpointPicture& endpoint = picture.endpoints.at(0);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kReadWait).count(), 0U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kPathQueueIn).count(), 0U);
  EXPECT_EQ(endpoint.path_queue_in_missing, "");
  EXPECT_FALSE(endpoint.histograms.contains(model::Measure::kHostQueue));  // a SYN was there
  EXPECT_EQ(picture.totals.zero_window_sent_us, 0U);
}

struct OneWay {
  int samples = 0;
  std::uint64_t no_timestamps = 0;
  std::uint64_t no_own_floor = 0;
  bool tick_unknown = false;
};

std::string missing(OneWay one_way) {
  Sampled s;
  s.exchanges(10);
  s.add(Measure::kPathQueueIn, 100, one_way.samples);
  s.now.no_timestamps = one_way.no_timestamps;
  s.now.no_own_floor = one_way.no_own_floor;
  s.now.tick_unknown = one_way.tick_unknown;
  const EndpointPicture endpoint = picture_of(s);
  EXPECT_EQ(endpoint.histograms.contains(model::Measure::kPathQueueIn), endpoint.path_queue_in_missing.empty());
  EXPECT_EQ(endpoint.series.arrays.contains(model::SeriesId::kPathQueueInP99), endpoint.path_queue_in_missing.empty());
  EXPECT_EQ(endpoint.seconds.at(0).path_queue_in_p50_us.has_value(),
            endpoint.path_queue_in_missing.empty() && one_way.samples > 0);
  return endpoint.path_queue_in_missing;
}

TEST(Measures, WhyThereIsNoOneWayQueue) {
  EXPECT_EQ(missing({.no_timestamps = 10}), "no_timestamps");
  EXPECT_EQ(missing({.no_timestamps = 10, .tick_unknown = true}), "no_timestamps");
  EXPECT_EQ(missing({.tick_unknown = true}), "tick_unknown");
  EXPECT_EQ(missing({.no_own_floor = 10, .tick_unknown = true}), "tick_unknown");
  EXPECT_EQ(missing({.no_own_floor = 10}), "no_own_floor");
  EXPECT_EQ(missing({.no_timestamps = 3, .no_own_floor = 10}), "no_own_floor");
  EXPECT_EQ(missing({.samples = 10}), "");
}

TEST(Measures, AFewSegmentsDoNotSpeakForThePath) {
  EXPECT_EQ(missing({.samples = 20, .no_own_floor = 80}), "");
  EXPECT_EQ(missing({.samples = 19, .no_own_floor = 80}), "no_own_floor");
  EXPECT_EQ(missing({.samples = 19, .no_timestamps = 80}), "no_timestamps");
  EXPECT_EQ(missing({.samples = 100, .no_own_floor = 100'000}), "");  // enough of them, however few
}

TEST(Measures, HeadersOnTheWire) {
  const auto bytes = [](const char* address, std::uint64_t without, int with) {
    Sampled s;
    s.now.key.at.address = *model::Address::parse(address);
    s.exchanges(10);
    s.now.no_timestamps = without;
    s.add(Measure::kPathQueueIn, 1, with);
    return picture_of(s).wire_header_bytes;
  };
  EXPECT_EQ(bytes("10.0.0.2", 0, 0), 66U);
  EXPECT_EQ(bytes("10.0.0.2", 10, 2), 54U);
  EXPECT_EQ(bytes("10.0.0.2", 2, 10), 66U);
  EXPECT_EQ(bytes("fd00::2", 2, 10), 86U);
  EXPECT_EQ(bytes("fd00::2", 10, 0), 74U);
}

TEST(Measures, ZeroWindowsAndTheDevice) {
  Trace trace;
  Sampled s;
  s.exchanges(1);
  s.now.zero_window_sent_us = 250'000;
  s.now.zero_window_received_us = 400'000;
  s.now.zero_window_stalls = 3;
  s.now.zero_window_longest_us = 300'000;
  s.now.device = "ens5";
  s.send(trace.correlator, 750);
  s.now.device.clear();
  s.send(trace.correlator, 1750);
  const model::Picture picture = trace.end(2000);
  const EndpointPicture& endpoint = picture.endpoints.at(0);
  EXPECT_EQ(endpoint.totals.zero_window_sent_us, 250'000U);
  EXPECT_EQ(endpoint.totals.zero_window_received_us, 400'000U);
  EXPECT_EQ(endpoint.zero_window_stalls, 3U);
  EXPECT_EQ(endpoint.zero_window_longest_us, 300'000U);
  EXPECT_EQ(endpoint.device, "ens5");
  EXPECT_EQ(picture.totals.zero_window_sent_us, 250'000U);
}

TEST(Measures, TheLargerOfSocketsAndSampleIsTheNewer) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.flow.bytes_received = 7000;
  c.flow.segments_received = 3;
  c.flow.out_of_order_segments = 2;
  c.close(10);
  Sampled s;
  s.exchanges(2);
  s.send(trace.correlator, 750);
  const EndpointPicture endpoint = trace.end(1000).endpoints.at(0);
  EXPECT_EQ(endpoint.totals.bytes_received, 7000U);
  EXPECT_EQ(endpoint.totals.bytes_sent, 200U);
  EXPECT_EQ(endpoint.totals.segments_received, 8U);
  EXPECT_EQ(endpoint.totals.out_of_order_segments, 2U);
}

struct Rise {
  std::uint32_t us;
  std::uint32_t samples;
};

EndpointPicture with_rises(const std::vector<Rise>& rises) {
  Trace trace;
  std::uint64_t id = 1;
  for (const Rise& rise : rises) {
    auto c = trace.outbound(id++);
    c.open(0);
    c.flow.path_rise_p50_us = rise.us;
    c.flow.path_samples = rise.samples;
    c.flow.unread_bytes_max = static_cast<std::uint32_t>(1000 * id);
    if (id % 2 == 0) {
      c.close(100);  // one of the two kinds is reported by its end, the other by the closing snapshot
    } else {
      c.snapshot(trace.correlator, 900, model::SnapshotMoment::kEnd);
    }
  }
  return trace.end(1000).endpoints.at(0);
}

TEST(Measures, SocketsAgree) {
  const EndpointPicture endpoint = with_rises({{80'000, 50}, {100'000, 60}, {120'000, 40}, {90'000, 5}, {1, 4}});
  EXPECT_EQ(endpoint.flows, 4U);  // one has too few samples
  EXPECT_THAT(endpoint.flows_agree_pct, Optional(DoubleEq(100.0)));
  EXPECT_EQ(endpoint.unread_bytes_max, 6000U);
}

TEST(Measures, OneSlowSocketIsNotThePath) {
  std::vector<Rise> rises(9, Rise{50, 10});
  rises.push_back({100'000, 5000});
  const EndpointPicture endpoint = with_rises(rises);
  EXPECT_EQ(endpoint.flows, 10U);
  EXPECT_THAT(endpoint.flows_agree_pct, Optional(DoubleEq(10.0)));
}

TEST(Measures, SmallRisesAreAlike) {
  EXPECT_THAT(with_rises({{10, 50}, {100, 60}, {900, 40}}).flows_agree_pct, Optional(DoubleEq(100.0)));
}

TEST(Measures, WithoutSocketsNobodyAgrees) {
  EXPECT_EQ(with_rises({{100, 1}}).flows, 0U);
  EXPECT_FALSE(with_rises({{100, 1}}).flows_agree_pct);
}

TEST(Measures, ASocketBeingTornDownKeepsItsRise) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.flow.path_rise_p50_us = 5000;
  c.flow.path_samples = 10;
  c.close(100);
  c.flow.path_rise_p50_us = 0;
  c.flow.path_samples = 0;
  c.gone(101);
  EXPECT_EQ(trace.end(9000).endpoints.at(0).flows, 1U);
}

// An endpoint that was narrowed to some of its sockets: no data seen with them is not "no data".
TEST(Measures, WithheldSumsAreUnknownAndNotZero) {
  const auto endpoint_of = [](const model::TraceStart& start) {
    Trace trace({}, start);
    auto c = trace.outbound(1);
    c.older_than_trace();
    c.snapshot(trace.correlator, 0, model::SnapshotMoment::kStart);
    c.snapshot(trace.correlator, 2000, model::SnapshotMoment::kEnd);
    return trace.end(2000).endpoints.at(0);
  };
  const EndpointPicture quiet = endpoint_of(trace_start());
  EXPECT_EQ(quiet.histograms.at(model::Measure::kFirstByte).count(), 0U);
  EXPECT_TRUE(quiet.series.arrays.contains(model::SeriesId::kBytesSent));
  EXPECT_THAT(quiet.totals.zero_window_sent_us, Optional(0U));

  model::TraceStart narrowed = trace_start();
  narrowed.abilities.push_back({"endpoint_aggregates", false, "1 endpoint"});
  const EndpointPicture withheld = endpoint_of(narrowed);
  for (const Measure measure : {Measure::kFirstByte, Measure::kRtt, Measure::kHostQueue, Measure::kRecovery}) {
    EXPECT_FALSE(withheld.histograms.contains(measure)) << to_string(measure);
  }
  for (const SeriesId id :
       {SeriesId::kBytesSent, SeriesId::kBytesReceived, SeriesId::kOutOfOrder, SeriesId::kExchanges}) {
    EXPECT_FALSE(withheld.series.arrays.contains(id)) << to_string(id);
  }
  EXPECT_FALSE(withheld.totals.zero_window_sent_us);
  EXPECT_FALSE(withheld.totals.zero_window_received_us);
  EXPECT_EQ(withheld.path_queue_in_missing, "not_measured");
  EXPECT_EQ(withheld.totals.sockets_seen, 1U);
}

TEST(Measures, SumsThatAreThereCountBesideWithheldOnes) {
  model::TraceStart narrowed = trace_start();
  narrowed.abilities.push_back({"endpoint_aggregates", false, "1 endpoint"});
  Sampled s;
  s.exchanges(10);
  EXPECT_EQ(picture_of(s, narrowed).histograms.at(model::Measure::kFirstByte).count(), 0U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
