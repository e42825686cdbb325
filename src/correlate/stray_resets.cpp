// SPDX-License-Identifier: Apache-2.0
#include "correlate/stray_resets.h"

#include <algorithm>

#include "correlate/totals.h"
#include "correlate/tuples.h"
#include "model/reset_cause.h"

namespace tcpdiag::correlate {
namespace {

void join(State& state, SocketRecord& socket, const model::Event& event, const model::ResetSent& reset) {
  if (!socket.inbound() && socket.outcome == model::ConnectOutcome::kAbandoned && socket.closed_at) {
    if (socket.ref.remote == event.socket.remote && !socket.late_syn_ack) {
      socket.late_syn_ack = std::max(event.at - *socket.closed_at, model::Duration::zero());
    }
    return;
  }
  if (!socket.open() || socket.end) return;  // it was over: such packets are answered like this
  ++socket.stray_resets;
  if (!socket.stray_reset_at) {
    socket.stray_reset_at = event.at;
    socket.stray_reset_to = event.socket.remote;
  }
  add_mark(socket,
           {event.at, model::mark::ResetSent{model::Phase::kNoSocket, model::LocalResetCause::kNoSocket, reset.reason}},
           state.limits.timeline_entries);
}

}  // namespace

std::string reason_name(const State& state, std::optional<std::uint32_t> reason) {
  return state.start ? model::reset_reason(*state.start, reason) : std::string();
}

void count_reason(std::map<std::string, std::uint64_t>& reasons, const std::string& reason) {
  if (!reason.empty()) add_reason(reasons, reason);
}

void stray_reset(State& state, const model::Event& event, const model::ResetSent& reset) {
  ++state.stray.sent;
  ++(reset.in_time_wait ? state.stray.in_time_wait : state.stray.no_socket);
  count_reason(state.stray.reasons, reason_name(state, reset.reason));
  if (reset.in_time_wait) return;
  SocketRecord* socket = find_by_tuple(state, event.socket);
  if (socket == nullptr) socket = find_by_local(state, event.socket);
  if (socket != nullptr) join(state, *socket, event, reset);
}

}  // namespace tcpdiag::correlate
