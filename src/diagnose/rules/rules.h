// SPDX-License-Identifier: Apache-2.0
// The rules, one file each, in their order of precedence: a new one is a file and a line here. What each sees, believes
// and confuses: docs/findings.md.
#pragma once

#include "diagnose/rule.h"

// Of sockets: the first that claims one has it. Why in this order: what was true before the request (the peer had
// already closed, the connection had already died) explains the failure better than what the request met; what the peer
// did explains better than what this host did after it; resets by this host are often the consequence of a timeout.
// Connects that never were established are apart from all of these, and from each other by their outcome.
// Then of endpoints, by their seconds and histograms; no socket belongs to them. Last of the whole picture.
#define TCPDIAG_RULES(RULE)         \
  RULE(kPeerClosedBeforeReuse)      \
  RULE(kPeerForgotConnection)       \
  RULE(kPeerUnreachable)            \
  RULE(kPeerResetAfterIdle)         \
  RULE(kPeerResetAwaitingResponse)  \
  RULE(kPeerClosedAwaitingResponse) \
  RULE(kResponseStalled)            \
  RULE(kResponseTimeout)            \
  RULE(kFirstBytesUnanswered)       \
  RULE(kPeerGaveUp)                 \
  RULE(kLocalClose)                 \
  RULE(kLocalReset)                 \
  RULE(kConnectRefused)             \
  RULE(kConnectTimeout)             \
  RULE(kConnectFailedLocally)       \
  RULE(kFailuresUnexplained)        \
  RULE(kSlowConnect)                \
  RULE(kDroppedByThisHost)          \
  RULE(kThroughputCeiling)          \
  RULE(kPathQueueing)               \
  RULE(kLocalQueueing)              \
  RULE(kRetransmitLoss)             \
  RULE(kPathReordering)             \
  RULE(kSlowReader)                 \
  RULE(kPeerZeroWindow)             \
  RULE(kNagleDelayedAck)            \
  RULE(kWindowLimited)              \
  RULE(kDelayUnattributed)          \
  RULE(kDnsUnanswered)              \
  RULE(kDnsSlow)                    \
  RULE(kAppGap)                     \
  RULE(kNoOutboundAttempt)          \
  RULE(kReconnectStorm)             \
  RULE(kListenOverflow)             \
  RULE(kSynFlood)                   \
  RULE(kAllowanceExceeded)          \
  RULE(kEventsLost)

namespace tcpdiag::diagnose::rules {

#define TCPDIAG_DECLARE_RULE(name) extern const Rule name;
TCPDIAG_RULES(TCPDIAG_DECLARE_RULE)
#undef TCPDIAG_DECLARE_RULE

// The split of a dropped-by-this-host that a full queue of this host explains.
inline constexpr const char* kDroppedByOwnQueue = "out, queue";

}  // namespace tcpdiag::diagnose::rules
