// SPDX-License-Identifier: Apache-2.0
// Why this host sent a RST, and in which phase of the connection one fell.
#include "model/reset_cause.h"

#include <gtest/gtest.h>

namespace tcpdiag::model {
namespace {

TEST(ResetReason, IsTheKernelsNameWithoutItsPrefix) {
  TraceStart start;
  EXPECT_EQ(reset_reason(start, 5), "");  // this kernel gives none
  start.reset_reasons = {{5, "SK_RST_REASON_TCP_STATE"}, {6, "NEW_FASHION"}};
  EXPECT_EQ(reset_reason(start, 5), "TCP_STATE");
  EXPECT_EQ(reset_reason(start, 6), "NEW_FASHION");
  EXPECT_EQ(reset_reason(start, 7), "reason_7");
  EXPECT_EQ(reset_reason(start, std::nullopt), "");
}

TEST(ResetCause, ComesFromTheKernelsReason) {
  const auto cause = [](std::string_view reason, ResetSent reset) {
    const ResetCause found = local_reset_cause(reason, reset, SocketRef{.id = {1}}, {});
    EXPECT_TRUE(found.from_kernel) << reason;
    return found.cause;
  };
  EXPECT_EQ(cause("TCP_ABORT_ON_CLOSE", {}), LocalResetCause::kAppClosedUnread);
  EXPECT_EQ(cause("TCP_ABORT_ON_CLOSE", {.process_exiting = true}), LocalResetCause::kProcessKilled);
  EXPECT_EQ(cause("TCP_STATE", {.linger_zero = true}), LocalResetCause::kAppLinger0);
  EXPECT_EQ(cause("TCP_STATE", {.unaccepted = true}), LocalResetCause::kListenerClosed);
  EXPECT_EQ(cause("TCP_ABORT_ON_LINGER", {}), LocalResetCause::kAppLinger0);
  EXPECT_EQ(cause("TCP_ABORT_ON_MEMORY", {}), LocalResetCause::kOutOfMemory);
  EXPECT_EQ(cause("TCP_KEEPALIVE_TIMEOUT", {}), LocalResetCause::kKeepaliveExpired);
  EXPECT_EQ(cause("TCP_ABORT_ON_DATA", {.answers_packet = true}), LocalResetCause::kAppClosedUnread);
  EXPECT_EQ(cause("NO_SOCKET", {.answers_packet = true}), LocalResetCause::kNoSocket);
  EXPECT_EQ(cause("TCP_TIMEWAIT_SOCKET", {.answers_packet = true}), LocalResetCause::kTimeWait);
  // `ss -K` shows only by the error that follows.
  const ResetCause open = local_reset_cause("TCP_STATE", {}, SocketRef{.id = {1}}, {});
  EXPECT_EQ(open.cause, LocalResetCause::kUnknown);
  EXPECT_FALSE(open.from_kernel);
  EXPECT_EQ(cause("TCP_ACK_UNSENT_DATA", {.answers_packet = true}), LocalResetCause::kUnknown);
}

TEST(ResetCause, IsElseDerivedFromTheSocket) {
  const auto cause = [](ResetSent reset, Flow flow, std::uint64_t id = 1) {
    const ResetCause found = local_reset_cause("", reset, SocketRef{.id = {id}}, flow);
    EXPECT_FALSE(found.from_kernel);
    return found.cause;
  };
  const Flow closed{.state = TcpState::kClose};
  const Flow unread{.state = TcpState::kClose, .unread_bytes = 7};
  EXPECT_EQ(cause({.linger_zero = true}, closed), LocalResetCause::kAppLinger0);
  EXPECT_EQ(cause({}, unread), LocalResetCause::kAppClosedUnread);
  EXPECT_EQ(cause({.process_exiting = true}, unread), LocalResetCause::kProcessKilled);
  EXPECT_EQ(cause({}, {.state = TcpState::kEstablished}), LocalResetCause::kUnknown);
  EXPECT_EQ(cause({.answers_packet = true, .previous_state = TcpState::kFinWait2}, closed),
            LocalResetCause::kAppClosedUnread);
  EXPECT_EQ(cause({.answers_packet = true}, {}, 0), LocalResetCause::kNoSocket);
  EXPECT_EQ(cause({.answers_packet = true, .in_time_wait = true}, {}, 0), LocalResetCause::kTimeWait);
  EXPECT_EQ(local_reset_cause("NOT_SPECIFIED", {.linger_zero = true}, SocketRef{.id = {1}}, closed).cause,
            LocalResetCause::kAppLinger0);
}

TEST(Phases, FollowTheState) {
  EXPECT_EQ(phase_of(TcpState::kSynSent), Phase::kSynSent);
  EXPECT_EQ(phase_of(TcpState::kEstablished), Phase::kEstablished);
  for (const auto state : {TcpState::kFinWait1, TcpState::kFinWait2, TcpState::kClosing, TcpState::kLastAck}) {
    EXPECT_EQ(phase_of(state), Phase::kAfterLocalFin);
  }
  EXPECT_EQ(phase_of(TcpState::kCloseWait), Phase::kAfterRemoteFin);
  EXPECT_EQ(phase_of(TcpState::kTimeWait), Phase::kTimeWait);
}

}  // namespace
}  // namespace tcpdiag::model
