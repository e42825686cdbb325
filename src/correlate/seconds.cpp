// SPDX-License-Identifier: Apache-2.0
#include "correlate/seconds.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "correlate/abilities.h"
#include "correlate/counting.h"

namespace tcpdiag::correlate {
namespace {

using model::EndpointPicture;
using model::MonoTime;
using model::Second;
using Cell = SecondSeries::Cell;
using Values = std::vector<std::optional<std::int64_t>>;

std::optional<std::int64_t> as_value(const std::optional<std::uint64_t>& us) {
  return us ? std::optional(static_cast<std::int64_t>(*us)) : std::nullopt;
}

class Writer {
 public:
  Writer(const State& state, const EndpointRecord& record, const SeriesShape& shape, EndpointPicture& endpoint)
      : state_(state), shape_(shape), endpoint_(endpoint) {
    const bool sampled = record.sample.has_value();
    const model::Totals& totals = endpoint.totals;
    connects_ = make("connects", 0);
    connect_failures_ = make("connect_failures", 0);
    retransmits_ = make("retransmits", 0);
    resets_ = make("resets", 0);
    if (has("first_byte")) exchanges_ = make("exchanges", 0);
    const bool none_is_none = !are_sums_withheld(state, record);
    if (sampled || (none_is_none && totals.bytes_sent == 0)) bytes_sent_ = make("bytes_sent", 0);
    if (sampled || (none_is_none && totals.bytes_received == 0)) bytes_received_ = make("bytes_received", 0);
    if (sampled || (none_is_none && totals.segments_received == 0U)) out_of_order_ = make("out_of_order", 0);
    if (!sampled) return;
    if (has("rtt")) rtt_p50_ = make("rtt_p50_us");
    if (has("path_queue")) {
      path_p50_ = make("path_queue_p50_us");
      path_p99_ = make("path_queue_p99_us");
    }
    if (has("path_queue_in")) {
      path_in_p50_ = make("path_queue_in_p50_us");
      path_in_p99_ = make("path_queue_in_p99_us");
    }
    if (has("host_queue")) host_queue_p99_ = make("host_queue_p99_us");
    if (has("read_wait")) read_wait_p99_ = make("read_wait_p99_us");
    endpoint.seconds.resize(shape.n);
    for (std::size_t i = 0; i < shape.n; ++i) endpoint.seconds[i].whole = is_whole(static_cast<std::int64_t>(i));
  }

  void write(std::size_t i, const SecondCounts& counts, const Measured* measured) {
    *(*connects_)[i] += counts.connects;
    *(*connect_failures_)[i] += counts.connect_failures();
    *(*retransmits_)[i] += counts.retransmits;
    *(*resets_)[i] += counts.resets;
    add(exchanges_, i, counts.exchanges);
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
  bool has(const char* histogram) const { return endpoint_.histograms.contains(histogram); }

  Values* make(const char* name, std::optional<std::int64_t> value = {}) {
    return &(endpoint_.series.arrays[name] = Values(shape_.n, value));
  }

  static void add(Values* values, std::size_t i, std::uint64_t count) {
    if (values != nullptr) *(*values)[i] += static_cast<std::int64_t>(count);
  }

  static void set(Values* values, std::size_t i, const std::optional<std::uint64_t>& us) {
    if (values != nullptr) (*values)[i] = as_value(us);
  }

  std::optional<std::uint64_t> above_floor(const std::optional<std::uint64_t>& path_rtt_us) const {
    if (!path_rtt_us) return std::nullopt;
    return *path_rtt_us - std::min(*path_rtt_us, endpoint_.rtt_floor_us.value_or(0));
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
    second.path_ambiguous = measured.path_ambiguous;
    const Delays& delays = measured.delays;
    if (delays.empty()) return;
    second.connect_p50_us = delays.percentile(Delay::kSynRtt, 0.5);
    second.rtt_samples = delays.count(Delay::kRtt);
    set(rtt_p50_, i, delays.percentile(Delay::kRtt, 0.5));

    second.path_samples = delays.count(Delay::kPathRtt);
    second.path_rtt_p10_us = delays.percentile(Delay::kPathRtt, 0.1);
    second.path_rtt_p50_us = delays.percentile(Delay::kPathRtt, 0.5);
    set(path_p50_, i, above_floor(second.path_rtt_p50_us));
    set(path_p99_, i, above_floor(delays.percentile(Delay::kPathRtt, 0.99)));

    if (path_in_p50_ != nullptr) {  // else too few to speak for the path
      second.path_in_samples = delays.count(Delay::kPathQueueIn);
      second.path_queue_in_p50_us = delays.percentile(Delay::kPathQueueIn, 0.5);
      set(path_in_p50_, i, second.path_queue_in_p50_us);
      set(path_in_p99_, i, delays.percentile(Delay::kPathQueueIn, 0.99));
    }

    second.host_queue_samples = delays.count(Delay::kHostQueue);
    second.host_queue_p50_us = delays.percentile(Delay::kHostQueue, 0.5);
    second.host_queue_p99_us = delays.percentile(Delay::kHostQueue, 0.99);
    set(host_queue_p99_, i, second.host_queue_p99_us);

    second.read_wait_samples = delays.count(Delay::kReadWait);
    set(read_wait_p99_, i, delays.percentile(Delay::kReadWait, 0.99));
  }

  const State& state_;
  const SeriesShape& shape_;
  EndpointPicture& endpoint_;
  Values* connects_ = nullptr;
  Values* connect_failures_ = nullptr;
  Values* retransmits_ = nullptr;
  Values* resets_ = nullptr;
  Values* exchanges_ = nullptr;
  Values* bytes_sent_ = nullptr;
  Values* bytes_received_ = nullptr;
  Values* out_of_order_ = nullptr;
  Values* rtt_p50_ = nullptr;
  Values* path_p50_ = nullptr;
  Values* path_p99_ = nullptr;
  Values* path_in_p50_ = nullptr;
  Values* path_in_p99_ = nullptr;
  Values* host_queue_p99_ = nullptr;
  Values* read_wait_p99_ = nullptr;
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
