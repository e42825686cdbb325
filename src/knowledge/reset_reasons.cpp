// SPDX-License-Identifier: Apache-2.0
#include "knowledge/reset_reasons.h"

#include <array>

namespace tcpdiag::knowledge {
namespace {

using model::LocalResetCause;

struct ReasonRow {
  std::string_view name;
  std::string_view words;
};

// Meanings: include/net/rstreason.h and include/net/dropreason-core.h of 6.18. Which of them appears when was tried on
// 6.18: closing with SO_LINGER 0 gives TCP_STATE, not TCP_ABORT_ON_LINGER (that one is TCP_LINGER2 below 0, or a
// FIN_WAIT2 that is cut short), and so does `ss -K` (SOCK_DESTROY).
constexpr std::array kReasons = {
    ReasonRow{"NOT_SPECIFIED", "the kernel gave no reason"},
    ReasonRow{"NO_SOCKET",
              "a packet came for which this host has no socket (closed port, or a connection that is gone)"},
    ReasonRow{"TCP_INVALID_ACK_SEQUENCE", "an ACK was outside of what had been sent (stale packet, reused NAT port)"},
    ReasonRow{"TCP_RFC7323_PAWS", "a packet's timestamp was too old (RFC 7323 PAWS)"},
    ReasonRow{"TCP_TOO_OLD_ACK", "an ACK was far too old"},
    ReasonRow{"TCP_ACK_UNSENT_DATA", "an ACK covered data that was never sent"},
    ReasonRow{"TCP_FLAGS", "a packet had impossible TCP flags"},
    ReasonRow{"TCP_OLD_ACK", "an old ACK came during the handshake"},
    ReasonRow{"TCP_ABORT_ON_DATA", "data came after the application had closed the connection"},
    ReasonRow{"TCP_TIMEWAIT_SOCKET", "data came for a connection that was already closed (TIME_WAIT)"},
    ReasonRow{"INVALID_SYN", "a SYN came inside of an existing connection"},
    ReasonRow{"TCP_ABORT_ON_CLOSE", "it was closed while received data was still unread (RFC 2525 section 2.17)"},
    ReasonRow{"TCP_ABORT_ON_LINGER", "its FIN_WAIT2 was cut short (TCP_LINGER2)"},
    ReasonRow{"TCP_ABORT_ON_MEMORY", "the kernel ran out of TCP memory, or of orphaned sockets"},
    ReasonRow{"TCP_STATE", "it was aborted (SO_LINGER with 0 seconds, or SOCK_DESTROY)"},
    ReasonRow{"TCP_KEEPALIVE_TIMEOUT", "the peer answered none of the keepalive probes"},
    ReasonRow{"TCP_DISCONNECT_WITH_DATA", "the application disconnected it with data not sent or not read"},
    ReasonRow{"ERROR", "an error inside of the kernel"},
};

const ReasonRow* find_row(std::string_view name) {
  for (const ReasonRow& row : kReasons) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view reset_reason_words(std::string_view name) {
  if (const ReasonRow* row = find_row(name)) return row->words;
  if (name.starts_with("MPTCP_")) return "Multipath TCP ended this subflow (RFC 8684 section 3.6)";
  return {};
}

std::string_view local_reset_cause_words(LocalResetCause cause) {
  switch (cause) {
    case LocalResetCause::kAppClosedUnread:
      return "the application closed with received data unread";
    case LocalResetCause::kAppLinger0:
      return "the application aborted (SO_LINGER with 0 seconds)";
    case LocalResetCause::kProcessKilled:
      return "the process ended";
    case LocalResetCause::kKeepaliveExpired:
      return "the peer answered none of the keepalive probes";
    case LocalResetCause::kOutOfMemory:
      return "this host ran out of TCP memory or of orphaned sockets";
    case LocalResetCause::kAbortedByAdmin:
      return "somebody on this host aborted them (SOCK_DESTROY, ss -K)";
    case LocalResetCause::kListenerClosed:
      return "the listening socket was closed while they waited to be accepted";
    case LocalResetCause::kNoSocket:
      return "packets came for which this host has no socket";
    case LocalResetCause::kTimeWait:
      return "data came for connections that were already closed";
    case LocalResetCause::kUnknown:
      return "the reason is not known";
  }
  return "the reason is not known";
}

std::string_view local_reset_cause_words(std::string_view cause_name) {
  for (int i = 0; i <= static_cast<int>(LocalResetCause::kUnknown); ++i) {
    const auto cause = static_cast<LocalResetCause>(i);
    if (cause_name == model::to_string(cause)) return local_reset_cause_words(cause);
  }
  return cause_name;
}

}  // namespace tcpdiag::knowledge
