// SPDX-License-Identifier: Apache-2.0
#include "correlate/snapshot.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "correlate/counting.h"

namespace tcpdiag::correlate {
namespace {

using model::Activity;
using Cell = SecondSeries::Cell;

// Of cells, by their index: the first, and the one behind the last.
struct CellRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
};

bool has_any(const Activity& activity) {
  const std::uint64_t sum = activity.connects | activity.exchanges | activity.exchanges_failed | activity.retransmits |
                            activity.resets | activity.bytes_sent | activity.bytes_received;
  return sum != 0 || std::any_of(activity.connect_outcomes.begin(), activity.connect_outcomes.end(),
                                 [](std::uint64_t count) { return count != 0; });
}

// The cells are in the order of their time: only those of the window are looked at.
void add_window(const SecondSeries& series, const CellRange& range, model::EndpointSnapshot& endpoint) {
  Delays delays;
  const std::vector<Cell>& cells = series.cells();
  for (auto cell = cells.rbegin(); cell != cells.rend() && cell->index >= range.first; ++cell) {
    if (cell->index >= range.end) continue;
    endpoint.window += activity_of(cell->counts);
    if (!cell->measured) continue;
    endpoint.window.bytes_sent += cell->measured->bytes_sent;
    endpoint.window.bytes_received += cell->measured->bytes_received;
    delays.merge(cell->measured->delays);
  }
  if (delays.empty()) return;
  for (const Measure measure : model::kAllMeasures) {
    const std::uint64_t count = delays.count(measure);
    if (count == 0) continue;
    endpoint.delays.push_back(
        {measure, count, delays.percentile(measure, 0.5).value_or(0), delays.percentile(measure, 0.99).value_or(0)});
  }
}

}  // namespace

Activity total_of(const EndpointRecord& endpoint) {
  Activity total = endpoint.counts;
  total.exchanges = endpoint.flows.exchanges;
  total.bytes_sent = endpoint.flows.bytes_sent;
  total.bytes_received = endpoint.flows.bytes_received;
  if (!endpoint.sample) return total;
  total.exchanges = endpoint.sample->exchanges;
  total.bytes_sent = std::max(total.bytes_sent, endpoint.sample->bytes_sent);
  total.bytes_received = std::max(total.bytes_received, endpoint.sample->bytes_received);
  return total;
}

model::Snapshot make_snapshot(const State& state, model::MonoTime now, model::Duration window) {
  const std::int64_t interval = state.series_interval_s;
  const std::int64_t now_s = second_number(state, now);
  const std::int64_t length_s = std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(window).count(), 0);
  const std::int64_t first_s = std::max({now_s - length_s, state.series_first_s, std::int64_t{0}});
  const CellRange range{first_s / interval, (now_s + interval - 1) / interval};

  model::Snapshot snapshot;
  snapshot.at = now;
  snapshot.window_end = series_origin(state) + std::chrono::seconds(now_s);
  snapshot.window_start = series_origin(state) + std::chrono::seconds(range.first * interval);
  if (state.start) {
    snapshot.window_start = std::clamp(state.start->clock.mono_at, snapshot.window_start, snapshot.window_end);
  }
  snapshot.open_sockets = state.open_now;
  snapshot.endpoints_known = state.endpoints.size();
  snapshot.endpoints_evicted = state.evicted.count;
  snapshot.loss = state.loss;
  snapshot.total = state.evicted.activity;
  snapshot.total.resets += state.stray.sent;
  for (const auto& [key, index] : state.endpoint_index) {
    const EndpointRecord& record = state.endpoints[index];
    model::EndpointSnapshot endpoint;
    add_window(record.series, range, endpoint);
    endpoint.total = total_of(record);
    snapshot.total += endpoint.total;
    snapshot.window += endpoint.window;
    if (record.open_now == 0 && !has_any(endpoint.window)) continue;
    endpoint.key = key;
    endpoint.last_seen_at = record.last_seen_at;
    endpoint.open_sockets = record.open_now;
    snapshot.endpoints.push_back(std::move(endpoint));
  }
  return snapshot;
}

}  // namespace tcpdiag::correlate
