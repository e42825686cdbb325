// SPDX-License-Identifier: Apache-2.0
// The errors at SYN_SENT -> CLOSE, as observed: ECONNREFUSED after a RST (or ICMP port unreachable), ETIMEDOUT when the
// SYN retries are used up, the ICMP's own error where one had come (tcp_write_err() prefers the soft error), 0 when the
// application closed first.
#include "correlate/connect.h"

#include <cerrno>

namespace tcpdiag::correlate {
namespace {

bool is_unreachable(int error) {
  switch (error) {
    case 0:
    case ECONNREFUSED:
    case ETIMEDOUT:
    case ECONNRESET:
    case ECONNABORTED:
      return false;
    default:
      return true;  // EHOSTUNREACH, ENETUNREACH, EACCES (admin prohibited), ...: icmp_err_convert[]
  }
}

}  // namespace

model::ConnectOutcome failed_outcome(const model::StateChanged& change, bool reset_seen) {
  using model::ConnectOutcome;
  switch (change.socket_error) {
    case ECONNREFUSED:
      return ConnectOutcome::kRefused;
    case ECONNRESET:
      return ConnectOutcome::kReset;
    case ETIMEDOUT:
      return is_unreachable(change.soft_error) ? ConnectOutcome::kUnreachable : ConnectOutcome::kTimedOut;
    case EADDRNOTAVAIL:
    case ENOBUFS:
    case ENOMEM:
      return ConnectOutcome::kLocalError;
    case ECONNABORTED:
      return ConnectOutcome::kAbandoned;  // SOCK_DESTROY, `ss -K`
    case 0:
      break;
    default:
      return ConnectOutcome::kUnreachable;
  }
  if (reset_seen) return change.from == model::TcpState::kSynRecv ? ConnectOutcome::kReset : ConnectOutcome::kRefused;
  if (!change.syn_was_sent) return ConnectOutcome::kLocalError;
  return is_unreachable(change.soft_error) ? ConnectOutcome::kUnreachable : ConnectOutcome::kAbandoned;
}

bool is_failure(model::ConnectOutcome outcome) {
  return outcome != model::ConnectOutcome::kEstablished && outcome != model::ConnectOutcome::kPending;
}

bool is_icmp_error(const model::ErrorReported& report, bool reset_seen) {
  const int error = report.socket_error != 0 ? report.socket_error : report.soft_error;
  if (error == ECONNREFUSED) return !reset_seen;
  return is_unreachable(error) && error != EADDRNOTAVAIL;
}

}  // namespace tcpdiag::correlate
