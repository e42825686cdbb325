// SPDX-License-Identifier: Apache-2.0
// Rounds of samples are about a second apart and close to the turn of a UTC second, so a difference belongs as a whole
// to the second (or the wider cell) in which the middle of its time lies. On a busy host a round may come late: then
// counts are spread evenly over its time, so that a steady rate stays one. Where rounds are missing, counts are spread
// too, and delays are reported for none of these seconds, unless all of them are one cell.
#include "correlate/differences.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "correlate/counting.h"

namespace tcpdiag::correlate {
namespace {

using model::EndpointSample;
using model::Measure;
using model::MonoTime;

// Samples of one round are read one after the other.
constexpr model::Duration kRoundTakes = std::chrono::milliseconds(200);
// As far from the turn of a second, a round's counts are no longer those of one second: 2 % of a rate.
constexpr model::Duration kLate = std::chrono::milliseconds(20);

// What was added to a sum that only grows; nothing when it was begun anew.
std::uint64_t more(std::uint64_t now, std::uint64_t before) { return now > before ? now - before : 0; }

struct Difference {
  std::uint64_t exchanges = 0;
  Measured measured;
};

Difference difference_of(const EndpointSample& now, const EndpointSample& before) {
  Difference added;
  added.exchanges = more(now.exchanges, before.exchanges);
  Measured& m = added.measured;
  m.bytes_sent = more(now.bytes_sent, before.bytes_sent);
  m.bytes_received = more(now.bytes_received, before.bytes_received);
  m.segments_sent = more(now.segments_sent, before.segments_sent);
  m.segments_received = more(now.segments_received, before.segments_received);
  m.out_of_order = more(now.out_of_order_segments, before.out_of_order_segments);
  m.path_signs = now.path_signs.since(before.path_signs);
  m.zero_window_received_us = more(now.zero_window_received_us, before.zero_window_received_us);
  m.busy_us = more(now.busy_us, before.busy_us);
  m.rwnd_limited_us = more(now.rwnd_limited_us, before.rwnd_limited_us);
  m.sndbuf_limited_us = more(now.sndbuf_limited_us, before.sndbuf_limited_us);
  for (const Measure measure : model::kKernelMeasures) {
    // first_byte is in no series of the report, but in snapshots.
    const bool is_wanted = model::is_reported_by_second(measure) || measure == Measure::kFirstByte;
    if (is_wanted) m.delays.add(measure, now.of(measure).since(before.of(measure)));
  }
  return added;
}

bool has_counts(const Measured& m) {
  return (m.bytes_sent | m.bytes_received | m.segments_sent | m.segments_received | m.out_of_order |
          m.path_signs.ambiguous | m.zero_window_received_us | m.busy_us) != 0;
}

// `at`: where in time the second lies in which all of it happened.
void add_whole(State& state, EndpointRecord& endpoint, const Difference& added, MonoTime at) {
  if (added.exchanges > 0) count(state, endpoint, at, {.exchanges = added.exchanges});
  if (has_counts(added.measured) || !added.measured.delays.empty()) {
    add_measured(state, endpoint, second_number(state, at), added.measured);
  }
}

void spread(State& state, EndpointRecord& endpoint, const Difference& added, MonoTime begin, MonoTime end) {
  const MonoTime origin = series_origin(state);
  const double length = model::seconds(end - begin);
  MonoTime at = begin;
  while (at < end) {
    const MonoTime next = std::min(end, origin + std::chrono::seconds(second_number(state, at) + 1));
    const double from = model::seconds(at - begin) / length;
    const double to = next == end ? 1 : model::seconds(next - begin) / length;
    Difference piece;
    piece.exchanges = part_of(added.exchanges, from, to);
    const Measured& all = added.measured;
    Measured& m = piece.measured;
    m.bytes_sent = part_of(all.bytes_sent, from, to);
    m.bytes_received = part_of(all.bytes_received, from, to);
    m.segments_sent = part_of(all.segments_sent, from, to);
    m.segments_received = part_of(all.segments_received, from, to);
    m.out_of_order = part_of(all.out_of_order, from, to);
    m.path_signs = {};  // as path samples: none of these seconds has any
    m.zero_window_received_us = part_of(all.zero_window_received_us, from, to);
    m.busy_us = part_of(all.busy_us, from, to);
    m.rwnd_limited_us = part_of(all.rwnd_limited_us, from, to);
    m.sndbuf_limited_us = part_of(all.sndbuf_limited_us, from, to);
    add_whole(state, endpoint, piece, at);
    at = next;
  }
}

}  // namespace

std::uint64_t part_of(std::uint64_t count, double from, double to) {
  const auto until = [count](double share) {
    return share >= 1 ? count : static_cast<std::uint64_t>(static_cast<double>(count) * share);
  };
  return until(to) - until(from);
}

MonoTime begin_of_round(State& state, const EndpointRecord& endpoint, bool was_known, MonoTime at) {
  if (!state.newest_round || at - *state.newest_round > kRoundTakes) {
    state.previous_round = state.newest_round;
    state.newest_round = at;
  }
  MonoTime begin = std::min(series_origin(state), at);
  if (state.start) begin = std::min(state.start->clock.mono_at, at);
  if (state.previous_round) begin = std::max(begin, *state.previous_round);
  if (endpoint.sample) return std::max(begin, endpoint.sample->at);
  return was_known ? std::max(begin, std::min(endpoint.first_seen_at, at)) : begin;
}

void add_difference(State& state, EndpointRecord& endpoint, const EndpointSample& newer, MonoTime begin) {
  Difference added = endpoint.sample ? difference_of(newer, *endpoint.sample) : difference_of(newer, EndpointSample{});
  const MonoTime end = newer.at;
  const auto cell_of = [&state](MonoTime at) { return second_number(state, at) / state.series_interval_s; };
  // A sample close to the turn of a second tells of the one before, and one of the next begins there.
  const auto one_cell = [&](MonoTime first, MonoTime last) { return cell_of(first) == cell_of(std::max(first, last)); };
  const MonoTime middle = begin + (end - begin) / 2;
  if (one_cell(begin, end - model::Duration(1)) || (end - begin <= kOneRound && one_cell(begin + kLate, end - kLate))) {
    add_whole(state, endpoint, added, middle);
    return;
  }
  spread(state, endpoint, added, begin, end);
  if (end - begin > kOneRound) return;
  Difference delays;
  delays.measured.delays = std::move(added.measured.delays);
  delays.measured.path_signs = added.measured.path_signs;
  add_whole(state, endpoint, delays, middle);
}

}  // namespace tcpdiag::correlate
