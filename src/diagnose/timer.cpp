// SPDX-License-Identifier: Apache-2.0
// Idea: in sorted order a cluster is a run of neighbours. Runs are tried from the longest down; since a cluster must
// hold 80 % of the values, at most (20 % of n)^2 / 2 runs are looked at, each in constant time (20,000 values: 8
// million).
#include "diagnose/timer.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {
namespace {

model::Duration allowed_spread(model::Duration median) {
  const auto share = model::Duration(std::llround(static_cast<double>(median.count()) * kTimerMaxSpreadShare));
  return std::max(kTimerMaxSpread, share);
}

}  // namespace

std::optional<Timer> find_cluster(const Durations& values) {
  const auto& v = values.sorted();
  const std::size_t n = v.size();
  if (n < kTimerMinValues) return std::nullopt;
  const auto share = static_cast<std::size_t>(std::ceil(kTimerMinShare * static_cast<double>(n) - 1e-9));
  const std::size_t smallest = std::max(kTimerMinValues, share);
  for (std::size_t size = n; size >= smallest; --size) {
    std::optional<Timer> best;
    for (std::size_t first = 0; first + size <= n; ++first) {
      const Timer run{v[first + (size - 1) / 2], v[first], v[first + size - 1], size, n};
      if (run.median < kTimerMinMedian || run.spread() > allowed_spread(run.median)) continue;
      if (!best || run.spread() < best->spread()) best = run;
    }
    if (best) return best;
  }
  return std::nullopt;
}

std::optional<Timer> find_timer(const std::vector<Timed>& values) {
  std::vector<model::Duration> durations;
  durations.reserve(values.size());
  for (const Timed& value : values) durations.push_back(value.took);
  const auto timer = find_cluster(Durations(std::move(durations)));
  if (!timer) return std::nullopt;
  std::vector<model::MonoTime> starts;
  for (const Timed& value : values) {
    if (value.took >= timer->min && value.took <= timer->max) starts.push_back(value.until - value.took);
  }
  const auto [first, last] = std::minmax_element(starts.begin(), starts.end());
  const model::Duration spread = *last - *first;
  // Of values that are all the same, starts at one moment are one event too.
  const model::Duration needed = std::max<model::Duration>(kTimerStartSpread * timer->spread(), kTimerStartsApart);
  return spread > needed ? timer : std::nullopt;
}

}  // namespace tcpdiag::diagnose
