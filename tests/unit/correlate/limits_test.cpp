// SPDX-License-Identifier: Apache-2.0
// Memory is bounded; what did not fit is counted, and nothing that was seen is lost from the totals.
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

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
  c.open(0);  // two events without a place
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
