// SPDX-License-Identifier: Apache-2.0
// The names of all enums as the reports show them. They are part of the JSON contract: never change one.
#include "model/event.h"
#include "model/finding.h"
#include "model/picture.h"
#include "model/report.h"
#include "model/socket.h"

namespace tcpdiag::model {

const char* to_string(Role role) {
  switch (role) {
    case Role::kUnknown:
      return "unknown";
    case Role::kOutbound:
      return "outbound";
    case Role::kInbound:
      return "inbound";
  }
  return "unknown";
}

const char* to_string(RetransmitKind kind) {
  switch (kind) {
    case RetransmitKind::kSyn:
      return "syn";
    case RetransmitKind::kSynAck:
      return "synack";
    case RetransmitKind::kRto:
      return "rto";
    case RetransmitKind::kFast:
      return "fast";
    case RetransmitKind::kTlp:
      return "tlp";
    case RetransmitKind::kOther:
      return "other";
  }
  return "other";
}

const char* to_string(ConnectOutcome outcome) {
  switch (outcome) {
    case ConnectOutcome::kEstablished:
      return "established";
    case ConnectOutcome::kRefused:
      return "refused";
    case ConnectOutcome::kReset:
      return "reset";
    case ConnectOutcome::kTimedOut:
      return "timed_out";
    case ConnectOutcome::kUnreachable:
      return "unreachable";
    case ConnectOutcome::kAbandoned:
      return "abandoned";
    case ConnectOutcome::kLocalError:
      return "local_error";
    case ConnectOutcome::kPending:
      return "pending";
  }
  return "pending";
}

const char* to_string(DropWay way) { return way == DropWay::kIn ? "in" : "out"; }

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::kSynSent:
      return "syn_sent";
    case Phase::kEstablished:
      return "established";
    case Phase::kAfterLocalFin:
      return "after_local_fin";
    case Phase::kAfterRemoteFin:
      return "after_remote_fin";
    case Phase::kTimeWait:
      return "time_wait";
    case Phase::kNoSocket:
      return "no_socket";
  }
  return "established";
}

const char* to_string(LocalResetCause cause) {
  switch (cause) {
    case LocalResetCause::kAppClosedUnread:
      return "app_closed_unread";
    case LocalResetCause::kAppLinger0:
      return "app_linger0";
    case LocalResetCause::kProcessKilled:
      return "process_killed";
    case LocalResetCause::kKeepaliveExpired:
      return "keepalive_expired";
    case LocalResetCause::kOutOfMemory:
      return "out_of_memory";
    case LocalResetCause::kAbortedByAdmin:
      return "aborted_by_admin";
    case LocalResetCause::kListenerClosed:
      return "listener_closed";
    case LocalResetCause::kNoSocket:
      return "no_socket";
    case LocalResetCause::kTimeWait:
      return "time_wait";
    case LocalResetCause::kUnknown:
      return "unknown";
  }
  return "unknown";
}

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::kNotice:
      return "notice";
    case Severity::kWarning:
      return "warning";
    case Severity::kCritical:
      return "critical";
  }
  return "notice";
}

const char* in_capitals(Severity severity) {
  switch (severity) {
    case Severity::kNotice:
      return "NOTICE";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kCritical:
      return "CRITICAL";
  }
  return "NOTICE";
}

const char* to_string(Confidence confidence) {
  switch (confidence) {
    case Confidence::kLow:
      return "low";
    case Confidence::kMedium:
      return "medium";
    case Confidence::kHigh:
      return "high";
  }
  return "low";
}

const char* to_string(Whose whose) {
  switch (whose) {
    case Whose::kUs:
      return "us";
    case Whose::kPeer:
      return "peer";
    case Whose::kCloud:
      return "cloud";
  }
  return "us";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCauseFound:
      return "cause_found";
    case Verdict::kSymptomsOnly:
      return "symptoms_only";
    case Verdict::kNothingFound:
      return "nothing_found";
    case Verdict::kNothingMatched:
      return "nothing_matched";
    case Verdict::kNothingSeen:
      return "nothing_seen";
    case Verdict::kNotTrustworthy:
      return "not_trustworthy";
  }
  return "nothing_found";
}

}  // namespace tcpdiag::model
