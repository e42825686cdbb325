// SPDX-License-Identifier: Apache-2.0
// Resets that this host sends: why, in which phase, and for whom.
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::EndKind;
using model::LocalResetCause;
using model::Phase;
using model::Picture;
using model::ResetSent;
using model::SocketStory;

model::TraceStart without_reasons() {
  model::TraceStart start = trace_start();
  start.reset_reasons.clear();
  start.abilities.clear();
  return start;
}

std::uint64_t in_phase(const Picture& picture, Phase phase) {
  return picture.totals.reset_phases.at(static_cast<std::size_t>(phase)).value_or(999);
}

TEST(ResetSent, LingerZeroByTheKernelsReason) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.abort(5010, {.reason = 14, .linger_zero = true});
  const Picture picture = trace.end(9000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetSent);
  EXPECT_EQ(story.end->cause, LocalResetCause::kAppLinger0);
  EXPECT_TRUE(story.end->cause_from_kernel);
  EXPECT_EQ(story.end->kernel_reason, "TCP_STATE");
  EXPECT_TRUE(story.end->by_application);
  EXPECT_TRUE(story.end->outstanding);
  EXPECT_DOUBLE_EQ(to_ms(story.end->wait), 5000);
  EXPECT_EQ(story.exchanges_failed, 1U);
  EXPECT_EQ(story.ended_with, model::EndedWith::kRst);
  EXPECT_EQ(story.ended_by, model::Terminator::kLocal);
  EXPECT_EQ(picture.totals.resets.sent, 1U);
  EXPECT_EQ(picture.totals.reset_reasons.at("TCP_STATE"), 1U);
  EXPECT_TRUE(picture.totals.reset_reasons_known);
  EXPECT_EQ(in_phase(picture, Phase::kEstablished), 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kResetSentWait).max(), 5'000'000U);
}

TEST(ResetSent, AloneIsAnEndToo) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.flow.unread_bytes = 100;
  c.emit(100, ResetSent{.reason = 11, .previous_state = TcpState::kEstablished}, TcpState::kClose);
  const SocketStory story = trace.end(9000).sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetSent);
  EXPECT_EQ(story.end->cause, LocalResetCause::kAppClosedUnread);
  EXPECT_EQ(story.end->phase, Phase::kEstablished);
  EXPECT_EQ(story.end->unread_bytes, 100U);
}

TEST(ResetSent, KeepaliveIsToldByTheErrorThatFollows) {
  Trace trace({}, without_reasons());
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.flow.keepalive_on = true;
  c.emit(90000, ResetSent{.previous_state = TcpState::kEstablished});
  c.gone(90000, ETIMEDOUT);
  const Picture picture = trace.end(99000);
  const SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->kind, EndKind::kResetSent);
  EXPECT_EQ(story.end->cause, LocalResetCause::kKeepaliveExpired);
  EXPECT_FALSE(story.end->cause_from_kernel);
  EXPECT_EQ(story.end->socket_error, ETIMEDOUT);
  EXPECT_FALSE(picture.totals.reset_reasons_known);
  EXPECT_TRUE(picture.totals.reset_reasons.empty());
}

TEST(ResetSent, SockDestroyIsToldByTheErrorThatFollows) {
  Trace trace({}, without_reasons());
  auto c = trace.outbound(1);
  c.open(0);
  c.emit(100, ResetSent{.previous_state = TcpState::kEstablished});
  c.gone(100, ECONNABORTED);
  EXPECT_EQ(trace.end(9000).sockets.at(0).end->cause, LocalResetCause::kAbortedByAdmin);
}

// The peer's data came after our close: FIN_WAIT2 -> CLOSE, the socket is destroyed, then the RST.
TEST(ResetSent, AfterTheEndOfItsSocket) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.close(5010);
  c.change(5020, TcpState::kFinWait2);
  c.gone(6000);
  c.emit(6000, model::Destroyed{}, TcpState::kClose);
  c.emit(6000, ResetSent{.reason = 8, .answers_packet = true, .previous_state = TcpState::kFinWait2}, TcpState::kClose);
  const Picture picture = trace.end(9000);
  ASSERT_EQ(picture.totals.sockets_seen, 1U);
  EXPECT_EQ(picture.sockets.at(0).end->kind, EndKind::kClosedLocally);  // that was first
  EXPECT_EQ(picture.sockets.at(0).exchanges_failed, 1U);
  EXPECT_EQ(picture.sockets.at(0).resets.sent, 1U);
  EXPECT_EQ(in_phase(picture, Phase::kAfterLocalFin), 1U);
  EXPECT_EQ(picture.totals.reset_reasons.at("TCP_ABORT_ON_DATA"), 1U);
}

TEST(ResetSent, WithoutASocketBelongsToTheTotalsOnly) {
  Trace trace;
  auto c = trace.outbound(0);
  c.flow.state = TcpState::kUnknown;
  c.emit(10, ResetSent{.reason = 1, .answers_packet = true});
  c.emit(20, ResetSent{.answers_packet = true, .in_time_wait = true});
  auto listener = trace.inbound(5);
  listener.emit(30, ResetSent{.answers_packet = true}, TcpState::kListen);
  const Picture picture = trace.end(1000);
  EXPECT_TRUE(picture.endpoints.empty());
  EXPECT_TRUE(picture.sockets.empty());
  EXPECT_EQ(picture.totals.resets.sent, 3U);
  EXPECT_EQ(in_phase(picture, Phase::kNoSocket), 2U);
  EXPECT_EQ(in_phase(picture, Phase::kTimeWait), 1U);
  EXPECT_EQ(picture.totals.reset_reasons.at("NO_SOCKET"), 1U);
}

TEST(ResetSent, PhasesWithoutASocketAreUnknownOnOlderKernels) {
  Trace trace({}, without_reasons());
  auto c = trace.outbound(1);
  c.open(0);
  const Picture picture = trace.end(1000);
  for (const auto& totals : {picture.totals, picture.endpoints.at(0).totals}) {
    EXPECT_EQ(totals.reset_phases.at(static_cast<std::size_t>(Phase::kTimeWait)), std::nullopt);
    EXPECT_EQ(totals.reset_phases.at(static_cast<std::size_t>(Phase::kNoSocket)), std::nullopt);
    EXPECT_EQ(totals.reset_phases.at(static_cast<std::size_t>(Phase::kEstablished)), 0U);
  }
}

TEST(ResetSent, InTheHandshakeItEndsNothing) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.emit(1, ResetSent{.answers_packet = true}, TcpState::kSynSent);  // a stray ACK
  c.established(1001);
  const Picture picture = trace.end(5000);
  EXPECT_EQ(picture.sockets.at(0).outcome, model::ConnectOutcome::kEstablished);
  EXPECT_FALSE(picture.sockets.at(0).end);
  EXPECT_EQ(in_phase(picture, Phase::kSynSent), 1U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
