// SPDX-License-Identifier: Apache-2.0
// Connect outcomes.
#include "correlate/connect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::ConnectOutcome;
using model::EndedWith;
using model::EndKind;
using model::Picture;
using model::SocketStory;
using model::Terminator;

std::uint64_t count(const Picture& picture, ConnectOutcome outcome) {
  return picture.totals.connect_outcomes.at(static_cast<std::size_t>(outcome));
}

TEST(Connect, EstablishedIsMeasuredFromTheSyn) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(10);
  c.flow.syn_at = ms(12);  // the SYN waited for a neighbour
  c.established(20);
  const Picture picture = trace.end(1000);

  ASSERT_EQ(picture.sockets.size(), 1U);
  const SocketStory& story = picture.sockets[0];
  EXPECT_EQ(story.outcome, ConnectOutcome::kEstablished);
  EXPECT_DOUBLE_EQ(to_ms(story.connect_took), 10);  // the application waited from the call on
  EXPECT_EQ(story.syns_sent, 1U);
  EXPECT_FALSE(story.end);
  EXPECT_FALSE(story.closed_at);
  EXPECT_EQ(story.socket.local.port, 40001);  // 0 at the call, filled later
  const auto& connect = picture.endpoints[0].histograms.at(model::Measure::kConnect);
  EXPECT_EQ(connect.count(), 1U);
  EXPECT_EQ(connect.max(), 8000U);
  EXPECT_EQ(picture.totals.connects, 1U);
  EXPECT_EQ(count(picture, ConnectOutcome::kEstablished), 1U);
}

TEST(Connect, ResetInSynSentIsRefused) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.reset_received(2);
  const Picture picture = trace.end(5000);

  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.outcome, ConnectOutcome::kRefused);
  EXPECT_EQ(story.connect_error, ECONNREFUSED);
  EXPECT_DOUBLE_EQ(to_ms(story.connect_took), 2);
  EXPECT_EQ(story.end->kind, EndKind::kConnectFailed);
  EXPECT_EQ(story.ended_by, Terminator::kRemote);
  EXPECT_EQ(story.ended_with, EndedWith::kRst);
  EXPECT_EQ(story.resets.received, 1U);
  EXPECT_EQ(picture.totals.resets.received, 1U);
  EXPECT_EQ(picture.totals.reset_phases[0], 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kResetReceivedAge).count(), 0U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kConnect).count(), 0U);
}

TEST(Connect, TimedOutCountsItsSyns) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.syn_retransmitted(1000);
  c.syn_retransmitted(3000);
  c.syn_retransmitted(5000, -EBUSY);  // not sent
  c.gone(7000, ETIMEDOUT);
  const Picture picture = trace.end(8000);

  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.outcome, ConnectOutcome::kTimedOut);
  EXPECT_EQ(story.syns_sent, 3U);
  EXPECT_EQ(story.ended_by, Terminator::kLocal);
  EXPECT_EQ(story.ended_with, EndedWith::kTimeout);
  EXPECT_EQ(picture.totals.retransmits[0], 2U);
  EXPECT_EQ(picture.totals.retransmit_failures.busy, 1U);
  const auto& delays = picture.endpoints[0].histograms.at(model::Measure::kRetransmitSyn);
  EXPECT_EQ(delays.count(), 2U);
  EXPECT_EQ(delays.max(), 3'000'000U);
}

TEST(Connect, TheScheduleOfItsSynsIsInTheTimeline) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(100);
  c.flow.syn_at = ms(100.5);
  c.syn_retransmitted(1100);
  c.syn_retransmitted(3100, 1);       // dropped by the own qdisc
  c.syn_retransmitted(7100, -EBUSY);  // not sent
  c.syn_retransmitted(15100);
  c.gone(31000, ETIMEDOUT);
  const SocketStory story = trace.end(32000).sockets.at(0);
  EXPECT_EQ(mark_of<model::mark::Connect>(story)->syn_after, std::chrono::microseconds(500));
  std::vector<std::pair<std::uint32_t, model::Duration>> sent;  // number, after the first
  std::vector<std::pair<model::RetransmitKind, int>> failed;
  for (const auto& mark : story.timeline) {
    if (const auto* syn = std::get_if<model::mark::SynRetransmit>(&mark.body))
      sent.emplace_back(syn->retry, *syn->delay);
    const auto* again = std::get_if<model::mark::Retransmit>(&mark.body);
    if (again != nullptr && again->failed) failed.emplace_back(again->kind, again->error);
  }
  EXPECT_THAT(sent, ::testing::ElementsAre(::testing::Pair(1, std::chrono::microseconds(999'500)),
                                           ::testing::Pair(2, std::chrono::microseconds(14'999'500))));
  EXPECT_THAT(failed, ::testing::ElementsAre(::testing::Pair(model::RetransmitKind::kSyn, 1),
                                             ::testing::Pair(model::RetransmitKind::kSyn, -EBUSY)));
  EXPECT_EQ(story.syns_sent, 3U);
}

TEST(Connect, ASynThatWaitsForANeighbourInVainWasNotSent) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.flow.syn_at.reset();
  for (const double at : {1000, 2000, 3000}) c.syn_retransmitted(at, -EBUSY);
  c.change(3100, TcpState::kClose, {.socket_error = EHOSTUNREACH, .syn_was_sent = true});
  const Picture picture = trace.end(5000);
  EXPECT_EQ(picture.sockets.at(0).outcome, ConnectOutcome::kUnreachable);
  EXPECT_EQ(picture.sockets.at(0).syns_sent, 0U);
  EXPECT_FALSE(mark_of<model::mark::Connect>(picture.sockets.at(0))->syn_after);
  EXPECT_EQ(picture.totals.retransmits[0], 0U);
  EXPECT_EQ(picture.endpoints.at(0).histograms.at(model::Measure::kRetransmitSyn).count(), 0U);
}

TEST(Connect, IcmpIsUnreachable) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.emit(3000, model::ErrorReported{.socket_error = EHOSTUNREACH});
  c.gone(3000, EHOSTUNREACH);
  const Picture picture = trace.end(8000);
  EXPECT_EQ(picture.sockets.at(0).outcome, ConnectOutcome::kUnreachable);
  EXPECT_EQ(picture.sockets.at(0).icmp_errors, 1U);
  EXPECT_EQ(picture.sockets.at(0).ended_with, std::nullopt);
}

TEST(Connect, ClosedByTheApplicationIsAbandoned) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.syn_retransmitted(1000);
  c.change(60000, TcpState::kClose, {.by_application = true});
  const Picture picture = trace.end(61000);
  EXPECT_EQ(picture.sockets.at(0).outcome, ConnectOutcome::kAbandoned);
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).connect_took), 60000);
  EXPECT_EQ(picture.sockets.at(0).ended_by, Terminator::kLocal);
}

TEST(Connect, WithoutASynItIsALocalError) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.flow.syn_at.reset();
  c.gone(0);
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.sockets.at(0).outcome, ConnectOutcome::kLocalError);
  EXPECT_EQ(picture.sockets.at(0).syns_sent, 0U);
}

TEST(Connect, ResetInSynRecvIsReset) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.flow.state = TcpState::kSynRecv;  // simultaneous open
  c.emit(5, model::ResetReceived{});
  c.gone(5, ECONNRESET);
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.sockets.at(0).outcome, ConnectOutcome::kReset);
  EXPECT_EQ(picture.totals.resets.received, 1U);
}

TEST(Connect, StillTryingIsPending) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(1000);
  c.syn_retransmitted(2000);
  const Picture picture = trace.end(31000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.outcome, ConnectOutcome::kPending);
  EXPECT_DOUBLE_EQ(to_ms(story.connect_took), 30000);
  EXPECT_EQ(count(picture, ConnectOutcome::kPending), 1U);
  EXPECT_FALSE(story.end);
  EXPECT_EQ(picture.totals.sockets_open_at_end, 1U);
}

TEST(Connect, OutcomesAlwaysAddUpToConnects) {
  Trace trace;
  auto a = trace.outbound(1);
  a.open(0);
  auto b = trace.outbound(2);
  b.connect(0);
  b.reset_received(1);
  auto c = trace.outbound(3);
  c.connect(0);
  auto d = trace.outbound(4).older_than_trace();
  d.peer_fin(5);
  const Picture picture = trace.end(9000);
  std::uint64_t sum = 0;
  for (const auto n : picture.totals.connect_outcomes) sum += n;
  EXPECT_EQ(sum, picture.totals.connects);
  EXPECT_EQ(picture.totals.connects, 3U);
  EXPECT_EQ(picture.totals.sockets_seen, 4U);
}

TEST(Connect, InitialSequenceNumbersComeLateAndStay) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.ref.initial_seq_local = 0;
  c.ref.initial_seq_remote = 4'000'000'000;
  c.established(1);
  c.ref.initial_seq_local.reset();
  c.ref.initial_seq_remote.reset();
  c.reset_received(2);
  const Picture picture = trace.end(10);
  EXPECT_EQ(picture.sockets.at(0).socket.initial_seq_local, 0U);
  EXPECT_EQ(picture.sockets.at(0).socket.initial_seq_remote, 4'000'000'000U);
}

TEST(Connect, LostHandshakeEventIsInferred) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.flow.established_at = ms(7);  // its event was lost
  c.flow.state = TcpState::kEstablished;
  c.exchange(10);
  c.close(20);
  const Picture picture = trace.end(5000);
  EXPECT_EQ(picture.sockets.at(0).outcome, ConnectOutcome::kEstablished);
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).connect_took), 7);
}

TEST(Connect, LostCallIsCountedAll) {
  Trace trace;
  auto c = trace.outbound(1);
  c.flow.opened_at = ms(0);
  c.flow.syn_at = ms(0);
  c.established(5);  // the first event seen
  const Picture picture = trace.end(1000);
  EXPECT_EQ(picture.totals.connects, 1U);
  EXPECT_EQ(count(picture, ConnectOutcome::kEstablished), 1U);
  EXPECT_EQ(picture.sockets.at(0).opened_at, ms(0));
}

TEST(Connect, LostEndIsRepairedByDestroyed) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.emit(500, model::Destroyed{}, TcpState::kSynSent);
  const Picture picture = trace.end(5000);
  EXPECT_EQ(picture.sockets.at(0).outcome, ConnectOutcome::kAbandoned);
  EXPECT_EQ(picture.totals.sockets_open_at_end, 0U);
}

TEST(Connect, ConnectingAgainOnOneSocketIsAnotherConnection) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.reset_received(1);
  c.connect(10);
  c.established(12);
  const Picture picture = trace.end(100);
  EXPECT_EQ(picture.totals.connects, 2U);
  EXPECT_EQ(count(picture, ConnectOutcome::kRefused), 1U);
  EXPECT_EQ(count(picture, ConnectOutcome::kEstablished), 1U);
  EXPECT_EQ(picture.sockets.size(), 2U);
  EXPECT_EQ(picture.totals.sockets_open_at_end, 1U);
}

// Happy eyeballs (RFC 8305): the refused IPv6 attempt does not matter when IPv4 is served.
TEST(Connect, RefusedButServedElsewhereIsSaid) {
  Trace trace;
  auto v6 = trace.outbound(1);
  v6.ref.remote.address = *model::Address::parse("::1");
  v6.connect(0);
  v6.reset_received(1);
  auto v4 = trace.outbound(2);
  v4.connect(2);
  v4.established(3);
  auto other = trace.outbound(3, 81);
  other.connect(4);
  other.reset_received(5);
  auto late = trace.outbound(4);
  late.connect(5000);
  late.reset_received(5001);
  const Picture picture = trace.end(9000);
  for (const SocketStory& story : picture.sockets) {
    if (story.outcome != ConnectOutcome::kRefused) continue;
    EXPECT_EQ(story.served_elsewhere, story.socket.id.value == 1) << story.socket.id.value;
  }
}

TEST(Connect, TimelineTellsTheStory) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.syn_retransmitted(1000);
  c.established(1001);
  c.request(1100, 77);
  c.acked(1101);
  c.snapshot(trace.correlator, 2000, model::SnapshotMoment::kEnd);
  const Picture picture = trace.end(2000);
  EXPECT_THAT(kinds_of(picture.sockets.at(0)),
              ::testing::ElementsAre("connect", "syn_retransmit", "established", "request", "request_acked"));
  EXPECT_EQ(mark_of<model::mark::Request>(picture.sockets.at(0))->bytes, 77U);
}

TEST(ConnectOutcome, FromTheErrorsOfTheKernel) {
  struct Row {
    int error;
    int soft;
    bool syn;
    bool reset;
    ConnectOutcome expected;
  };
  for (const Row& row : {Row{ECONNREFUSED, 0, true, true, ConnectOutcome::kRefused},
                         Row{ECONNREFUSED, 0, true, false, ConnectOutcome::kRefused},
                         Row{ETIMEDOUT, 0, true, false, ConnectOutcome::kTimedOut},
                         Row{ETIMEDOUT, EHOSTUNREACH, true, false, ConnectOutcome::kUnreachable},
                         Row{EHOSTUNREACH, 0, true, false, ConnectOutcome::kUnreachable},
                         Row{ENETUNREACH, 0, true, false, ConnectOutcome::kUnreachable},
                         Row{EACCES, 0, true, false, ConnectOutcome::kUnreachable},
                         Row{ECONNRESET, 0, true, true, ConnectOutcome::kReset},
                         Row{EADDRNOTAVAIL, 0, false, false, ConnectOutcome::kLocalError},
                         Row{ECONNABORTED, 0, true, false, ConnectOutcome::kAbandoned},
                         Row{0, 0, true, false, ConnectOutcome::kAbandoned},
                         Row{0, EHOSTUNREACH, true, false, ConnectOutcome::kUnreachable},
                         Row{0, 0, false, false, ConnectOutcome::kLocalError}}) {
    const model::StateChanged change{.from = TcpState::kSynSent,
                                     .to = TcpState::kClose,
                                     .socket_error = row.error,
                                     .soft_error = row.soft,
                                     .syn_was_sent = row.syn};
    EXPECT_EQ(failed_outcome(change, row.reset), row.expected) << row.error << " " << row.soft << " " << row.syn;
  }
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
