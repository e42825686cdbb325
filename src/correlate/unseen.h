// SPDX-License-Identifier: Apache-2.0
// What the kernel counted and nobody told of: another tracer that attaches, or a program that runs already, makes the
// kernel leave events out without a trace of them (docs/architecture.md, "Events that the kernel withholds").
#pragma once

#include "model/picture.h"

namespace tcpdiag::correlate {

// What events told of, where the totals have it in another form.
struct Told {
  std::uint64_t probes = 0;                  // connects of this program's own
  std::uint64_t retransmitted_segments = 0;  // SYN-ACKs among them
  std::uint64_t reset_ends = 0;              // connections that went to CLOSE from ESTABLISHED or CLOSE_WAIT
};

// Sets the unseen_* of the picture's loss from its totals and counters: 0 where a filter leaves sockets out or where
// the counters of a namespace are not known (but for retransmissions, which each socket counts too), and as far as
// other losses explain the difference.
void set_unseen(model::Picture& picture, const Told& told);

}  // namespace tcpdiag::correlate
