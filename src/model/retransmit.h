// SPDX-License-Identifier: Apache-2.0
// What kind of retransmission an event of tcp_retransmit_skb was.
#pragma once

#include "model/event.h"
#include "model/measure.h"

namespace tcpdiag::model {

// The attempt that sent nothing. kBusy: the earlier copy has not left this host (-EBUSY: it still sits in a qdisc or
// the driver, or waits for an unresolved neighbour). The kernel counts these in none of its retransmission counters.
enum class RetransmitFailure { kNone, kBusy, kOther };
RetransmitFailure retransmit_failure(const Retransmitted& event);

// The kind, from the facts at the tracepoint; the constants are the same on all supported kernels. The order of the
// tests matters (include/net/inet_connection_sock.h, include/net/tcp.h):
//   0. the attempt was refused           -> retransmit_failure(); the kind is reported beside it
//   1. SYN flag, or SYN_SENT             -> syn
//   2. Loss and no timer pending         -> rto: the RTO handler has just cleared icsk_pending
//   3. Recovery                          -> fast, even while a loss probe timer is armed
//   4. loss probe timer, not yet in Recovery or Loss -> tlp (RFC 8985 section 7)
//   5. the rest, above all ACK-clocked repair after an RTO (Loss with the timer re-armed) -> other
// A SYN-ACK has its own event.
RetransmitKind retransmit_kind(const Retransmitted& event);

// The time from the first transmission to a retransmission of this kind.
Measure delay_of(RetransmitKind kind);

}  // namespace tcpdiag::model
