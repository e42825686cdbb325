// SPDX-License-Identifier: Apache-2.0
#include "correlate/series.h"

#include <algorithm>

#include "correlate/connect.h"

namespace tcpdiag::correlate {

SecondCounts& SecondCounts::operator+=(const SecondCounts& other) {
  connects += other.connects;
  for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += other.outcomes[i];
  retransmits += other.retransmits;
  retransmits_rto += other.retransmits_rto;
  resets += other.resets;
  drops += other.drops;
  exchanges_failed += other.exchanges_failed;
  exchanges += other.exchanges;
  return *this;
}

std::uint32_t SecondCounts::connect_failures() const {
  std::uint32_t failures = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (is_failure(static_cast<model::ConnectOutcome>(i))) failures += outcomes[i];
  }
  return failures;
}

model::Activity activity_of(const SecondCounts& counts) {
  model::Activity activity;
  activity.connects = counts.connects;
  std::copy(counts.outcomes.begin(), counts.outcomes.end(), activity.connect_outcomes.begin());
  activity.exchanges = counts.exchanges;
  activity.exchanges_failed = counts.exchanges_failed;
  activity.retransmits = counts.retransmits;
  activity.retransmits_rto = counts.retransmits_rto;
  activity.resets = counts.resets;
  return activity;
}

Measured& Measured::operator+=(const Measured& other) {
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  segments_sent += other.segments_sent;
  segments_received += other.segments_received;
  out_of_order += other.out_of_order;
  path_signs += other.path_signs;
  zero_window_received_us += other.zero_window_received_us;
  busy_us += other.busy_us;
  rwnd_limited_us += other.rwnd_limited_us;
  sndbuf_limited_us += other.sndbuf_limited_us;
  delays.merge(other.delays);
  return *this;
}

std::size_t SecondSeries::bytes_of(const Cell& cell) {
  return sizeof(Cell) + (cell.measured ? sizeof(Measured) + cell.measured->delays.bytes() : 0);
}

SecondSeries::Cell& SecondSeries::cell_at(std::int64_t index) {
  const auto before = [](const Cell& c, std::int64_t wanted) { return c.index < wanted; };
  // Nearly always the newest one or a new one behind it.
  auto found = cells_.end();
  if (!cells_.empty() && cells_.back().index >= index) {
    found = std::lower_bound(cells_.begin(), cells_.end(), index, before);
    if (found->index == index) return *found;
  }
  found = cells_.emplace(found);
  found->index = index;
  bytes_ += sizeof(Cell);
  return *found;
}

Measured& SecondSeries::measured_at(std::int64_t index) {
  Cell& cell = cell_at(index);
  if (!cell.measured) {
    cell.measured = std::make_unique<Measured>();
    bytes_ += sizeof(Measured);
  }
  return *cell.measured;
}

void SecondSeries::add(std::int64_t cell, const Measured& measured) {
  Measured& sum = measured_at(cell);
  bytes_ -= sum.delays.bytes();
  sum += measured;
  bytes_ += sum.delays.bytes();
}

void SecondSeries::add(std::int64_t cell, Measure measure, std::uint64_t value_us) {
  Measured& sum = measured_at(cell);
  bytes_ -= sum.delays.bytes();
  sum.delays.add(measure, value_us);
  bytes_ += sum.delays.bytes();
}

void SecondSeries::forget_before(std::int64_t cell) {
  const auto end = std::find_if(cells_.begin(), cells_.end(), [cell](const Cell& each) { return each.index >= cell; });
  if (end == cells_.begin()) return;
  for (auto gone = cells_.begin(); gone != end; ++gone) bytes_ -= bytes_of(*gone);
  cells_.erase(cells_.begin(), end);
}

void SecondSeries::halve() {
  std::vector<Cell> merged;
  for (Cell& cell : cells_) {
    const std::int64_t index = cell.index >> 1;
    if (merged.empty() || merged.back().index != index) {
      merged.push_back(std::move(cell));
      merged.back().index = index;
      continue;
    }
    Cell& into = merged.back();
    into.counts += cell.counts;
    if (!into.measured) {
      into.measured = std::move(cell.measured);
    } else if (cell.measured) {
      *into.measured += *cell.measured;
    }
  }
  merged.shrink_to_fit();
  cells_ = std::move(merged);
  count_bytes();
}

void SecondSeries::count_bytes() {
  bytes_ = 0;
  for (const Cell& cell : cells_) bytes_ += bytes_of(cell);
}

}  // namespace tcpdiag::correlate
