// SPDX-License-Identifier: Apache-2.0
#include "correlate/seconds.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "correlate/counting.h"
#include "correlate/features.h"

namespace tcpdiag::correlate {
namespace {

using model::EndpointPicture;
using model::MonoTime;
using model::Second;
using model::SeriesId;
using Cell = SecondSeries::Cell;
using Values = std::vector<std::optional<std::int64_t>>;

class Writer {
 public:
  Writer(const State& state, const EndpointRecord& record, const SeriesShape& shape, EndpointPicture& endpoint)
      : state_(state), shape_(shape), endpoint_(endpoint) {
    const bool sampled = record.sample.has_value();
    const model::Totals& totals = endpoint.totals;
    connects_ = make(SeriesId::kConnects, 0);
    connect_failures_ = make(SeriesId::kConnectFailures, 0);
    retransmits_ = make(SeriesId::kRetransmits, 0);
    resets_ = make(SeriesId::kResets, 0);
    if (totals.drops_known) drops_ = make(SeriesId::kDrops, 0);
    if (has(Measure::kFirstByte)) exchanges_ = make(SeriesId::kExchanges, 0);
    const bool none_is_none = !are_sums_withheld(state, record);
    if (sampled || (none_is_none && totals.bytes_sent == 0)) bytes_sent_ = make(SeriesId::kBytesSent, 0);
    if (sampled || (none_is_none && totals.bytes_received == 0)) bytes_received_ = make(SeriesId::kBytesReceived, 0);
    if (sampled || (none_is_none && totals.segments_received == 0U)) out_of_order_ = make(SeriesId::kOutOfOrder, 0);
    if (!sampled) return;
    for (const Measure measure : model::kKernelMeasures) {
      const model::MeasureInfo& info = model::info_of(measure);
      if (!model::is_reported_by_second(measure) || !has(measure)) continue;
      delays_.push_back({measure, info.has_p50_series ? make(model::p50_series(measure)) : nullptr,
                         info.has_p99_series ? make(model::p99_series(measure)) : nullptr});
    }
    endpoint.seconds.resize(shape.n);
    for (std::size_t i = 0; i < shape.n; ++i) endpoint.seconds[i].whole = is_whole(static_cast<std::int64_t>(i));
  }

  void write(std::size_t i, const SecondCounts& counts, const Measured* measured) {
    *(*connects_)[i] += counts.connects;
    *(*connect_failures_)[i] += counts.connect_failures();
    *(*retransmits_)[i] += counts.retransmits;
    *(*resets_)[i] += counts.resets;
    add(exchanges_, i, counts.exchanges);
    add(drops_, i, counts.drops);
    if (measured != nullptr) {
      add(bytes_sent_, i, measured->bytes_sent);
      add(bytes_received_, i, measured->bytes_received);
      add(out_of_order_, i, measured->out_of_order);
    }
    if (endpoint_.seconds.empty()) return;
    Second& second = endpoint_.seconds[i];
    second.exchanges = counts.exchanges;
    second.retransmits_rto = counts.retransmits_rto;
    if (measured != nullptr) write_measured(i, second, *measured);
  }

 private:
  bool has(Measure measure) const { return endpoint_.histograms.contains(measure); }

  Values* make(SeriesId id, std::optional<std::int64_t> value = {}) {
    return &(endpoint_.series.arrays[id] = Values(shape_.n, value));
  }

  static void add(Values* values, std::size_t i, std::uint64_t count) {
    if (values != nullptr) *(*values)[i] += static_cast<std::int64_t>(count);
  }

  // Without the floor, where samples of the measure hold it.
  std::optional<std::int64_t> reported(Measure measure, const std::optional<std::uint64_t>& us) const {
    if (!us) return std::nullopt;
    const std::uint64_t floor = model::info_of(measure).is_above_floor ? endpoint_.rtt_floor_us.value_or(0) : 0;
    return static_cast<std::int64_t>(*us - std::min(*us, floor));
  }

  // Wholly within the trace, and within what has been sampled so far.
  bool is_whole(std::int64_t i) const {
    constexpr model::Duration kHalfARound = std::chrono::milliseconds(500);
    const MonoTime begin = shape_.origin + std::chrono::seconds(i * shape_.interval_s);
    const MonoTime end = begin + std::chrono::seconds(shape_.interval_s);
    return begin >= shape_.start && end <= shape_.end && state_.newest_round &&
           end <= *state_.newest_round + kHalfARound;
  }

  void write_measured(std::size_t i, Second& second, const Measured& measured) {
    second.bytes_sent = measured.bytes_sent;
    second.bytes_received = measured.bytes_received;
    second.segments_sent = measured.segments_sent;
    second.segments_received = measured.segments_received;
    second.out_of_order = measured.out_of_order;
    second.zero_window_received_us = measured.zero_window_received_us;
    second.busy_us = measured.busy_us;
    second.rwnd_limited_us = measured.rwnd_limited_us;
    second.sndbuf_limited_us = measured.sndbuf_limited_us;
    second.path_signs = measured.path_signs;
    const Delays& delays = measured.delays;
    if (delays.empty()) return;
    for (const auto& [measure, p50, p99] : delays_) {
      if (p50 != nullptr) (*p50)[i] = reported(measure, delays.percentile(measure, 0.5));
      if (p99 != nullptr) (*p99)[i] = reported(measure, delays.percentile(measure, 0.99));
    }
    second.connect_p50_us = delays.percentile(Measure::kConnect, 0.5);
    second.rtt_samples = delays.count(Measure::kRtt);
    second.path_samples = delays.count(Measure::kPathQueue);
    second.path_rtt_p10_us = delays.percentile(Measure::kPathQueue, 0.1);
    second.path_rtt_p50_us = delays.percentile(Measure::kPathQueue, 0.5);
    if (has(Measure::kPathQueueIn)) {  // else too few to speak for the path
      second.path_in_samples = delays.count(Measure::kPathQueueIn);
      second.path_queue_in_p50_us = delays.percentile(Measure::kPathQueueIn, 0.5);
    }
    second.host_queue_samples = delays.count(Measure::kHostQueue);
    second.host_queue_p50_us = delays.percentile(Measure::kHostQueue, 0.5);
    second.host_queue_p99_us = delays.percentile(Measure::kHostQueue, 0.99);
    second.read_wait_samples = delays.count(Measure::kReadWait);
  }

  struct DelayArrays {
    Measure measure{};
    Values* p50 = nullptr;  // null: not reported
    Values* p99 = nullptr;
  };

  const State& state_;
  const SeriesShape& shape_;
  EndpointPicture& endpoint_;
  Values* connects_ = nullptr;
  Values* connect_failures_ = nullptr;
  Values* retransmits_ = nullptr;
  Values* resets_ = nullptr;
  Values* drops_ = nullptr;
  Values* exchanges_ = nullptr;
  Values* bytes_sent_ = nullptr;
  Values* bytes_received_ = nullptr;
  Values* out_of_order_ = nullptr;
  std::vector<DelayArrays> delays_;
};

}  // namespace

SeriesShape shape_of(const State& state, MonoTime start, MonoTime end) {
  constexpr std::int64_t kLongest = 1800;
  // Of all endpoints together; a value of an endpoint that was sampled takes about six times the memory.
  constexpr std::int64_t kAllTogether = 1'500'000;
  constexpr std::int64_t kSampledWeight = 6;
  const MonoTime origin = series_origin(state) + std::chrono::seconds(state.series_first_s);
  SeriesShape shape{origin, start, end, state.series_interval_s, state.series_first_s, 0, 0};
  const std::int64_t length_s =
      std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(end - shape.origin).count(), 0);
  std::int64_t weight = 0;
  for (const EndpointRecord& endpoint : state.endpoints) weight += endpoint.sample ? kSampledWeight : 1;
  const std::int64_t most = std::clamp<std::int64_t>(kAllTogether / std::max<std::int64_t>(weight, 1), 1, kLongest);
  while ((length_s + shape.interval_s - 1) / shape.interval_s > most) {
    shape.interval_s *= 2;
    ++shape.shift;
  }
  shape.n = static_cast<std::size_t>((length_s + shape.interval_s - 1) / shape.interval_s);
  return shape;
}

void set_series(const State& state, const EndpointRecord& record, const SeriesShape& shape, EndpointPicture& endpoint) {
  endpoint.series.start_offset_us = model::microseconds(shape.origin - shape.start);
  endpoint.series.interval_s = static_cast<double>(shape.interval_s);
  endpoint.series.n = shape.n;
  Writer writer(state, record, shape, endpoint);
  if (shape.n == 0) return;
  const std::int64_t first_cell = shape.first_s / state.series_interval_s;
  const auto value_of = [&shape, first_cell](const Cell& cell) {
    return std::clamp<std::int64_t>((cell.index - first_cell) >> shape.shift, 0,
                                    static_cast<std::int64_t>(shape.n) - 1);
  };
  const std::vector<Cell>& cells = record.series.cells();
  for (auto first = cells.begin(); first != cells.end();) {
    const std::int64_t value = value_of(*first);
    const auto end = std::find_if(first, cells.end(), [&](const Cell& cell) { return value_of(cell) != value; });
    const auto i = static_cast<std::size_t>(value);
    if (end - first == 1) {
      writer.write(i, first->counts, first->measured.get());
    } else {
      SecondCounts counts;
      Measured measured;
      for (auto cell = first; cell != end; ++cell) {
        counts += cell->counts;
        if (cell->measured) measured += *cell->measured;
      }
      writer.write(i, counts, &measured);
    }
    first = end;
  }
}

}  // namespace tcpdiag::correlate
