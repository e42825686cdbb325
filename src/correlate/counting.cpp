// SPDX-License-Identifier: Apache-2.0
#include "correlate/counting.h"

#include <algorithm>
#include <chrono>

namespace tcpdiag::correlate {
namespace {

using model::MonoTime;

void forget_seconds_before(State& state, std::int64_t second) {
  state.series_first_s = second;
  state.series_bytes = 0;
  for (EndpointRecord& endpoint : state.endpoints) {
    endpoint.series.forget_before(second / state.series_interval_s);
    state.series_bytes += endpoint.series.bytes();
  }
}

void halve(State& state) {
  state.series_interval_s *= 2;
  state.series_bytes = 0;
  for (EndpointRecord& endpoint : state.endpoints) {
    endpoint.series.halve();
    state.series_bytes += endpoint.series.bytes();
  }
}

void keep_within_bytes(State& state) {
  if (state.series_bytes <= state.limits.series_bytes) return;
  if (!state.limits.window_s) {
    halve(state);
    return;
  }
  const std::int64_t newest = second_number(state, state.newest_at);
  forget_seconds_before(state, state.series_first_s + (newest - state.series_first_s + 1) / 2);
}

// Runs `add` on the endpoint's series, then sees to the bounds. A second before the window is none.
template <typename Add>
void change(State& state, EndpointRecord& endpoint, std::int64_t second, Add add) {
  if (second < state.series_first_s) return;
  const std::size_t bytes_before = endpoint.series.bytes();
  add(endpoint.series, second / state.series_interval_s);
  state.series_bytes += endpoint.series.bytes();
  state.series_bytes -= bytes_before;
  keep_within_bytes(state);
}

template <typename Sockets>
std::uint64_t forget_old(Sockets& sockets, MonoTime before) {
  return std::erase_if(sockets, [before](const SocketRecord& socket) { return socket.closed_at < before; });
}

void forget_sockets_before(State& state, MonoTime before) {
  KeptSockets& kept = state.kept;
  kept.failed_omitted += forget_old(kept.failed, before) + forget_old(kept.notable, before);
  kept.healthy_omitted += forget_old(kept.healthy, before);
  std::make_heap(kept.healthy.begin(), kept.healthy.end(), more_interesting);
}

}  // namespace

MonoTime series_origin(const State& state) {
  if (!state.start) return state.first_at.value_or(MonoTime{});
  const auto& clock = state.start->clock;
  return clock.mono_at - (clock.wall_at - std::chrono::floor<std::chrono::seconds>(clock.wall_at));
}

std::int64_t second_number(const State& state, MonoTime at) {
  return std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(at - series_origin(state)).count(), 0);
}

void count(State& state, EndpointRecord& endpoint, MonoTime at, const SecondCounts& what) {
  endpoint.counts += activity_of(what);
  change(state, endpoint, second_number(state, at),
         [&what](SecondSeries& series, std::int64_t cell) { series.at(cell) += what; });
}

void count_outcome(State& state, EndpointRecord& endpoint, MonoTime at, model::ConnectOutcome outcome) {
  SecondCounts decided;
  decided.outcomes[static_cast<std::size_t>(outcome)] = 1;
  count(state, endpoint, at, decided);
}

void add_measured(State& state, EndpointRecord& endpoint, std::int64_t second, const Measured& measured) {
  change(state, endpoint, second, [&measured](SecondSeries& series, std::int64_t cell) { series.add(cell, measured); });
}

void add_delay(State& state, EndpointRecord& endpoint, MonoTime at, Measure measure, std::uint64_t value_us) {
  change(state, endpoint, second_number(state, at),
         [=](SecondSeries& series, std::int64_t cell) { series.add(cell, measure, value_us); });
}

void count_flow(State& state, SocketRecord& socket) {
  const FlowSums now{socket.flow.exchanges, socket.flow.bytes_sent, socket.flow.bytes_received};
  FlowSums& sums = state.endpoints[socket.endpoint].flows;
  sums -= socket.flow_counted;
  sums += now;
  socket.flow_counted = now;
}

void move_window(State& state) {
  if (!state.limits.window_s) return;
  const std::int64_t first = second_number(state, state.newest_at) - *state.limits.window_s + 1;
  if (first <= state.series_first_s) return;
  forget_seconds_before(state, first);
  forget_sockets_before(state, series_origin(state) + std::chrono::seconds(first));
}

}  // namespace tcpdiag::correlate
