// SPDX-License-Identifier: Apache-2.0
// Making, folding and keeping of records, within the limits.
#include <algorithm>
#include <chrono>
#include <tuple>

#include "correlate/connect.h"
#include "correlate/ending.h"
#include "correlate/state.h"

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

void keep_healthy(State& state, SocketRecord&& socket) {
  auto& heap = state.healthy;
  // With more_interesting() as "less", the heap's front is the least interesting one.
  if (heap.size() < state.limits.healthy_sockets) {
    heap.push_back(std::move(socket));
    std::push_heap(heap.begin(), heap.end(), more_interesting);
    return;
  }
  ++state.healthy_omitted;
  if (heap.empty() || !more_interesting(socket, heap.front())) return;
  std::pop_heap(heap.begin(), heap.end(), more_interesting);
  heap.back() = std::move(socket);
  std::push_heap(heap.begin(), heap.end(), more_interesting);
}

void keep(State& state, SocketRecord&& socket) {
  const bool has_room = state.failed.size() + state.notable.size() < state.limits.failed_sockets;
  switch (worth_of(socket)) {
    case Worth::kFailed:
      if (has_room) {
        state.failed.push_back(std::move(socket));
        return;
      }
      break;
    case Worth::kNotable:
      if (has_room && state.notable.size() < notable_limit(state.limits)) {
        state.notable.push_back(std::move(socket));
        return;
      }
      break;
    case Worth::kSlow:
      if (has_room && state.notable.size() < slow_limit(state.limits)) {
        state.notable.push_back(std::move(socket));
        return;
      }
      [[fallthrough]];
    case Worth::kHealthy:
      keep_healthy(state, std::move(socket));
      return;
  }
  ++state.failed_omitted;
  ++state.loss.sockets_full;
}

// The series of all endpoints keep within their memory, and the same interval.
void count_series(State& state, const EndpointRecord& endpoint, std::size_t bytes_before) {
  state.series_bytes += endpoint.series.bytes();
  state.series_bytes -= bytes_before;
  if (state.series_bytes <= state.limits.series_bytes) return;
  state.series_interval_s *= 2;
  state.series_bytes = 0;
  for (EndpointRecord& each : state.endpoints) {
    each.series.halve();
    state.series_bytes += each.series.bytes();
  }
}

void leave_ended(State& state) {
  const auto [at, id] = state.ended.front();
  state.ended.pop_front();
  const auto found = state.sockets.find(id);
  // A socket that connected again has a new record, and the old one was folded then.
  if (found != state.sockets.end() && found->second.closed_at == at) fold(state, id);
}

}  // namespace

std::size_t notable_limit(const Limits& limits) { return limits.failed_sockets / 2; }

std::size_t slow_limit(const Limits& limits) { return notable_limit(limits) / 2; }

Worth worth_of(const SocketRecord& socket) {
  if ((socket.outcome && is_failure(*socket.outcome)) || exchange_failed(socket)) return Worth::kFailed;
  if (socket.attempt && !socket.outcome) return Worth::kNotable;
  if (socket.end) {
    switch (socket.end->kind) {
      case model::EndKind::kResetReceived:
      case model::EndKind::kResetSent:
      case model::EndKind::kTimedOut:
        return Worth::kNotable;
      default:
        break;
    }
  } else if (exchange_pending(socket)) {
    return Worth::kNotable;
  }
  return socket.no_call_wait ? Worth::kSlow : Worth::kHealthy;
}

bool more_interesting(const SocketRecord& a, const SocketRecord& b) {
  const auto rank = [](const SocketRecord& s) {
    return std::tuple(~s.flow.first_byte_max_us, s.first_seen_at, s.ref.id);
  };
  return rank(a) < rank(b);
}

std::optional<ProcessKey> counted_as(const State& state, const SocketRecord& socket) {
  if (!socket.owner || socket.owner->pid == 0) return std::nullopt;
  ProcessKey key{socket.owner->pid, socket.owner->comm};
  const bool has_room = state.process_keys.size() < state.limits.processes || state.process_keys.contains(key);
  return has_room ? key : ProcessKey{0, socket.owner->comm};
}

void advance(State& state, MonoTime to) {
  if (!state.first_at) state.first_at = to;
  state.newest_at = std::max(state.newest_at, to);
  while (!state.ended.empty() && state.ended.front().first + kFoldAfter < state.newest_at) leave_ended(state);
}

std::optional<std::size_t> find_or_make_endpoint(State& state, const model::EndpointKey& key, MonoTime at) {
  const auto found = state.endpoint_index.find(key);
  if (found != state.endpoint_index.end()) {
    EndpointRecord& endpoint = state.endpoints[found->second];
    endpoint.first_seen_at = std::min(endpoint.first_seen_at, at);
    endpoint.last_seen_at = std::max(endpoint.last_seen_at, at);
    return found->second;
  }
  if (state.endpoints.size() >= state.limits.endpoints) return std::nullopt;
  EndpointRecord& endpoint = state.endpoints.emplace_back();
  endpoint.key = key;
  endpoint.first_seen_at = at;
  endpoint.last_seen_at = at;
  return state.endpoint_index[key] = state.endpoints.size() - 1;
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
  while (!state.ended.empty() && (state.sockets.size() >= most || state.ended.size() >= most)) leave_ended(state);
  if (state.sockets.size() >= most) {
    ++state.loss.sockets_full;
    return nullptr;
  }
  const auto endpoint = find_or_make_endpoint(state, model::endpoint_of(ref), at);
  if (!endpoint) {
    ++state.loss.endpoints_full;
    return nullptr;
  }
  SocketRecord& socket = state.sockets[id];
  socket.ref = ref;
  socket.endpoint = *endpoint;
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
  const auto endpoint = find_or_make_endpoint(state, key, socket.first_seen_at);
  if (!endpoint) return;
  if (socket.counted_open) {
    --state.endpoints[socket.endpoint].open_now;
    EndpointRecord& now = state.endpoints[*endpoint];
    now.open_peak = std::max(now.open_peak, ++now.open_now);
  }
  socket.endpoint = *endpoint;
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
  count_closed(state, socket);
  if (socket.open()) {  // it connects again, and how this attempt ended was lost
    socket.closed_at = state.newest_at;
    if (socket.attempt && !socket.outcome) socket.outcome = model::ConnectOutcome::kAbandoned;
  }
  const auto process = counted_as(state, socket);
  if (process && process->first != 0) state.process_keys.insert(*process);
  Tally& folded = state.endpoints[socket.endpoint].folded;
  if (process && place_of(folded, *process).first == 0) ++state.loss.processes_full;
  add_socket(folded, socket, process, state.newest_at);
  keep(state, std::move(socket));
}

MonoTime series_origin(const State& state) {
  if (!state.start) return state.first_at.value_or(MonoTime{});
  const auto& clock = state.start->clock;
  return clock.mono_at - (clock.wall_at - std::chrono::floor<std::chrono::seconds>(clock.wall_at));
}

std::int64_t second_number(const State& state, MonoTime at) {
  return std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(at - series_origin(state)).count(), 0);
}

SecondCounts& second_of(State& state, EndpointRecord& endpoint, MonoTime at) {
  const std::int64_t second = second_number(state, at);
  const std::size_t bytes_before = endpoint.series.bytes();
  endpoint.series.at(second / state.series_interval_s);
  count_series(state, endpoint, bytes_before);
  return endpoint.series.at(second / state.series_interval_s);
}

void add_measured(State& state, EndpointRecord& endpoint, std::int64_t second, const Measured& measured) {
  const std::size_t bytes_before = endpoint.series.bytes();
  endpoint.series.add(second / state.series_interval_s, measured);
  count_series(state, endpoint, bytes_before);
}

void add_delay(State& state, EndpointRecord& endpoint, MonoTime at, Measure measure, std::uint64_t value_us) {
  const std::size_t bytes_before = endpoint.series.bytes();
  endpoint.series.add(second_number(state, at) / state.series_interval_s, measure, value_us);
  count_series(state, endpoint, bytes_before);
}

}  // namespace tcpdiag::correlate
