// SPDX-License-Identifier: Apache-2.0
#include "correlate/series.h"

#include <algorithm>

namespace tcpdiag::correlate {

SecondCounts& SecondCounts::operator+=(const SecondCounts& other) {
  connects += other.connects;
  connect_failures += other.connect_failures;
  retransmits += other.retransmits;
  resets += other.resets;
  exchanges += other.exchanges;
  return *this;
}

SecondCounts& SecondSeries::at(std::int64_t cell) {
  const auto before = [](const Cell& c, std::int64_t index) { return c.index < index; };
  // Nearly always the newest one or a new one behind it.
  if (cells_.empty() || cells_.back().index < cell) return cells_.emplace_back(Cell{cell, {}}).counts;
  const auto found = std::lower_bound(cells_.begin(), cells_.end(), cell, before);
  if (found->index == cell) return found->counts;
  return cells_.insert(found, Cell{cell, {}})->counts;
}

void SecondSeries::halve() {
  std::vector<Cell> merged;
  for (const Cell& cell : cells_) {
    const std::int64_t index = cell.index >> 1;
    if (merged.empty() || merged.back().index != index) merged.push_back(Cell{index, {}});
    merged.back().counts += cell.counts;
  }
  cells_ = std::move(merged);
}

model::Series SecondSeries::to_series(std::int64_t start_offset_us, std::int64_t interval_s, std::size_t n,
                                      unsigned shift, bool exchanges_known) const {
  model::Series series;
  series.start_offset_us = start_offset_us;
  series.interval_s = static_cast<double>(interval_s << shift);
  series.n = n;
  const auto zeros = std::vector<std::optional<std::int64_t>>(n, 0);
  auto& connects = series.arrays["connects"] = zeros;
  auto& connect_failures = series.arrays["connect_failures"] = zeros;
  auto& retransmits = series.arrays["retransmits"] = zeros;
  auto& resets = series.arrays["resets"] = zeros;
  std::vector<std::optional<std::int64_t>>* exchanges = nullptr;
  if (exchanges_known) exchanges = &(series.arrays["exchanges"] = zeros);
  if (n == 0) return series;
  for (const Cell& cell : cells_) {
    const auto i =
        static_cast<std::size_t>(std::clamp<std::int64_t>(cell.index >> shift, 0, static_cast<std::int64_t>(n) - 1));
    *connects[i] += cell.counts.connects;
    *connect_failures[i] += cell.counts.connect_failures;
    *retransmits[i] += cell.counts.retransmits;
    *resets[i] += cell.counts.resets;
    if (exchanges != nullptr) *(*exchanges)[i] += static_cast<std::int64_t>(cell.counts.exchanges);
  }
  return series;
}

}  // namespace tcpdiag::correlate
