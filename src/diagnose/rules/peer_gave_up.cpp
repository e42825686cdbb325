// SPDX-License-Identifier: Apache-2.0
// peer-gave-up: a client of this host closed or reset while our answer was outstanding. Only the place in the
// precedence yet: its sockets belong to no rule about connections that this host opened, and a reset of ours that
// follows is not reported on its own.
#include "diagnose/rules/rules.h"

namespace tcpdiag::diagnose::rules {
namespace {

using model::EndKind;

bool claims(const Case& socket) {
  const auto& end = socket.story.end;
  if (socket.endpoint.outbound() || !end) return false;
  return (end->kind == EndKind::kResetReceived || end->kind == EndKind::kClosedByPeer) && lost_exchange(socket.story);
}

}  // namespace

const Rule kPeerGaveUp{"peer-gave-up", claims, nullptr, nullptr, nullptr};

}  // namespace tcpdiag::diagnose::rules
