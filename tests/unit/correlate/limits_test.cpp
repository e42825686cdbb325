// SPDX-License-Identifier: Apache-2.0
// Memory is bounded; what did not fit is counted, and nothing that was seen is lost from the totals.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::Picture;

void healthy(Trace& trace, std::uint64_t id, double at, double took) {
  auto c = trace.outbound(id);
  c.open(at);
  c.exchange(at + 2, took);
  c.close(at + 3 + took);
  c.gone(at + 4 + took);
}

void failed(Trace& trace, std::uint64_t id, double at) {
  auto c = trace.outbound(id);
  c.open(at);
  c.request(at + 2);
  c.reset_received(at + 102);
}

TEST(Limits, OfHealthySocketsTheSlowestStay) {
  Trace trace({.healthy_sockets = 3});
  for (std::uint64_t i = 1; i <= 50; ++i) healthy(trace, i, static_cast<double>(i) * 100, static_cast<double>(i % 10));
  const Picture picture = trace.end(60000);
  ASSERT_EQ(picture.sockets.size(), 3U);
  for (const auto& story : picture.sockets) EXPECT_EQ(story.first_byte_max_us, 9000U);
  EXPECT_EQ(picture.sockets_omitted, 47U);
  EXPECT_EQ(picture.totals.sockets_seen, 50U);
  EXPECT_EQ(picture.totals.exchanges, 50U);
  EXPECT_EQ(picture.loss.sockets_full, 0U);  // left out on purpose
}

TEST(Limits, LiveHealthySocketsCompeteWithFoldedOnes) {
  Trace trace({.healthy_sockets = 2});
  healthy(trace, 1, 0, 5);
  healthy(trace, 2, 10, 1);
  auto live = trace.outbound(3);
  live.open(10000);
  live.exchange(10010, 3);
  live.snapshot(trace.correlator, 20000, model::SnapshotMoment::kEnd);
  const Picture picture = trace.end(20000);
  ASSERT_EQ(picture.sockets.size(), 2U);
  EXPECT_EQ(picture.sockets[0].socket.id.value, 1U);
  EXPECT_EQ(picture.sockets[1].socket.id.value, 3U);
  EXPECT_EQ(picture.sockets_omitted, 1U);
}

TEST(Limits, FailedSocketsBeyondTheLimitAreCountedAsLost) {
  Trace trace({.failed_sockets = 4});
  for (std::uint64_t i = 1; i <= 10; ++i) failed(trace, i, static_cast<double>(i) * 1000);
  const Picture picture = trace.end(60000);
  EXPECT_EQ(picture.sockets.size(), 4U);
  EXPECT_EQ(picture.sockets_omitted, 6U);
  EXPECT_EQ(picture.loss.sockets_full, 6U);
  EXPECT_EQ(picture.totals.exchanges_failed, 10U);
  EXPECT_EQ(picture.totals.resets.received, 10U);
}

TEST(Limits, OfFailedSocketsTheNewestStay) {
  Trace trace({.failed_sockets = 4});
  for (std::uint64_t i = 1; i <= 10; ++i) failed(trace, i, static_cast<double>(i) * 1000);
  std::vector<std::uint64_t> ids;
  for (const auto& story : trace.end(60000).sockets) ids.push_back(story.socket.id.value);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{7, 8, 9, 10}));
}

TEST(Limits, FailuresTakeTheRoomOfHarmlessResetsNeverTheOtherWayRound) {
  Trace trace({.failed_sockets = 4});
  const auto harmless = [&trace](std::uint64_t id, double at) {
    auto c = trace.outbound(id);
    c.open(at);
    c.reset_received(at + 900);
  };
  for (std::uint64_t i = 1; i <= 5; ++i) harmless(i, 1000 * static_cast<double>(i));
  for (std::uint64_t i = 6; i <= 8; ++i) failed(trace, i, 1000 * static_cast<double>(i));
  for (std::uint64_t i = 9; i <= 11; ++i) harmless(i, 1000 * static_cast<double>(i));
  const Picture picture = trace.end(60000);
  std::vector<std::uint64_t> ids;
  for (const auto& story : picture.sockets) ids.push_back(story.socket.id.value);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{6, 7, 8, 11}));
  EXPECT_EQ(picture.sockets_omitted, 7U);
  EXPECT_EQ(picture.totals.resets.received, 11U);
}

TEST(Limits, HarmlessResetsDoNotCrowdOutFailures) {
  Trace trace({.failed_sockets = 4});
  for (std::uint64_t i = 1; i <= 10; ++i) {
    auto c = trace.outbound(i);
    c.open(static_cast<double>(i) * 1000);
    c.reset_received(static_cast<double>(i) * 1000 + 900);
  }
  failed(trace, 11, 20000);
  failed(trace, 12, 20000);
  const Picture picture = trace.end(60000);
  ASSERT_EQ(picture.sockets.size(), 4U);
  EXPECT_EQ(picture.sockets[0].exchanges_failed, 1U);
  EXPECT_EQ(picture.sockets[1].exchanges_failed, 1U);
}

TEST(Limits, TableOfSocketsFull) {
  Trace trace({.open_sockets = 2});
  auto a = trace.outbound(1);
  a.open(0);
  auto b = trace.outbound(2);
  b.open(0);
  auto c = trace.outbound(3);
  c.open(0);
  c.reset_received(10);  // three events without a place, of one socket
  auto d = trace.outbound(4);
  d.open(20);
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.totals.sockets_seen, 2U);
  EXPECT_EQ(picture.loss.sockets_full, 2U);
}

TEST(Limits, EndedSocketsGiveWayToNewOnes) {
  Trace trace({.open_sockets = 2});
  for (std::uint64_t i = 1; i <= 20; ++i) healthy(trace, i, static_cast<double>(i) * 10, 1);
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.totals.sockets_seen, 20U);
  EXPECT_EQ(picture.loss.sockets_full, 0U);
}

TEST(Limits, AWindowForgetsOldSecondsAndSockets) {
  Trace trace({.window_s = 10});
  Sampled s;
  for (int n = 1; n <= 60; ++n) {
    auto c = trace.outbound(static_cast<std::uint64_t>(n));
    c.open(turn(n) - 500);
    c.request(turn(n) - 490);
    c.reset_received(turn(n) - 400);
    s.exchanges(5);
    s.add(model::Measure::kRtt, 1000, 3);
    s.send(trace.correlator, turn(n) + 5);
  }
  const Picture picture = trace.end(turn(60) + 10);
  const model::EndpointPicture& endpoint = picture.endpoints.at(0);
  EXPECT_EQ(endpoint.series.n, 10U);
  EXPECT_DOUBLE_EQ(endpoint.series.interval_s, 1);
  EXPECT_EQ(endpoint.series.start_offset_us, 51'000'000 - 250'000);
  EXPECT_EQ(endpoint.series.arrays.at(model::SeriesId::kExchanges).front(), 5);
  EXPECT_EQ(endpoint.series.arrays.at(model::SeriesId::kResets).at(8), 1);
  EXPECT_EQ(endpoint.seconds.at(0).rtt_samples, 3U);
  EXPECT_EQ(picture.sockets.size(), 9U);
  EXPECT_EQ(picture.sockets_omitted, 51U);
  EXPECT_EQ(picture.totals.resets.received, 60U);
  EXPECT_EQ(picture.totals.exchanges, 300U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kRtt).count(), 180U);
  EXPECT_EQ(picture.loss.total(), 0U);
}

TEST(Limits, AWindowThatIsTooLargeForItsMemoryGetsShorter) {
  Trace trace({.series_bytes = 16'000, .window_s = 3600});
  Sampled s;
  for (int n = 1; n <= 1000; ++n) {
    s.exchanges(5);
    s.add(model::Measure::kRtt, 1000, 3);
    s.send(trace.correlator, turn(n) + 5);
  }
  const Picture picture = trace.end(turn(1000) + 10);
  const model::EndpointPicture& endpoint = picture.endpoints.at(0);
  EXPECT_DOUBLE_EQ(endpoint.series.interval_s, 1);
  EXPECT_GT(endpoint.series.n, 30U);
  EXPECT_LT(endpoint.series.n, 200U);
  EXPECT_EQ(endpoint.totals.exchanges, 5000U);
}

TEST(Limits, TableOfEndpointsFull) {
  Trace trace({.endpoints = 2});
  for (std::uint16_t port = 1; port <= 3; ++port) {
    auto c = trace.outbound(port, port);
    c.connect(0);
  }
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.endpoints.size(), 2U);
  EXPECT_EQ(picture.loss.endpoints_full, 1U);
}

TEST(Limits, TheEndpointThatWasIdleForLongestGivesWay) {
  Trace trace({.endpoints = 3});
  const auto visit = [&trace](std::uint16_t port, double at, bool closes) {
    auto c = trace.outbound(static_cast<std::uint64_t>(at), port);
    c.open(at);
    c.exchange(at + 2);
    if (!closes) return;
    c.close(at + 10);
    c.gone(at + 11);
  };
  visit(1, 1000, false);
  visit(2, 2000, true);
  visit(3, 3000, true);
  visit(2, 4000, true);
  visit(4, 8000, true);  // instead of 3
  visit(5, 9000, true);  // instead of 2
  const Picture picture = trace.end(20000);
  std::vector<std::uint16_t> ports;
  for (const auto& endpoint : picture.endpoints) ports.push_back(endpoint.key.at.port);
  std::sort(ports.begin(), ports.end());
  EXPECT_EQ(ports, (std::vector<std::uint16_t>{1, 4, 5}));
  EXPECT_EQ(picture.endpoints_evicted, 2U);
  EXPECT_EQ(picture.loss.endpoints_full, 0U);
  EXPECT_EQ(picture.totals.sockets_seen, 6U);
  EXPECT_EQ(picture.totals.exchanges, 5U);  // of the open one nothing was reported yet
  EXPECT_EQ(picture.totals.connects, 6U);
  EXPECT_EQ(picture.totals.bytes_received, 5000U);
  // The sockets of those that gave way have no endpoint to be shown with.
  EXPECT_EQ(picture.sockets.size(), 3U);
  EXPECT_EQ(picture.sockets_omitted, 3U);
  for (const auto& story : picture.sockets) {
    EXPECT_EQ(story.socket.remote.port, picture.endpoints.at(story.endpoint).key.at.port);
  }
}

TEST(Limits, ANewGenerationOfAnEndpointThatGaveWayCountsWhole) {
  Trace trace({.endpoints = 1});
  Sampled a(1);
  a.exchanges(5);
  a.send(trace.correlator, turn(1));
  Sampled b(2);
  b.exchanges(3);
  b.send(trace.correlator, turn(2));
  Sampled again(1);
  again.now.generation = 1;
  again.exchanges(4);
  again.send(trace.correlator, turn(3));
  EXPECT_EQ(trace.end(turn(4)).totals.exchanges, 12U);
}

TEST(Limits, AnEndpointThatComesAgainIsNotCountedTwice) {
  Trace trace({.endpoints = 1});
  Sampled a(1);
  const auto visit = [&trace](Sampled& of, std::uint16_t port, double at) {
    auto c = trace.outbound(static_cast<std::uint64_t>(at), port);
    c.open(at);
    c.exchange(at + 2);
    c.close(at + 10);
    c.gone(at + 11);
    of.exchanges(1);
    of.add(model::Measure::kFirstByte, 1000);
  };
  visit(a, 1, 1000);
  a.send(trace.correlator, turn(2));
  Sampled b(2);
  visit(b, 2, 5000);  // a gives way
  b.send(trace.correlator, turn(6));
  a.send(trace.correlator, turn(6));  // tells nothing new: it does not come again for that
  visit(a, 1, 8000);                  // b gives way
  a.send(trace.correlator, turn(9));
  b.send(trace.correlator, turn(9));
  const Picture picture = trace.end(20000);
  ASSERT_EQ(picture.endpoints.size(), 1U);
  EXPECT_EQ(picture.endpoints[0].key.at.port, 1);
  EXPECT_EQ(picture.endpoints[0].totals.exchanges, 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kFirstByte).count(), 1U);
  EXPECT_EQ(picture.endpoints_evicted, 2U);
  EXPECT_EQ(picture.totals.exchanges, 3U);
  EXPECT_EQ(picture.totals.bytes_sent, 300U);
  EXPECT_EQ(picture.totals.bytes_received, 6000U);
}

TEST(Limits, GenerationsOfAnEndpointAddUp) {
  Trace trace;
  Sampled first;
  first.now.generation = 3;
  first.exchanges(10);
  first.add(model::Measure::kFirstByte, 1000, 10);
  first.send(trace.correlator, turn(1) + 5);
  Sampled next;  // the source had given its place away
  next.now.generation = 7;
  for (int n = 4; n <= 6; ++n) {
    next.exchanges(2);
    next.add(model::Measure::kFirstByte, 5000, 2);
    next.send(trace.correlator, turn(n) + 5);
  }
  first.send(trace.correlator, turn(7));  // late: it is over
  const Picture picture = trace.end(turn(8));
  const model::EndpointPicture& endpoint = picture.endpoints.at(0);
  EXPECT_EQ(endpoint.totals.exchanges, 16U);
  EXPECT_EQ(endpoint.totals.bytes_sent, 1600U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kFirstByte).count(), 16U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kFirstByte).min(), 1000U);
  EXPECT_EQ(endpoint.series.arrays.at(model::SeriesId::kExchanges).at(0), 10);
  EXPECT_EQ(endpoint.series.arrays.at(model::SeriesId::kExchanges).at(5), 2);
  std::int64_t reported = 0;
  for (const auto& value : endpoint.series.arrays.at(model::SeriesId::kExchanges)) reported += value.value_or(0);
  EXPECT_EQ(reported, 16);
}

TEST(Limits, ProcessesBeyondTheLimitKeepTheirName) {
  Trace trace({.processes = 2});
  for (std::uint32_t i = 1; i <= 5; ++i) {
    auto c = trace.outbound(i);
    c.who = owner(i, "curl");
    c.open(0);
    c.exchange(2);
    c.close(4);
    c.gone(5);
  }
  const Picture picture = trace.end(60000);
  ASSERT_EQ(picture.endpoints.at(0).processes.size(), 1U);
  EXPECT_EQ(picture.endpoints[0].processes[0].sockets_seen, 5U);
  EXPECT_EQ(picture.endpoints[0].processes[0].pids.size(), 2U);
  EXPECT_EQ(picture.loss.processes_full, 3U);
}

TEST(Limits, TimelineKeepsItsBeginningAndItsEnd) {
  Trace trace({.timeline_entries = 8});
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  for (int i = 0; i < 100; ++i) c.emit(200 + i, model::Retransmitted{.ca_state = 4});
  c.reset_received(1000);
  const Picture picture = trace.end(60000);
  const auto& timeline = picture.sockets.at(0).timeline;
  ASSERT_EQ(timeline.size(), 8U);
  const auto kinds = kinds_of(picture.sockets.at(0));
  EXPECT_EQ(kinds[0], "connect");
  EXPECT_EQ(kinds[1], "established");
  EXPECT_EQ(kinds[7], "closed");
  EXPECT_EQ(kinds[6], "reset_received");
  EXPECT_EQ(picture.sockets[0].retransmits[static_cast<std::size_t>(model::RetransmitKind::kRto)], 100U);
}

TEST(Limits, OwnLossIsAddedToTheSources) {
  Trace trace({.open_sockets = 1});
  auto a = trace.outbound(1);
  a.connect(0);
  auto b = trace.outbound(2);
  b.connect(0);
  const Picture picture = trace.end(1000, {.ring_full = 7, .sockets_full = 5});
  EXPECT_EQ(picture.loss.ring_full, 7U);
  EXPECT_EQ(picture.loss.sockets_full, 6U);
}

TEST(Limits, ZeroOfEverythingDoesNoHarm) {
  Trace trace({.open_sockets = 0,
               .failed_sockets = 0,
               .healthy_sockets = 0,
               .endpoints = 0,
               .processes = 0,
               .timeline_entries = 0});
  failed(trace, 1, 0);
  const Picture picture = trace.end(1000);
  EXPECT_TRUE(picture.sockets.empty());
  EXPECT_TRUE(picture.endpoints.empty());

  Trace roomy({.failed_sockets = 0, .healthy_sockets = 0, .timeline_entries = 0});
  failed(roomy, 1, 0);
  healthy(roomy, 2, 0, 1);
  EXPECT_TRUE(roomy.end(60000).sockets.empty());
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
