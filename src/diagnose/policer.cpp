// SPDX-License-Identifier: Apache-2.0
#include "diagnose/policer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "diagnose/delay.h"
#include "diagnose/stats.h"
#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {
namespace {

using Rates = std::vector<double>;  // a second, one for each cell

// What one direction carried and lost, cell by cell.
class Direction {
 public:
  Direction(const Seconds& seconds, Way way) : s_(seconds), way_(way) {
    const model::Series::Values* again = s_.picture.series.find(model::SeriesId::kRetransmits);
    for (std::size_t i = 0; i < s_.size(); ++i) {
      const model::Second& second = s_[i];
      std::uint64_t lost = second.out_of_order;
      std::uint64_t passed = second.segments_received;
      std::uint64_t sent = second.segments_received;
      if (way_ == Way::kOut) {
        const bool known = again != nullptr && i < again->size() && (*again)[i];
        lost = known ? static_cast<std::uint64_t>(std::max<std::int64_t>(*(*again)[i], 0)) : 0;
        sent = second.segments_sent;
        passed = sent - std::min(sent, lost);
      }
      const std::uint64_t payload = way_ == Way::kIn ? second.bytes_received : second.bytes_sent;
      lost_.push_back(lost);
      sent_.push_back(sent);
      payload_.push_back(static_cast<double>(payload) / s_.cell_s());
      packets_.push_back(static_cast<double>(passed) / s_.cell_s());
      bytes_.push_back(payload_.back() + packets_.back() * s_.picture.wire_header_bytes);
    }
  }

  Marks lossy(const PathDelay& delay) const {
    Marks marks = s_.none();
    for (std::size_t i = 0; i < s_.size(); ++i) {
      marks[i] = s_.busy(i) && !delay.queued[i] && !delay.unproven[i] && sent_[i] > 0 &&
                 100.0 * static_cast<double>(lost_[i]) >= kLossPct * static_cast<double>(sent_[i]);
    }
    return marks;
  }
  std::optional<double> loss_pct(const Marks& marks) const {
    const model::Totals& totals = s_.picture.totals;  // seconds count events, which may be of many segments
    if (way_ == Way::kOut) return share_pct(totals.retransmitted_segments, totals.segments_sent.value_or(0));
    std::uint64_t lost = 0;
    std::uint64_t sent = 0;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      if (!marks[i]) continue;
      lost += lost_[i];
      sent += sent_[i];
    }
    return share_pct(lost, sent);
  }
  const Rates& bytes() const { return bytes_; }
  const Rates& packets() const { return packets_; }
  const Rates& payload() const { return payload_; }

 private:
  const Seconds& s_;
  Way way_;
  std::vector<std::uint64_t> lost_;
  std::vector<std::uint64_t> sent_;
  Rates payload_;
  Rates packets_;
  Rates bytes_;
};

std::optional<double> p50_of(const Rates& rates, const Marks& marks) {
  std::vector<double> values;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    if (marks[i]) values.push_back(rates[i]);
  }
  return Values<double>(std::move(values)).p50();
}

// Of two seconds together: what is read late, or waits behind a gap, counts in the next one.
std::vector<double> pairs_of(const Rates& rates, const Marks& marks) {
  std::vector<double> pairs;
  for (std::size_t i = 1; i < rates.size(); ++i) {
    if (marks[i - 1] && marks[i]) pairs.push_back((rates[i - 1] + rates[i]) / 2);
  }
  return pairs;
}

double spread_of(const Values<double>& values) {
  return (*values.percentile(0.9) - *values.percentile(0.1)) / *values.p50();
}

// Without the beginning of a run that is above the rate (a bucket was full), and without its first and last second if
// they are below (the load began, or ended).
Marks at_the_rate(const Rates& rates, Marks marks, double p50) {
  const auto is_edge = [&marks](std::size_t i, bool first) {
    return marks[i] && (first ? i == 0 || !marks[i - 1] : i + 1 == marks.size() || !marks[i + 1]);
  };
  Marks trimmed = marks;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const bool below = rates[i] < (2 - kCeilingExcess) * p50;
    if (below && (is_edge(i, true) || is_edge(i, false))) trimmed[i] = false;
    for (std::size_t at = i; is_edge(i, true) && at < marks.size() && marks[at] && rates[at] > kCeilingExcess * p50;
         ++at) {
      trimmed[at] = false;
    }
  }
  return trimmed;
}

// What was saved while less came passes at once; after that, never more than the rate.
bool is_exceeded(const Seconds& seconds, const Rates& rates, double p50) {
  bool saved = true;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const auto balances = [&](std::size_t other) { return rates[i] + rates[other] <= 2 * kCeilingPairExcess * p50; };
    if (!seconds[i].whole || rates[i] < (2 - kCeilingExcess) * p50) {
      saved = true;
    } else if (rates[i] <= kCeilingExcess * p50) {
      saved = false;
    } else if (!saved && !balances(i - 1) && !(i + 1 < rates.size() && balances(i + 1))) {
      return true;
    }
  }
  return false;
}

struct Calls {
  double mean_us = 0;
  double cv2 = 0;          // squared coefficient of variation of their durations
  double cv2_of_cell = 0;  // the same, of what falls into one cell
};

struct Moments {
  double n = 0;
  double sum = 0;
  double squares = 0;
  double sum_of_cell = 0;
  double squares_of_cell = 0;
};

Moments moments_of(const model::Histogram& took, double cell_us) {
  Moments m;
  for (std::size_t i = took.first_bucket(); i < took.end_bucket(); ++i) {
    const auto count = static_cast<double>(took.count_in(i));
    const auto us = static_cast<double>(model::Histogram::middle_of(i));
    const double within = std::min(us, cell_us);
    m.n += count;
    m.sum += count * us;
    m.squares += count * us * us;
    m.sum_of_cell += count * within;
    m.squares_of_cell += count * within * within;
  }
  return m;
}

// From the request's first byte to the response's last. Of what this host answers, till all of it is acknowledged: the
// kernel's own clock tells how long that took together, and repairs how unequal it was, at least.
std::optional<Calls> calls_of(const Seconds& seconds, Way way) {
  const model::EndpointPicture& picture = seconds.picture;
  const bool answers = way == Way::kOut && picture.key.role == model::Role::kInbound;
  const model::Histogram* took = picture.measured(answers ? model::Measure::kRecovery : model::Measure::kLastByte);
  if (took == nullptr || (answers && picture.totals.exchanges == 0)) return std::nullopt;
  Moments m = moments_of(*took, 1e6 * seconds.cell_s());
  if (answers) {
    m.n = static_cast<double>(picture.totals.exchanges);
    m.sum = m.sum_of_cell = static_cast<double>(picture.busy_us.value_or(0));
  }
  if (m.sum <= 0) return std::nullopt;
  return Calls{m.sum / m.n, std::max(0.0, m.n * m.squares / (m.sum * m.sum) - 1),
               std::max(0.0, m.n * m.squares_of_cell / (m.sum_of_cell * m.sum_of_cell) - 1)};
}

// Is the rate steadier than independent connections make it? `exchanges`: in a pair.
bool is_shared(const std::vector<double>& pairs, double exchanges, const Calls& calls) {
  const auto n = static_cast<double>(pairs.size());
  const double mean = std::accumulate(pairs.begin(), pairs.end(), 0.0) / n;
  double squares = 0;
  for (const double pair : pairs) squares += (pair - mean) * (pair - mean);
  const double relative_variance = squares / (n - 1) / (mean * mean);
  // Of calls that take longer than a cell, each is in it or not: as many as come by chance (Poisson).
  const double dispersion = calls.cv2 < 1 ? calls.cv2 : std::max(1.0, calls.cv2_of_cell);
  return relative_variance <= kPolicedVariance * dispersion / exchanges;
}

// Half of the quickest half: what the peer's application, or this one, takes of a call at least.
bool waits_for_application(const Seconds& seconds, const Calls& calls) {
  const auto first_byte = percentile(seconds.picture, model::Measure::kFirstByte, 0.25);
  if (!first_byte) return true;
  const bool outbound = seconds.picture.key.role == model::Role::kOutbound;
  const std::uint64_t way = outbound ? std::min(*first_byte, seconds.picture.rtt_floor_us.value_or(0)) : 0;
  return static_cast<double>(*first_byte - way) > kPolicedFirstByte * calls.mean_us;
}

std::optional<Policed> police_of(const Seconds& seconds, const PathDelay& delay, Way way) {
  const auto measured = calls_of(seconds, way);
  if (!measured || waits_for_application(seconds, *measured)) return std::nullopt;
  const Calls& calls = *measured;
  const Direction direction(seconds, way);
  const Marks lossy = direction.lossy(delay);
  const auto bytes_p50 = p50_of(direction.bytes(), lossy);
  const auto packets_p50 = p50_of(direction.packets(), lossy);
  if (!bytes_p50 || *bytes_p50 <= 0 || *packets_p50 <= 0) return std::nullopt;
  for (const bool by_packets : {false, true}) {
    const Rates& rates = by_packets ? direction.packets() : direction.bytes();
    const Marks marks = at_the_rate(rates, lossy, by_packets ? *packets_p50 : *bytes_p50);
    if (static_cast<double>(seconds.seconds_in(marks)) < kPolicedSeconds) continue;
    const double p50 = *p50_of(rates, marks);
    const std::vector<double> pairs = pairs_of(rates, marks);
    if (static_cast<double>(pairs.size() + 1) * seconds.cell_s() < kPolicedSeconds) continue;
    const double spread = spread_of(Values<double>(pairs));
    if (spread > kPolicedSpread || is_exceeded(seconds, rates, p50)) continue;
    const double per_s = static_cast<double>(seconds.sum(marks, &model::Second::exchanges)) /
                         static_cast<double>(seconds.seconds_in(marks));
    const double in_calls = per_s * calls.mean_us / 1e6;
    if (per_s < kCeilingExchangesPerSecond ||
        in_calls < kPolicedBusyShare * static_cast<double>(seconds.picture.totals.sockets_open_peak)) {
      continue;
    }
    if (!is_shared(pairs, 2 * per_s * seconds.cell_s(), calls)) continue;
    Policed found;
    found.rate.way = way;
    found.rate.wire_bytes_per_s = *p50_of(direction.bytes(), marks);
    found.rate.payload_bytes_per_s = *p50_of(direction.payload(), marks);
    found.rate.spread_pct = 100.0 * spread;
    found.rate.exchanges_per_s = per_s;
    found.rate.seconds = marks;
    found.packets_per_s = *p50_of(direction.packets(), marks);
    found.counts_packets = by_packets;
    found.loss_pct = direction.loss_pct(marks);
    return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Policed> policed(const Seconds& seconds, const PathDelay& delay) {
  if (is_bulk(seconds.picture)) return std::nullopt;
  auto in = police_of(seconds, delay, Way::kIn);
  auto out = police_of(seconds, delay, Way::kOut);
  if (in && out) return in->loss_pct >= out->loss_pct ? std::move(in) : std::move(out);
  return in ? std::move(in) : std::move(out);
}

std::optional<BurstLoss> burst_loss(const model::EndpointPicture& picture, double loss_pct) {
  const model::Histogram* probes = picture.measured(model::Measure::kRetransmitTlp);
  const model::Histogram* timeouts = picture.measured(model::Measure::kRetransmitRto);
  if (probes == nullptr) return std::nullopt;
  BurstLoss loss;
  const std::uint64_t spurious = picture.totals.spurious_retransmits.value_or(0);
  loss.sent_again = probes->count() - std::min(probes->count(), spurious);
  if (timeouts != nullptr) {
    const double second_time = kSecondTimeout * static_cast<double>(probes->percentile(0.5).value_or(0));
    loss.sent_again += timeouts->count();
    loss.lost_again = at_least(*timeouts, static_cast<std::uint64_t>(second_time));
  }
  const auto all = static_cast<double>(picture.totals.retransmitted_segments);
  if (static_cast<double>(loss.sent_again + spurious) < kBurstLossByTimers * all) return std::nullopt;
  const double expected = loss_pct / 100 * static_cast<double>(loss.sent_again);
  if (expected < kBurstLossExpected || static_cast<double>(loss.lost_again) > kBurstLossShare * expected) {
    return std::nullopt;
  }
  return loss;
}

}  // namespace tcpdiag::diagnose
