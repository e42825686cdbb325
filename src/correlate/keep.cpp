// SPDX-License-Identifier: Apache-2.0
// Making, folding and keeping of records, within the limits.
#include <algorithm>
#include <chrono>
#include <utility>

#include "correlate/counting.h"
#include "correlate/ending.h"
#include "correlate/endpoints.h"
#include "correlate/state.h"
#include "correlate/tuples.h"

namespace tcpdiag::correlate {
namespace {

using model::MonoTime;

// A reset follows a connection's end within microseconds; a connect of the same process that decides whether a refused
// one mattered within a second.
constexpr model::Duration kFoldAfter = std::chrono::milliseconds(1500);

void count_open(State& state, SocketRecord& socket) {
  EndpointRecord& endpoint = state.endpoints[socket.endpoint];
  endpoint.open_peak = std::max(endpoint.open_peak, ++endpoint.open_now);
  state.open_peak = std::max(state.open_peak, ++state.open_now);
  socket.counted_open = true;
}

void count_closed(State& state, SocketRecord& socket) {
  if (!socket.counted_open) return;
  --state.endpoints[socket.endpoint].open_now;
  --state.open_now;
  socket.counted_open = false;
}

// Counted once, however much is told of it: as long as these are not too many themselves.
SocketRecord* leave_out(State& state, std::uint64_t id, bool is_over, std::uint64_t& lost) {
  const bool known = state.left_out.contains(id);
  if (!known) ++lost;
  if (is_over) {
    state.left_out.erase(id);
  } else if (!known && state.left_out.size() < kLeftOutKept) {
    state.left_out.insert(id);
  }
  return nullptr;
}

}  // namespace

std::optional<ProcessKey> counted_as(const State& state, const SocketRecord& socket) {
  if (!socket.owner || socket.owner->pid == 0) return std::nullopt;
  ProcessKey key{socket.owner->pid, socket.owner->comm};
  const bool has_room = state.process_keys.size() < state.limits.processes || state.process_keys.contains(key);
  return has_room ? key : ProcessKey{0, socket.owner->comm};
}

void advance(State& state, MonoTime to) {
  if (!state.first_at) state.first_at = to;
  state.newest_at = std::max(state.newest_at, to);
  while (!state.ended.empty() && state.ended.front().first + kFoldAfter < state.newest_at) fold_oldest(state);
  move_window(state);
}

bool fold_oldest(State& state) {
  if (state.ended.empty()) return false;
  const auto [at, id] = state.ended.front();
  state.ended.pop_front();
  const auto found = state.sockets.find(id);
  // A socket that connected again has a new record, and the old one was folded then.
  if (found != state.sockets.end() && found->second.closed_at == at) fold(state, id);
  return true;
}

SocketRecord* find_or_make(State& state, const model::SocketRef& ref, const model::Flow& flow, MonoTime at, bool begins,
                           bool is_over) {
  const std::uint64_t id = ref.id.value;
  auto found = state.sockets.find(id);
  // connect() again on the same socket, after a failure or a disconnect: another connection.
  if (found != state.sockets.end() && begins && (found->second.attempt || !found->second.open())) {
    fold(state, id);
    found = state.sockets.end();
  }
  if (found != state.sockets.end()) return &found->second;

  // Those that only wait for a late reset give way first. One socket may be there many times, if it connects again
  // and again.
  const std::size_t most = state.limits.open_sockets;
  while (!state.ended.empty() && (state.sockets.size() >= most || state.ended.size() >= most)) fold_oldest(state);
  if (state.sockets.size() >= most) return leave_out(state, id, is_over, state.loss.sockets_full);
  const auto endpoint = find_or_make_endpoint(state, model::endpoint_of(ref), at, true);
  if (!endpoint) return leave_out(state, id, is_over, state.loss.endpoints_full);
  if (!state.left_out.empty()) state.left_out.erase(id);
  SocketRecord& socket = state.sockets[id];
  socket.ref = ref;
  index_tuple(state, socket);
  enter_endpoint(state, socket, *endpoint);
  socket.flow = flow;
  socket.flow_at = at;
  socket.first_seen_at = at;
  if (is_over) {
    mark_over(state, socket, at);
  } else {
    count_open(state, socket);
  }
  return &socket;
}

void follow_role(State& state, SocketRecord& socket) {
  const model::EndpointKey key = model::endpoint_of(socket.ref);
  if (state.endpoints[socket.endpoint].key == key) return;
  // Where it is over, it might be folded itself.
  const auto endpoint = find_or_make_endpoint(state, key, socket.first_seen_at, socket.open());
  if (!endpoint) return;
  EndpointRecord& before = state.endpoints[socket.endpoint];
  EndpointRecord& now = state.endpoints[*endpoint];
  if (socket.counted_open) {
    --before.open_now;
    now.open_peak = std::max(now.open_peak, ++now.open_now);
  }
  before.flows -= socket.flow_counted;
  now.flows += socket.flow_counted;
  leave_endpoint(state, socket, state.newest_at);
  enter_endpoint(state, socket, *endpoint);
}

void mark_over(State& state, SocketRecord& socket, MonoTime at) {
  if (socket.closed_at) return;
  socket.closed_at = at;
  count_closed(state, socket);
  state.ended.emplace_back(at, socket.ref.id.value);
}

void fold(State& state, std::uint64_t id) {
  const auto found = state.sockets.find(id);
  SocketRecord socket = std::move(found->second);
  state.sockets.erase(found);
  forget_tuple(state, socket);
  count_closed(state, socket);
  if (socket.open()) {  // it connects again, and how this attempt ended was lost
    socket.closed_at = state.newest_at;
    if (socket.attempt && !socket.outcome) {
      socket.outcome = model::ConnectOutcome::kAbandoned;
      count_outcome(state, state.endpoints[socket.endpoint], state.newest_at, *socket.outcome);
    }
  }
  const auto process = counted_as(state, socket);
  if (process && process->first != 0) state.process_keys.insert(*process);
  Tally& folded = state.endpoints[socket.endpoint].folded;
  if (process && place_of(folded, *process).first == 0) ++state.loss.processes_full;
  add_socket(folded, socket, process, state.newest_at);
  for (SocketDropsRecord& drops : socket.drops) drops.ranges = {};  // nothing is sent again any more
  if (exchange_failed(socket)) count(state, state.endpoints[socket.endpoint], socket.end->at, {.exchanges_failed = 1});
  leave_endpoint(state, socket, socket.closed_at.value_or(state.newest_at));
  keep(state.kept, std::move(socket), state.limits, state.loss);
}

}  // namespace tcpdiag::correlate
