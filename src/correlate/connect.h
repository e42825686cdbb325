// SPDX-License-Identifier: Apache-2.0
// What became of a connect().
#pragma once

#include "model/event.h"
#include "model/picture.h"

namespace tcpdiag::correlate {

// The outcome of a connect that ended with this change of state from SYN_SENT or SYN_RECV to CLOSE.
// reset_seen: a RST was received in the handshake (it comes before the change of state).
model::ConnectOutcome failed_outcome(const model::StateChanged& change, bool reset_seen);

// Failed from the application's point of view: all but established and pending.
bool is_failure(model::ConnectOutcome outcome);

// An error report while connecting that stems from ICMP, and not from a RST or from the kernel's own timeout.
bool is_icmp_error(const model::ErrorReported& report, bool reset_seen);

}  // namespace tcpdiag::correlate
