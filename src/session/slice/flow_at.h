// SPDX-License-Identifier: Apache-2.0
// A socket's figures at a moment at which nothing was reported of it.
//
// A recording reports a socket only when something happens to it: a change of state, a retransmission, a reset. What
// passed in between is known from the next figures: whether data came at all, and how the newest exchange went. That is
// enough for what matters most (what was it waiting for?), and often for its counts.
#pragma once

#include "model/socket.h"

namespace tcpdiag::session {

struct FlowAt {
  model::Flow flow;
  // Whether the counts of bytes, segments and exchanges are those of the moment. Else they are older: at least so much
  // had passed.
  bool has_counts = true;
};

// before: the newest figures before `t`. state: the one that they led to. after: the next ones, at `t` or later;
// nullptr: nothing was reported any more.
FlowAt flow_at(const model::Flow& before, model::TcpState state, const model::Flow* after, bool is_inbound,
               model::MonoTime t);

// As a trace would report it that began at `from`, when the counts were `base`: what is counted since a socket is
// tracked counts from there, and what happened before is left out, but for a request that still waited then.
model::Flow flow_since(const model::Flow& reported, const model::Flow& base, model::MonoTime from);

}  // namespace tcpdiag::session
