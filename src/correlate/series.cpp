// SPDX-License-Identifier: Apache-2.0
#include "correlate/series.h"

#include <algorithm>

namespace tcpdiag::correlate {

SecondCounts& SecondCounts::operator+=(const SecondCounts& other) {
  connects += other.connects;
  connect_failures += other.connect_failures;
  retransmits += other.retransmits;
  retransmits_rto += other.retransmits_rto;
  resets += other.resets;
  exchanges += other.exchanges;
  return *this;
}

Measured& Measured::operator+=(const Measured& other) {
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  segments_sent += other.segments_sent;
  segments_received += other.segments_received;
  out_of_order += other.out_of_order;
  path_ambiguous += other.path_ambiguous;
  zero_window_received_us += other.zero_window_received_us;
  delays.merge(other.delays);
  return *this;
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

void SecondSeries::halve() {
  std::vector<Cell> merged;
  std::size_t bytes = 0;
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
  for (const Cell& cell : merged) {
    bytes += sizeof(Cell) + (cell.measured ? sizeof(Measured) + cell.measured->delays.bytes() : 0);
  }
  cells_ = std::move(merged);
  bytes_ = bytes;
}

}  // namespace tcpdiag::correlate
