// SPDX-License-Identifier: Apache-2.0
#include "diagnose/wire_rate.h"

#include <algorithm>
#include <vector>

#include "diagnose/stats.h"
#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {
namespace {

double payload(const model::Second& second, Way way) {
  return static_cast<double>(way == Way::kIn ? second.bytes_received : second.bytes_sent);
}

double on_wire(const model::EndpointPicture& picture, const model::Second& second, Way way) {
  const std::uint64_t segments = way == Way::kIn ? second.segments_received : second.segments_sent;
  return payload(second, way) + static_cast<double>(segments) * picture.wire_header_bytes;
}

Way larger_way(const Seconds& seconds, const Marks& queued) {
  double in = 0;
  double out = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!queued[i]) continue;
    in += on_wire(seconds.picture, seconds[i], Way::kIn);
    out += on_wire(seconds.picture, seconds[i], Way::kOut);
  }
  return in >= out ? Way::kIn : Way::kOut;
}

// More in one second than the ceiling allows is forgiven when a neighbour lacks as much: the sampling was late.
bool exceeds(const Seconds& seconds, std::size_t i, Way way, double p50) {
  const double here = on_wire(seconds.picture, seconds[i], way);
  if (here <= kCeilingExcess * p50 * seconds.cell_s()) return false;
  const auto balances = [&](std::size_t neighbour) {
    const double pair = here + on_wire(seconds.picture, seconds[neighbour], way);
    return pair <= 2 * kCeilingPairExcess * p50 * seconds.cell_s();
  };
  if (i > 0 && seconds[i - 1].whole && balances(i - 1)) return false;
  return !(i + 1 < seconds.size() && seconds[i + 1].whole && balances(i + 1));
}

std::optional<SteadyRate> steady_over(const Seconds& seconds, const Marks& marks, Way way) {
  if (static_cast<double>(seconds.seconds_in(marks)) < kCeilingSeconds) return std::nullopt;
  std::vector<double> wire;
  std::vector<double> pay;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!marks[i]) continue;
    wire.push_back(on_wire(seconds.picture, seconds[i], way) / seconds.cell_s());
    pay.push_back(payload(seconds[i], way) / seconds.cell_s());
  }
  const Values<double> rates(std::move(wire));
  const double p50 = *rates.p50();
  if (p50 <= 0) return std::nullopt;
  const double spread = (*rates.percentile(0.9) - *rates.percentile(0.1)) / p50;
  if (spread > kCeilingSpread) return std::nullopt;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (marks[i] && exceeds(seconds, i, way, p50)) return std::nullopt;
  }
  SteadyRate rate;
  rate.way = way;
  rate.wire_bytes_per_s = p50;
  rate.payload_bytes_per_s = *Values<double>(std::move(pay)).p50();
  rate.spread_pct = 100.0 * spread;
  rate.exchanges_per_s = static_cast<double>(seconds.sum(marks, &model::Second::exchanges)) /
                         (static_cast<double>(count(marks)) * seconds.cell_s());
  rate.seconds = marks;
  return rate;
}

Marks without_edges(const Marks& marks) {
  Marks inner(marks.size(), false);
  for (std::size_t i = 1; i + 1 < marks.size(); ++i) inner[i] = marks[i - 1] && marks[i] && marks[i + 1];
  return inner;
}

}  // namespace

std::optional<SteadyRate> steady_rate(const Seconds& seconds, const Marks& queued) {
  const Way way = larger_way(seconds, queued);
  if (auto rate = steady_over(seconds, queued, way)) return rate;
  return steady_over(seconds, without_edges(queued), way);
}

}  // namespace tcpdiag::diagnose
