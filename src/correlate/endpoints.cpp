// SPDX-License-Identifier: Apache-2.0
#include "correlate/endpoints.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "correlate/keep_limits.h"
#include "correlate/snapshot.h"
#include "correlate/totals.h"
#include "model/endpoint_sums.h"

namespace tcpdiag::correlate {
namespace {

using model::EndpointSample;
using model::MonoTime;

void set_idle(State& state, std::size_t index, std::optional<MonoTime> since) {
  EndpointRecord& endpoint = state.endpoints[index];
  if (endpoint.idle_since) state.idle_endpoints.erase({*endpoint.idle_since, index});
  endpoint.idle_since = since;
  if (since) state.idle_endpoints.emplace(*since, index);
}

// What of the source's sums is counted when the endpoint goes. Its sockets may have reported more than the newest
// sample.
EndpointSample counted_sums(const EndpointRecord& endpoint, const model::Totals& totals) {
  EndpointSample sums;
  if (endpoint.sample) sums = *endpoint.sample;
  if (!endpoint.sample && endpoint.counted_before) sums.generation = endpoint.counted_before->generation;
  sums.key = endpoint.key;
  sums.at = endpoint.last_seen_at;
  const auto raise = [](std::uint64_t& sum, std::uint64_t counted) { sum = std::max(sum, counted); };
  raise(sums.exchanges, totals.exchanges);
  raise(sums.bytes_sent, totals.bytes_sent);
  raise(sums.bytes_received, totals.bytes_received);
  raise(sums.segments_sent, totals.segments_sent.value_or(0));
  raise(sums.segments_received, totals.segments_received.value_or(0));
  raise(sums.out_of_order_segments, totals.out_of_order_segments.value_or(0));
  raise(sums.zero_window_received_us, totals.zero_window_received_us.value_or(0));
  if (endpoint.earlier) sums = since(std::move(sums), *endpoint.earlier);
  if (endpoint.counted_before) sums = together(*endpoint.counted_before, std::move(sums));
  return sums;
}

// The place of the endpoint that was idle for longest.
std::optional<std::size_t> make_room(State& state, bool may_fold) {
  // Sockets that only wait for a late reset leave first.
  while (may_fold && state.idle_endpoints.empty() && fold_oldest(state)) {
  }
  if (state.idle_endpoints.empty()) return std::nullopt;
  const std::size_t index = state.idle_endpoints.begin()->second;
  set_idle(state, index, std::nullopt);
  EndpointRecord& endpoint = state.endpoints[index];
  const model::Totals totals = totals_of(state, endpoint, endpoint.folded, known_zeros(state));
  add_totals(state.evicted.totals, totals);
  state.evicted.activity += total_of(endpoint);
  ++state.evicted.count;
  const bool is_sampled = endpoint.sample || endpoint.counted_before;
  state.evicted.sums.put(counted_sums(endpoint, totals), is_sampled, kEvictedSums);
  state.series_bytes -= endpoint.series.bytes();
  state.endpoint_index.erase(endpoint.key);
  endpoint = EndpointRecord();
  return index;
}

}  // namespace

std::optional<std::size_t> find_or_make_endpoint(State& state, const model::EndpointKey& key, MonoTime at,
                                                 bool may_fold) {
  if (const auto found = state.endpoint_index.find(key); found != state.endpoint_index.end()) {
    EndpointRecord& endpoint = state.endpoints[found->second];
    endpoint.first_seen_at = std::min(endpoint.first_seen_at, at);
    endpoint.last_seen_at = std::max(endpoint.last_seen_at, at);
    if (endpoint.idle_since) set_idle(state, found->second, endpoint.last_seen_at);
    return found->second;
  }
  std::optional<std::size_t> index;
  if (state.endpoints.size() < state.limits.endpoints) {
    index = state.endpoints.size();
    state.endpoints.emplace_back();
  } else {
    index = make_room(state, may_fold);
  }
  if (!index) return std::nullopt;
  EndpointRecord& endpoint = state.endpoints[*index];
  endpoint.key = key;
  endpoint.serial = ++state.endpoints_made;
  endpoint.first_seen_at = at;
  endpoint.last_seen_at = at;
  if (auto sums = state.evicted.sums.take(key)) {
    endpoint.counted_before = std::make_unique<EndpointSample>(std::move(*sums));
  }
  state.endpoint_index[key] = *index;
  set_idle(state, *index, at);
  return index;
}

void enter_endpoint(State& state, SocketRecord& socket, std::size_t index) {
  EndpointRecord& endpoint = state.endpoints[index];
  socket.endpoint = index;
  socket.endpoint_serial = endpoint.serial;
  if (endpoint.sockets++ == 0) set_idle(state, index, std::nullopt);
}

void leave_endpoint(State& state, const SocketRecord& socket, MonoTime at) {
  if (--state.endpoints[socket.endpoint].sockets == 0) set_idle(state, socket.endpoint, at);
}

const EndpointRecord* endpoint_of_kept(const State& state, const SocketRecord& socket) {
  const EndpointRecord& endpoint = state.endpoints[socket.endpoint];
  return endpoint.serial == socket.endpoint_serial ? &endpoint : nullptr;
}

EndpointSample sums_of(EndpointRecord& endpoint, const EndpointSample& sample) {
  EndpointSample sums = sample;
  auto& before = endpoint.counted_before;
  if (before && before->generation != sample.generation) before.reset();
  if (endpoint.sample && endpoint.sample->generation != sample.generation) {
    endpoint.earlier = std::make_unique<EndpointSample>(*endpoint.sample);
    endpoint.earlier->generation = sample.generation;  // since when they are the earlier ones
  }
  if (before) sums = since(std::move(sums), *before);
  if (endpoint.earlier) sums = together(*endpoint.earlier, std::move(sums));
  return sums;
}

}  // namespace tcpdiag::correlate
