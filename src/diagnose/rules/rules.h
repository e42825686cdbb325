// SPDX-License-Identifier: Apache-2.0
// The rules, one file each. What each sees, believes and confuses: docs/findings.md.
#pragma once

#include "diagnose/rule.h"

namespace tcpdiag::diagnose::rules {

extern const Rule kPeerClosedBeforeReuse;
extern const Rule kPeerResetAfterIdle;
extern const Rule kPeerResetAwaitingResponse;
extern const Rule kPeerClosedAwaitingResponse;
extern const Rule kResponseTimeout;
extern const Rule kFirstBytesUnanswered;
extern const Rule kPeerGaveUp;
extern const Rule kLocalReset;
extern const Rule kConnectRefused;
extern const Rule kConnectTimeout;
extern const Rule kConnectFailedLocally;
extern const Rule kListenOverflow;
extern const Rule kAllowanceExceeded;
extern const Rule kAppGap;
extern const Rule kNoOutboundAttempt;
extern const Rule kReconnectStorm;
extern const Rule kThroughputCeiling;
extern const Rule kPathQueueing;
extern const Rule kLocalQueueing;
extern const Rule kRetransmitLoss;
extern const Rule kSlowReader;
extern const Rule kPeerZeroWindow;
extern const Rule kDelayUnattributed;
extern const Rule kEventsLost;

}  // namespace tcpdiag::diagnose::rules
