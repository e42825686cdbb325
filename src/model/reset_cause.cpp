// SPDX-License-Identifier: Apache-2.0
// Two sources of the cause: the kernel's own reason (enum sk_rst_reason, 6.10+; exact), else what the socket looked
// like.
#include "model/reset_cause.h"

#include <fmt/format.h>

#include <cerrno>

namespace tcpdiag::model {

std::string reset_reason(const TraceStart& start, std::optional<std::uint32_t> reason) {
  constexpr std::string_view kPrefix = "SK_RST_REASON_";
  if (!reason || start.reset_reasons.empty()) return {};
  const auto found = start.reset_reasons.find(*reason);
  if (found == start.reset_reasons.end()) return fmt::format("reason_{}", *reason);
  std::string_view name = found->second;
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return std::string(name);
}

ResetCause local_reset_cause(std::string_view reason, const ResetSent& reset, const SocketRef& socket,
                             const Flow& flow) {
  if (!reason.empty() && reason != "NOT_SPECIFIED") {
    const auto known = [](LocalResetCause cause) { return ResetCause{cause, true}; };
    if (reason == "NO_SOCKET") return known(LocalResetCause::kNoSocket);
    if (reason == "TCP_TIMEWAIT_SOCKET") return known(LocalResetCause::kTimeWait);
    if (reason == "TCP_ABORT_ON_CLOSE") {  // close() or exit with unread data (RFC 2525 section 2.17)
      return known(reset.process_exiting ? LocalResetCause::kProcessKilled : LocalResetCause::kAppClosedUnread);
    }
    // The peer's data came after close(): the application did not want it any more (RFC 1122 section 4.2.2.13).
    if (reason == "TCP_ABORT_ON_DATA") return known(LocalResetCause::kAppClosedUnread);
    // tcp_disconnect() and tcp_abort() alike: SO_LINGER with 0 and a listener that closes (inet_csk_listen_stop) end in
    // the former, `ss -K` in the latter, which alone puts ECONNABORTED on the socket right afterwards.
    if (reason == "TCP_STATE" || reason == "TCP_DISCONNECT_WITH_DATA") {
      if (reset.linger_zero) return known(LocalResetCause::kAppLinger0);
      if (reset.unaccepted) return known(LocalResetCause::kListenerClosed);
      return {LocalResetCause::kUnknown, false};
    }
    if (reason == "TCP_ABORT_ON_LINGER") return known(LocalResetCause::kAppLinger0);  // TCP_LINGER2
    if (reason == "TCP_ABORT_ON_MEMORY") return known(LocalResetCause::kOutOfMemory);
    if (reason == "TCP_KEEPALIVE_TIMEOUT") return known(LocalResetCause::kKeepaliveExpired);
    return known(LocalResetCause::kUnknown);  // the reason itself is shown
  }
  if (reset.in_time_wait) return {LocalResetCause::kTimeWait, false};
  if (socket.id.value == 0) return {LocalResetCause::kNoSocket, false};
  if (reset.answers_packet) {
    const TcpState state = flow.state == TcpState::kClose ? reset.previous_state : flow.state;
    return {phase_of(state) == Phase::kAfterLocalFin ? LocalResetCause::kAppClosedUnread : LocalResetCause::kUnknown,
            false};
  }
  if (flow.state == TcpState::kClose || flow.state == TcpState::kUnknown) {  // tcp_close() sets the state first
    if (reset.linger_zero) return {LocalResetCause::kAppLinger0, false};
    if (reset.unaccepted) return {LocalResetCause::kListenerClosed, false};
    if (reset.process_exiting) return {LocalResetCause::kProcessKilled, false};
    if (flow.unread_bytes > 0) return {LocalResetCause::kAppClosedUnread, false};
  }
  return {LocalResetCause::kUnknown, false};
}

LocalResetCause cause_from_error(int socket_error, bool keepalive_on) {
  if (socket_error == ECONNABORTED) return LocalResetCause::kAbortedByAdmin;  // tcp_abort()
  if (socket_error == ETIMEDOUT && keepalive_on) return LocalResetCause::kKeepaliveExpired;
  return LocalResetCause::kUnknown;
}

Phase phase_of(TcpState state) {
  switch (state) {
    case TcpState::kSynSent:
    case TcpState::kSynRecv:
    case TcpState::kNewSynRecv:
      return Phase::kSynSent;
    case TcpState::kFinWait1:
    case TcpState::kFinWait2:
    case TcpState::kClosing:
    case TcpState::kLastAck:
      return Phase::kAfterLocalFin;
    case TcpState::kCloseWait:
      return Phase::kAfterRemoteFin;
    case TcpState::kTimeWait:
      return Phase::kTimeWait;
    case TcpState::kListen:
      return Phase::kNoSocket;
    case TcpState::kUnknown:
    case TcpState::kClose:
    case TcpState::kEstablished:
      break;
  }
  return Phase::kEstablished;
}

}  // namespace tcpdiag::model
