// SPDX-License-Identifier: Apache-2.0
// How connections end, and which of the ends are failed exchanges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::EndedWith;
using model::EndKind;
using model::Phase;
using model::Picture;
using model::SocketStory;
using model::Terminator;

TEST(Ending, ResetWhileARequestWaits) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10, 5);
  c.request(1315, 1412);
  c.acked(1316);
  c.flow.srtt_us = 800;
  c.reset_received(31315);
  const Picture picture = trace.end(40000);

  const SocketStory& story = picture.sockets.at(0);
  ASSERT_TRUE(story.end);
  EXPECT_EQ(story.end->kind, EndKind::kResetReceived);
  EXPECT_EQ(story.end->phase, Phase::kEstablished);
  EXPECT_TRUE(story.end->outstanding);
  EXPECT_FALSE(story.end->in_response);
  EXPECT_FALSE(story.end->after_peer_fin);
  EXPECT_DOUBLE_EQ(to_ms(story.end->wait), 30000);
  EXPECT_DOUBLE_EQ(to_ms(story.end->age), 31315);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle), 30000);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle_before_request), 1300);
  EXPECT_DOUBLE_EQ(to_ms(story.end->last_write_to_end), 30000);
  EXPECT_DOUBLE_EQ(to_ms(story.end->ack_after), 1);
  EXPECT_EQ(story.end->request_acked, true);
  EXPECT_EQ(story.end->request_bytes, 1412U);
  EXPECT_EQ(story.end->response_bytes, 0U);
  EXPECT_EQ(story.end->socket_error, ECONNRESET);
  EXPECT_EQ(story.end->srtt_us, 800U);
  EXPECT_EQ(story.end->rtt_us, std::nullopt);
  EXPECT_EQ(story.ended_by, Terminator::kRemote);
  EXPECT_EQ(story.ended_with, EndedWith::kRst);
  EXPECT_EQ(story.exchanges, 1U);
  EXPECT_EQ(story.exchanges_failed, 1U);
  EXPECT_EQ(story.closed_at, ms(31315));
  EXPECT_EQ(picture.totals.exchanges_failed, 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kResetReceivedWait).max(), 30'000'000U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kResetReceivedAge).count(), 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kResetReceivedIdle).count(), 1U);
  EXPECT_EQ(trace.correlator.failures(), 1U);
}

TEST(Ending, ResetCutsAResponse) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.response(20, 5000);
  c.reset_received(520);
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_FALSE(story.end->outstanding);
  EXPECT_TRUE(story.end->in_response);
  EXPECT_FALSE(story.end->wait);
  EXPECT_EQ(story.end->response_bytes, 5000U);
  EXPECT_EQ(story.exchanges_failed, 1U);
}

TEST(Ending, ResetOfAnUploadThatWasAnsweredEarlyFails) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10, 5);
  c.request(20, 9000);
  c.flow.answered_early_bytes = 250;
  c.reset_received(25);
  const SocketStory story = trace.end(9000).sockets.at(0);
  EXPECT_TRUE(story.end->outstanding);
  EXPECT_EQ(story.end->answered_early_bytes, 250U);
  EXPECT_EQ(story.exchanges_failed, 1U);
}

TEST(Ending, WhoClosesBehindAnEarlyAnswerHasIt) {
  for (const bool by_peer : {false, true}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.exchange(10, 5);
    c.request(20, 9000);
    c.flow.answered_early_bytes = 250;
    by_peer ? c.peer_fin(300) : c.close(300);
    const Picture picture = trace.end(9000);
    EXPECT_EQ(picture.totals.exchanges_failed, 0U) << by_peer;
  }
}

// An answer of 3000 bytes, after which nothing came for so long; then the application closes.
SocketStory silent_answer(double silence_ms, std::uint32_t reader_waited_ms, std::uint32_t gap_ms = 0) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.response(20, 3000);
  c.flow.reader_waited_us = reader_waited_ms * 1000;
  c.flow.response_gap_us = gap_ms * 1000;
  c.close(20 + silence_ms);
  return trace.end(90000).sockets.at(0);
}

TEST(Ending, AnAnswerThatStoppedWhileSomebodyWaitedFails) {
  const SocketStory story = silent_answer(4000, 3400);
  EXPECT_TRUE(story.end->stalled);
  EXPECT_EQ(story.exchanges_failed, 1U);
  EXPECT_EQ(story.end->response_silence, std::chrono::seconds(4));
  EXPECT_FALSE(silent_answer(4000, 0).end->stalled) << "a connection in a pool";
  EXPECT_FALSE(silent_answer(900, 700).end->stalled) << "a repair may be under way";
  EXPECT_FALSE(silent_answer(60000, 2000).end->stalled) << "nobody waited any more";
  EXPECT_FALSE(silent_answer(4000, 3400, 3000).end->stalled) << "a stream: it was as silent before";
}

TEST(Ending, MissingBytesNeedNoReader) {
  for (const bool goodbye : {false, true}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.request(10);
    c.response(20, 3000);
    c.flow.hole_at = ms(30);
    c.flow.hole_bytes = 14480;
    if (goodbye) c.request(4019, 31);  // TLS close_notify
    c.close(4020);
    const SocketStory story = trace.end(9000).sockets.at(0);
    EXPECT_TRUE(story.end->stalled) << goodbye;
    EXPECT_EQ(story.exchanges_failed, 1U) << goodbye;
    EXPECT_EQ(story.end->hole_bytes, 14480U);
  }
}

TEST(Ending, ResetOnAnIdlePoolSocketFailsNothing) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.reset_received(60011);
  const Picture picture = trace.end(70000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetReceived);
  EXPECT_FALSE(story.end->outstanding);
  EXPECT_FALSE(story.end->in_response);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle), 60000);
  EXPECT_EQ(story.exchanges_failed, 0U);
  EXPECT_EQ(picture.totals.exchanges_failed, 0U);
}

TEST(Ending, LostResetEventIsInferredFromTheError) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.gone(30010, ECONNRESET);
  const Picture picture = trace.end(40000);
  EXPECT_EQ(picture.sockets.at(0).end->kind, EndKind::kResetReceived);
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).end->wait), 30000);
  EXPECT_EQ(picture.totals.resets.received, 1U);
}

TEST(Ending, PlainCloseIsHealthy) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.close(20);
  c.change(21, TcpState::kFinWait2);
  c.gone(22);
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kClosedLocally);
  EXPECT_EQ(story.end->at, ms(20));
  EXPECT_TRUE(story.end->by_application);
  EXPECT_EQ(story.ended_by, Terminator::kLocal);
  EXPECT_EQ(story.ended_with, EndedWith::kFin);
  EXPECT_EQ(story.closed_at, ms(22));
  EXPECT_EQ(story.exchanges_failed, 0U);
  EXPECT_EQ(trace.correlator.failures(), 0U);
  EXPECT_EQ(trace.correlator.snapshot(ms(5000), {}).open_sockets, 0U);
}

TEST(Ending, CloseWhileWaitingIsAGiveUp) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(5);
  c.request(100);
  c.acked(101);
  c.close(60100);
  c.gone(60200);
  const Picture picture = trace.end(70000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kClosedLocally);
  EXPECT_TRUE(story.end->outstanding);
  EXPECT_DOUBLE_EQ(to_ms(story.end->wait), 60000);
  EXPECT_EQ(story.exchanges_failed, 1U);
  EXPECT_EQ(trace.correlator.failures(), 1U);
}

// TLS: close_notify is appended to the request that waits, just before the FIN.
TEST(Ending, AGoodbyeAfterALongWaitDoesNotHideThatTheRequestWasAcknowledged) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(100, 1000);
  c.acked(101);
  c.request(60100, 24);
  c.close(60100.2);
  const Picture picture = trace.end(61000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_TRUE(story.end->outstanding);
  EXPECT_DOUBLE_EQ(to_ms(story.end->wait), 60000.2);
  EXPECT_EQ(story.end->request_acked, true);
  EXPECT_FALSE(story.end->ack_after);
}

TEST(Ending, UnacknowledgedRequestIsSaidToBe) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(100, 1000);
  c.close(60100);
  EXPECT_EQ(trace.end(61000).sockets.at(0).end->request_acked, false);
}

TEST(Ending, AGoodbyeIsNoRequest) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.request(5011, 24);  // TLS close_notify
  c.close(5011.1);
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_FALSE(story.end->outstanding);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle), 5000.1);
  EXPECT_EQ(story.exchanges_failed, 0U);
  EXPECT_EQ(picture.totals.exchanges_pending, 0U);
}

TEST(Ending, AStreamInOneDirectionIsNoRequest) {
  for (const std::uint32_t mebibytes : {63U, 64U}) {
    Trace trace;
    auto c = trace.outbound(1);
    c.open(0);
    c.request(10, mebibytes << 20);
    c.peer_fin(5000);
    const Picture picture = trace.end(9000);
    const bool request = mebibytes < 64;
    EXPECT_EQ(picture.sockets.at(0).end->outstanding, request) << mebibytes;
    EXPECT_EQ(picture.totals.exchanges_failed, request ? 1U : 0U) << mebibytes;
  }
}

TEST(Ending, AClientsGoodbyeIsNoRequestEither) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.exchange(10);
  c.request(5011, 24);
  c.peer_fin(5011.1);
  EXPECT_EQ(trace.end(9000).totals.exchanges_failed, 0U);
}

TEST(Ending, HalfCloseThatIsAnsweredIsNoGiveUp) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.close(100);           // shutdown(SHUT_WR): "that was all I ask"
  c.response(200, 4000);  // in FIN_WAIT2
  c.flow.state = TcpState::kFinWait2;
  c.gone(201);
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kClosedLocally);
  EXPECT_FALSE(story.end->outstanding);
  EXPECT_EQ(story.exchanges_failed, 0U);
}

TEST(Ending, PeerFinWhileIdle) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.peer_fin(5011);
  c.close(5012);
  c.gone(5013);
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kClosedByPeer);
  EXPECT_EQ(story.ended_by, Terminator::kRemote);
  EXPECT_EQ(story.ended_with, EndedWith::kFin);
  EXPECT_EQ(story.exchanges_failed, 0U);
}

TEST(Ending, PeerFinInsteadOfAResponseIsAFailedExchange) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.peer_fin(500);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(picture.sockets.at(0).end->kind, EndKind::kClosedByPeer);
  EXPECT_TRUE(picture.sockets.at(0).end->outstanding);
  EXPECT_EQ(picture.totals.exchanges_failed, 1U);
  EXPECT_EQ(picture.totals.exchanges_pending, 0U);
  EXPECT_EQ(picture.endpoints.at(0).outcomes.at(0).outcome, "closed");
}

// The keep-alive race: the server closed the idle connection, the pool used it again.
TEST(Ending, WriteAfterThePeersFinMeetsAReset) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);    // last data at 11
  c.peer_fin(5011);  // after 5 s
  c.request(8011, 321);
  c.reset_received(8012);
  const Picture picture = trace.end(20000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetReceived);
  EXPECT_EQ(story.end->phase, Phase::kAfterRemoteFin);
  EXPECT_TRUE(story.end->after_peer_fin);
  EXPECT_TRUE(story.end->outstanding);
  EXPECT_DOUBLE_EQ(to_ms(story.end->fin_to_write), 3000);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle_at_fin), 5000);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle_before_request), 8000);
  EXPECT_EQ(story.end->socket_error, EPIPE);
  EXPECT_EQ(story.exchanges_failed, 1U);
  EXPECT_EQ(picture.totals.reset_phases[static_cast<std::size_t>(Phase::kAfterRemoteFin)], 1U);
}

TEST(Ending, TheFinsEventMayBeLost) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.flow.fin_received_at = ms(5011);
  c.flow.state = TcpState::kCloseWait;
  c.request(8011);
  c.reset_received(8012);
  const SocketStory story = trace.end(20000).sockets.at(0);
  EXPECT_TRUE(story.end->after_peer_fin);
  EXPECT_DOUBLE_EQ(to_ms(story.end->fin_to_write), 3000);
  EXPECT_DOUBLE_EQ(to_ms(story.end->idle_at_fin), 5000);
}

TEST(Ending, WriteAndFinCrossed) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.request(5010);
  c.peer_fin(5011);
  c.reset_received(5012);
  const SocketStory story = trace.end(20000).sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetReceived);
  EXPECT_TRUE(story.end->after_peer_fin);
  EXPECT_FALSE(story.end->fin_to_write);
  EXPECT_EQ(story.exchanges_failed, 1U);
}

TEST(Ending, ResetAfterThePeersFinWithoutAWriteKeepsTheFinAsTheEnd) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.peer_fin(5011);
  c.reset_received(5012);
  const Picture picture = trace.end(20000);
  EXPECT_EQ(picture.sockets.at(0).end->kind, EndKind::kClosedByPeer);
  EXPECT_EQ(picture.totals.resets.received, 1U);
  EXPECT_EQ(picture.totals.exchanges_failed, 0U);
}

TEST(Ending, ResetAfterOurFinIsCountedButNotTheEnd) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.close(20);
  c.reset_received(21);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(picture.sockets.at(0).end->kind, EndKind::kClosedLocally);
  EXPECT_EQ(picture.sockets.at(0).resets.received, 1U);
  EXPECT_EQ(picture.totals.reset_phases[static_cast<std::size_t>(Phase::kAfterLocalFin)], 1U);
}

TEST(Ending, KernelGivesUp) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.flow.request_rtos = 15;
  c.gone(900000, ETIMEDOUT);
  const SocketStory story = trace.end(901000).sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kTimedOut);
  EXPECT_EQ(story.end->socket_error, ETIMEDOUT);
  EXPECT_EQ(story.end->request_rtos, 15U);
  EXPECT_EQ(story.ended_with, EndedWith::kTimeout);
  EXPECT_EQ(story.exchanges_failed, 1U);
}

TEST(Ending, InboundClientResetsWhileOurAnswerIsOutstanding) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.request(10, 400);
  c.reset_received(5010);
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetReceived);
  EXPECT_TRUE(story.end->outstanding);
  EXPECT_EQ(story.end->request_acked, std::nullopt);
  EXPECT_EQ(story.exchanges_failed, 1U);
  EXPECT_FALSE(story.outcome);
  EXPECT_EQ(picture.totals.connects, 0U);
}

TEST(Ending, InboundHalfCloseThatIsAnsweredIsNoFailure) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.request(10, 4000);
  c.peer_fin(11);
  c.response(500);
  c.deliver();
  c.close(501);
  c.gone(502);
  EXPECT_EQ(trace.end(9000).totals.exchanges_failed, 0U);
}

TEST(Ending, InboundClientThatResetsAfterTheWholeAnswerFailsNothing) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.exchange(10);
  c.reset_received(12);
  EXPECT_EQ(trace.end(9000).totals.exchanges_failed, 0U);
}

// A client that leaves with a request outstanding has given up on its answer, also where the answer is already on its
// way and only waits in this host's qdisc: it will not be read. A benchmark does that at its end, with more requests
// under way than it needs answers. How short the wait was decides whether a rule speaks of it.
TEST(Ending, AClientThatLeavesBeforeItsQueuedAnswerHasGivenUp) {
  Trace trace;
  auto c = trace.inbound(1);
  c.established(0);
  c.exchange(10);
  c.request(1000, 40);
  c.flow.unacked_bytes = 32'000;  // written, but not yet seen at the device
  c.reset_received(1190);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(picture.totals.exchanges_failed, 1U);
  EXPECT_TRUE(picture.sockets.at(0).end->outstanding);
  EXPECT_EQ(picture.sockets.at(0).end->unacked_bytes, 32'000U);
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).end->wait), 190);
}

TEST(Ending, WithItsFinFirstTheAnswersFateDecides) {
  for (const bool acknowledged : {true, false}) {
    Trace trace;
    auto c = trace.inbound(1);
    c.established(0);
    c.request(1000, 400);
    c.flow.unacked_bytes = 32'000;
    c.peer_fin(1100);
    c.response(1150, 0);
    if (acknowledged) c.deliver();  // it only closed its sending side
    c.reset_received(1190);
    const Picture picture = trace.end(9000);
    EXPECT_EQ(picture.sockets.at(0).end->kind, EndKind::kClosedByPeer);
    EXPECT_EQ(picture.totals.exchanges_failed, acknowledged ? 0U : 1U);
  }
}

TEST(Ending, OpenWithARequestOutstandingIsPending) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(1000);
  c.snapshot(trace.correlator, 9000, model::SnapshotMoment::kEnd);
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_FALSE(story.end);
  EXPECT_TRUE(story.exchange_pending);
  EXPECT_DOUBLE_EQ(to_ms(story.pending_wait), 8000);
  EXPECT_EQ(picture.totals.exchanges_pending, 1U);
  EXPECT_EQ(picture.totals.exchanges_failed, 0U);
}

TEST(Ending, AlreadyClosingWhenTheTraceBeganIsNotPending) {
  Trace trace;
  auto c = trace.outbound(1).older_than_trace();
  c.flow.state = TcpState::kCloseWait;
  c.flow.outstanding = true;  // inferred: we had sent last
  c.flow.request_first_at = ms(-5000);
  c.flow.fin_received_at = ms(0);
  c.snapshot(trace.correlator, 0, model::SnapshotMoment::kStart);
  EXPECT_EQ(trace.correlator.picture_at(ms(50)).totals.exchanges_pending, 0U);
  c.close(100);
  c.gone(101);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(picture.totals.exchanges_failed, 0U);
  EXPECT_EQ(picture.sockets.at(0).end->kind, EndKind::kClosedByPeer);
}

TEST(Ending, TimelineOfAnIncident) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10, 500);
  c.acked(11);
  c.reset_received(30010);
  const Picture picture = trace.end(40000);
  EXPECT_THAT(kinds_of(picture.sockets.at(0)),
              ::testing::ElementsAre("connect", "established", "request", "request_acked", "reset_received", "closed"));
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
