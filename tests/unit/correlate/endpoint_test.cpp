// SPDX-License-Identifier: Apache-2.0
// What sockets add up to: totals, series, processes, peers, groups, floors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::EndpointPicture;
using model::Measure;
using model::Picture;
using ::testing::ElementsAre;
using ::testing::Optional;

model::EndpointSample sample(double at, std::uint64_t exchanges, model::EndpointKey key = remote_endpoint()) {
  model::EndpointSample made;
  made.at = ms(at);
  made.key = key;
  made.exchanges = exchanges;
  made.request_bytes = exchanges * 100;
  made.response_bytes = exchanges * 2000;
  for (std::uint64_t i = 0; i < exchanges; ++i) {
    made.of(model::Measure::kFirstByte).add(1000 * (i + 1));
    made.of(model::Measure::kLastByte).add(2000 * (i + 1));
  }
  return made;
}

TEST(Endpoint, TotalsAreSumsOverItsSocketsNewestFlows) {
  Trace trace;
  auto a = trace.outbound(1);
  a.open(0);
  a.exchange(10);
  a.exchange(20);
  a.flow.segments_sent = 7;
  a.close(30);
  a.gone(31);  // folded long before the end
  auto b = trace.outbound(2);
  b.open(10000);
  b.exchange(10010);
  b.snapshot(trace.correlator, 20000, model::SnapshotMoment::kEnd);
  const Picture picture = trace.end(20000);
  ASSERT_EQ(picture.endpoints.size(), 1U);
  const model::Totals& totals = picture.endpoints[0].totals;
  EXPECT_EQ(totals.sockets_seen, 2U);
  EXPECT_EQ(totals.sockets_open_peak, 1U);
  EXPECT_EQ(totals.sockets_open_at_end, 1U);
  EXPECT_EQ(totals.connects, 2U);
  EXPECT_EQ(totals.bytes_sent, 300U);
  EXPECT_EQ(totals.bytes_received, 3000U);
  EXPECT_EQ(totals.segments_sent, 7U);
  EXPECT_EQ(totals.exchanges, 3U);
  EXPECT_EQ(picture.totals.bytes_received, 3000U);
  EXPECT_EQ(picture.endpoints[0].first_seen_at, ms(0));
  EXPECT_EQ(picture.endpoints[0].last_seen_at, ms(20000));
  EXPECT_EQ(picture.endpoints[0].role_source, model::RoleSource::kConnect);
}

TEST(Endpoint, ThePeakOfAllIsThatOfOneMoment) {
  Trace trace;
  auto a = trace.outbound(1, 443);
  a.open(0);
  a.close(10);
  a.gone(11);
  auto b = trace.outbound(2, 80);
  b.open(20);
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.totals.sockets_open_peak, 1U);
}

TEST(Endpoint, SamplesAreTheExactCountOfExchanges) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  trace.correlator.on_sample(sample(1000, 2));
  trace.correlator.on_sample(sample(2000, 5));
  EXPECT_EQ(trace.correlator.snapshot(ms(2000), {}).total.exchanges, 5U);
  const Picture picture = trace.end(3000);
  const EndpointPicture& endpoint = picture.endpoints.at(0);
  EXPECT_EQ(endpoint.totals.exchanges, 5U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kFirstByte).count(), 5U);
  EXPECT_EQ(endpoint.histograms.at(model::Measure::kLastByte).max(), 10000U);
  EXPECT_THAT(endpoint.mean_response_bytes, Optional(2000.0));
  EXPECT_THAT(endpoint.mean_request_bytes, Optional(100.0));
  ASSERT_EQ(endpoint.outcomes.size(), 1U);
  EXPECT_EQ(endpoint.outcomes[0].outcome, "good");
  EXPECT_EQ(endpoint.outcomes[0].count, 5U);
  EXPECT_EQ(endpoint.outcomes[0].first_byte_p99_us, 5000U);
}

TEST(Endpoint, SeriesRunsInWholeUtcSeconds) {
  Trace trace;  // begins 250 ms into a second
  auto c = trace.outbound(1);
  c.open(100);
  trace.correlator.on_sample(sample(750, 2));   // second 0
  trace.correlator.on_sample(sample(1750, 5));  // second 1
  auto d = trace.outbound(2);
  d.connect(760);          // second 1
  d.reset_received(2760);  // second 3
  const Picture picture = trace.end(3000);
  const model::Series& series = picture.endpoints.at(0).series;
  EXPECT_EQ(series.start_offset_us, -250000);
  EXPECT_EQ(series.interval_s, 1.0);
  EXPECT_EQ(series.n, 4U);
  EXPECT_THAT(series.arrays.at(model::SeriesId::kConnects), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(series.arrays.at(model::SeriesId::kConnectFailures), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(series.arrays.at(model::SeriesId::kResets), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(series.arrays.at(model::SeriesId::kExchanges), ElementsAre(2, 3, 0, 0));
  EXPECT_THAT(series.arrays.at(model::SeriesId::kRttP50),
              ElementsAre(std::nullopt, std::nullopt, std::nullopt, std::nullopt));
  EXPECT_THAT(series.arrays.at(model::SeriesId::kOutOfOrder), ElementsAre(0, 0, 0, 0));
}

TEST(Endpoint, LongSeriesGetWiderSecondsAndLoseNothing) {
  Trace trace;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    auto c = trace.outbound(i + 1);
    c.connect(static_cast<double>(i) * 4000);
    c.reset_received(static_cast<double>(i) * 4000 + 1);
  }
  const Picture picture = trace.end(8'000'000);
  const model::Series& series = picture.endpoints.at(0).series;
  EXPECT_EQ(series.interval_s, 8.0);
  EXPECT_EQ(series.n, 1001U);
  std::int64_t connects = 0;
  for (const auto& value : series.arrays.at(model::SeriesId::kConnects)) connects += value.value();
  EXPECT_EQ(connects, 2000);
}

TEST(Endpoint, HistogramsMeasuredAreThereThoughEmpty) {
  Trace trace;
  auto out = trace.outbound(1);
  out.open(0);
  auto in = trace.inbound(2);
  in.established(0);
  const Picture picture = trace.end(1000);
  for (const EndpointPicture& endpoint : picture.endpoints) {
    const bool outbound = endpoint.key.role == model::Role::kOutbound;
    EXPECT_TRUE(endpoint.histograms.contains(model::Measure::kResetSentWait));
    EXPECT_TRUE(endpoint.histograms.contains(model::Measure::kFirstByte));
    EXPECT_EQ(endpoint.histograms.contains(model::Measure::kConnect), outbound);
    EXPECT_EQ(endpoint.histograms.contains(model::Measure::kRetransmitSyn), outbound);
    EXPECT_EQ(endpoint.histograms.contains(model::Measure::kRetransmitSynAck), !outbound);
    for (const Measure measure : {Measure::kRetransmitRto, Measure::kRetransmitFast, Measure::kRetransmitTlp,
                                  Measure::kRetransmitOther, Measure::kRecovery}) {
      EXPECT_TRUE(endpoint.histograms.contains(measure)) << to_string(measure);
    }
    EXPECT_TRUE(endpoint.histograms.contains(model::Measure::kRtt));  // no segment was there to be measured
  }
}

TEST(Endpoint, ExchangesWithoutASampleLeaveFirstByteUnknown) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(5);
  c.close(10);
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.totals.exchanges, 1U);
  EXPECT_FALSE(picture.endpoints.at(0).histograms.contains(model::Measure::kFirstByte));
  EXPECT_FALSE(picture.endpoints.at(0).series.arrays.contains(model::SeriesId::kExchanges));
}

TEST(Endpoint, UnknownRoleJoinsTheOutboundEndpointOfItsRemoteSide) {
  Trace trace;
  auto c = trace.outbound(1).older_than_trace();
  c.ref.role = model::Role::kUnknown;
  c.ref.role_source = model::RoleSource::kUnknown;
  c.snapshot(trace.correlator, 0, model::SnapshotMoment::kStart);
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.endpoints.at(0).key, remote_endpoint());
  EXPECT_EQ(picture.endpoints.at(0).role_source, model::RoleSource::kUnknown);
  EXPECT_EQ(picture.totals.connects, 0U);
  EXPECT_FALSE(picture.sockets.at(0).outcome);
  EXPECT_FALSE(picture.sockets.at(0).opened_at);
}

TEST(Endpoint, ARoleKnownLaterMovesTheSocket) {
  Trace trace;
  auto c = trace.inbound(1).older_than_trace();
  c.ref.role = model::Role::kUnknown;
  c.snapshot(trace.correlator, 0, model::SnapshotMoment::kStart);
  c.ref.role = model::Role::kInbound;
  c.exchange(10);
  c.close(20);
  c.gone(21);
  const Picture picture = trace.end(9000);
  for (const EndpointPicture& endpoint : picture.endpoints) {
    const bool inbound = endpoint.key.role == model::Role::kInbound;
    EXPECT_EQ(endpoint.totals.sockets_seen, inbound ? 1U : 0U);
    EXPECT_EQ(endpoint.totals.bytes_received, inbound ? 100U : 0U);
  }
  EXPECT_EQ(trace.correlator.snapshot(ms(5000), {}).open_sockets, 0U);
}

TEST(Endpoint, ProcessesOfOneNameAndCgroupAreOneRow) {
  Trace trace;
  for (const std::uint32_t pid : {812U, 811U}) {
    model::ProcessInfo info{pid, "ruby", 7, "/system.slice/puma.service"};
    trace.correlator.on_sample(info);
    auto c = trace.outbound(pid);
    c.who = owner(pid, "ruby");
    c.who->cgroup_id = 7;
    c.open(0);
    c.exchange(1);
    c.close(5);
    if (pid == 811U) c.gone(6);  // the other one waits in FIN_WAIT1
  }
  auto other = trace.outbound(3);
  other.who = owner(5, "curl");
  other.open(0);
  const Picture picture = trace.end(9000);
  const auto& processes = picture.endpoints.at(0).processes;
  ASSERT_EQ(processes.size(), 2U);
  EXPECT_EQ(processes[0].comm, "ruby");
  EXPECT_EQ(processes[0].cgroup, "/system.slice/puma.service");
  EXPECT_THAT(processes[0].pids, ElementsAre(811, 812));
  EXPECT_EQ(processes[0].sockets_seen, 2U);
  EXPECT_EQ(processes[0].bytes_received, 2000U);
  EXPECT_EQ(processes[0].exchanges, 2U);
  EXPECT_EQ(processes[0].sockets_open_at_end, 1U);
  EXPECT_EQ(processes[1].comm, "curl");
  EXPECT_EQ(processes[1].sockets_open_at_end, 1U);
}

TEST(Endpoint, BeyondTenProcessesTheRestIsOthers) {
  Trace trace;
  for (std::uint32_t i = 1; i <= 13; ++i) {
    auto c = trace.outbound(i);
    c.who = owner(i, "p" + std::to_string(i));
    c.open(0);
    c.flow.bytes_received = 1000 - i;
    c.close(5);
  }
  const auto processes = trace.end(9000).endpoints.at(0).processes;
  ASSERT_EQ(processes.size(), 11U);
  EXPECT_EQ(processes[0].comm, "p1");
  EXPECT_EQ(processes[10].comm, "others");
  EXPECT_EQ(processes[10].sockets_seen, 3U);
  EXPECT_EQ(processes[10].bytes_received, 3000U - 11 - 12 - 13);
  EXPECT_TRUE(processes[10].pids.empty());
}

TEST(Endpoint, TheOwnerMayComeLate) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.who = owner(900, "puma", model::OwnerSource::kReader);
  c.emit(5, model::OwnerSeen{});
  c.who.reset();
  c.close(10);
  const Picture picture = trace.end(9000);
  ASSERT_TRUE(picture.sockets.at(0).owner);
  EXPECT_EQ(picture.sockets.at(0).owner->pid, 900U);
  EXPECT_EQ(picture.endpoints.at(0).processes.at(0).comm, "puma");
}

TEST(Endpoint, ASeenOwnerReplacesTheTablesButNotAnotherSeenOne) {
  Trace trace;
  auto c = trace.outbound(1).older_than_trace();
  c.who = owner(1, "table", model::OwnerSource::kTable);
  c.who->shared = true;
  c.snapshot(trace.correlator, 0, model::SnapshotMoment::kStart);
  c.who = owner(2, "seen", model::OwnerSource::kOwner);
  c.emit(5, model::OwnerSeen{});
  c.who = owner(3, "later", model::OwnerSource::kReader);
  c.emit(6, model::OwnerSeen{});
  const auto story = trace.end(9000).sockets.at(0);
  EXPECT_EQ(story.owner->comm, "seen");
  EXPECT_TRUE(story.owner->shared);
}

TEST(Endpoint, AnotherProcessOnTheSocketMakesItSharedForGood) {
  for (const std::uint32_t pid : {812U, 0U}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.who = owner(pid, "worker", model::OwnerSource::kReader);
    c.who->shared = true;
    c.emit(5, model::OwnerSeen{});
    c.who = owner(811, "ruby");
    c.close(10);
    const auto story = trace.end(9000).sockets.at(0);
    EXPECT_EQ(story.owner->comm, "ruby") << pid;
    EXPECT_TRUE(story.owner->shared) << pid;
  }
}

TEST(Endpoint, PeersOfAnInboundEndpoint) {
  Trace trace;
  for (std::uint64_t i = 1; i <= 15; ++i) {
    auto c = trace.inbound(i);
    c.ref.remote.address = *model::Address::parse("10.0.1." + std::to_string(i % 12 + 1));
    c.established(0);
    c.flow.bytes_received = i;
    c.close(1);
  }
  const Picture picture = trace.end(9000);
  ASSERT_EQ(picture.endpoints.size(), 1U);
  const auto& peers = picture.endpoints[0].peers;
  ASSERT_EQ(peers.size(), 10U);
  EXPECT_EQ(peers[0].address.to_string(), "10.0.1.4");  // 3 and 15
  EXPECT_EQ(peers[0].sockets_seen, 2U);
  EXPECT_EQ(peers[0].bytes_received, 18U);
}

TEST(Endpoint, FloorIsTheSmallestOfHandshakeAndKernel) {
  const auto floor = [](double handshake_ms, std::uint32_t rtt_min_us, bool syn_again = false) {
    Trace trace;
    auto c = trace.outbound(1);
    c.connect(0);
    if (syn_again) c.syn_retransmitted(1000);
    c.established(handshake_ms);
    c.flow.rtt_min_us = rtt_min_us;
    c.emit(5000, model::OwnerSeen{});
    const EndpointPicture endpoint = trace.end(9000).endpoints.at(0);
    return std::pair(endpoint.rtt_floor_us, endpoint.rtt_floor_source);
  };
  EXPECT_EQ(floor(1, 2000), std::pair(std::optional<std::uint64_t>(1000), std::string("handshake")));
  EXPECT_EQ(floor(1, 1000), std::pair(std::optional<std::uint64_t>(1000), std::string("handshake")));
  EXPECT_EQ(floor(2, 1500), std::pair(std::optional<std::uint64_t>(1500), std::string("kernel")));
  EXPECT_EQ(floor(1001, 0, true), std::pair(std::optional<std::uint64_t>(), std::string()));
}

TEST(Endpoint, OneTupleUsedAgainIsTwoSockets) {
  Trace trace;
  auto first = trace.outbound(1);
  first.open(0);
  first.exchange(5);
  first.close(10);
  first.gone(11);
  auto second = trace.outbound(2);
  second.ref.local = first.ref.local;
  second.open(12);
  second.exchange(20);
  second.close(30);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(picture.totals.sockets_seen, 2U);
  EXPECT_EQ(picture.sockets.size(), 2U);
  EXPECT_EQ(picture.sockets[0].exchanges, 1U);
  EXPECT_EQ(picture.sockets[1].exchanges, 1U);
}

TEST(Endpoint, NamespacesAreApart) {
  Trace trace;
  auto a = trace.outbound(1);
  a.open(0);
  auto b = trace.outbound(2);
  b.ref.netns_inode = 99;
  b.open(0);
  EXPECT_EQ(trace.end(1000).endpoints.size(), 2U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
