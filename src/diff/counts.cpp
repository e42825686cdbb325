// SPDX-License-Identifier: Apache-2.0
#include "diff/counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "diff/matching.h"
#include "diff/series.h"
#include "diff/statistics.h"
#include "diff/thresholds.h"

namespace tcpdiag::diff {
namespace {

using model::ConnectOutcome;
using model::SeriesId;
using model::Totals;

double share_pct(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(all);
}

Side share_side(std::uint64_t part, std::uint64_t all) {
  Side side;
  side.value = share_pct(part, all);
  side.count = part;
  side.of = all;
  return side;
}

// By how many the worse side is worse than it were with the share of the other.
std::uint64_t excess_of(const Side& good, const Side& bad) {
  const bool bad_is_worse = *bad.value > *good.value;
  const Side& worse = bad_is_worse ? bad : good;
  const double other = bad_is_worse ? *good.value : *bad.value;
  return static_cast<std::uint64_t>(std::llround((*worse.value - other) / 100 * static_cast<double>(*worse.of)));
}

struct ShareFloors {
  double points;
  double ratio;
  std::uint64_t fewest;
};
constexpr ShareFloors kFailureFloors{kFailurePoints, kFailureRatio, kFewestFailures};
constexpr ShareFloors kLossFloors{kLossPoints, kLossRatio, kFewestLost};

void compare_shares(Difference difference, const ShareFloors& floors, double effect, Collector& collector) {
  const Side& good = difference.good;
  const Side& bad = difference.bad;
  if (*good.of == 0 || *bad.of == 0 || (*good.count == 0 && *bad.count == 0)) return;
  collector.tested();
  const double less = std::min(*good.value, *bad.value);
  const double more = std::max(*good.value, *bad.value);
  const std::uint64_t most = *bad.value > *good.value ? *bad.count : *good.count;
  if (more - less < floors.points || more < less * floors.ratio || most < floors.fewest) return;
  const auto worth = [effect](std::uint64_t n) { return static_cast<double>(n) / effect; };
  difference.p_value = p_of_shares(worth(*good.count), worth(*good.of), worth(*bad.count), worth(*bad.of));
  difference.unit = Unit::kPercent;
  difference.good.effective_count = worth(*good.of);
  difference.bad.effective_count = worth(*bad.of);
  set_effect(difference, true);
  difference.affected = excess_of(good, bad);
  difference.score = static_cast<double>(*difference.affected);
  collector.add({.difference = std::move(difference)});
}

// Failures that are usual come in groups; how large these are, the run tells that has enough of them.
double failures_effect(const EndpointSide& good, const EndpointSide& bad) {
  const auto of = [](const EndpointSide& side) {
    if (side.attempts.exchanges_failed + side.attempts.connects_failed < kFewestFailures) return 1.0;
    std::vector<double> failures = active(side.endpoint, SeriesId::kResets);
    const std::vector<double> connects = active(side.endpoint, SeriesId::kConnectFailures);
    std::vector<double> all = active(side.endpoint, SeriesId::kExchanges);
    for (std::size_t i = 0; i < std::min(failures.size(), connects.size()); ++i) failures[i] += connects[i];
    if (all.size() < failures.size()) return 1.0;
    for (std::size_t i = 0; i < failures.size(); ++i) all[i] = std::max(all[i], failures[i]) + 1;
    return dispersion_of_shares(failures, all, 1.0);
  };
  // If one side hardly fails at all, that the other one does is no matter of groups.
  const double good_effect = of(good);
  const double bad_effect = of(bad);
  const bool both = good.attempts.exchanges_failed + good.attempts.connects_failed >= kFewestFailures &&
                    bad.attempts.exchanges_failed + bad.attempts.connects_failed >= kFewestFailures;
  return both ? std::max(good_effect, bad_effect) : 1.0;
}

// Lost segments are worth less than their number: a burst takes many at once.
double loss_effect(const std::vector<double>& lost, const std::vector<double>& all, std::uint64_t segments) {
  double events = 0;
  for (const double n : lost) events += n;
  const double each = events > 0 ? std::max(1.0, static_cast<double>(segments) / events) : 1.0;
  return std::max(kAssumedDispersion, dispersion_of_shares(lost, all, kAssumedDispersion) * each);
}

void compare_lost(const char* what, SeriesId array, std::uint64_t model::Second::*of, const EndpointSide& good,
                  const EndpointSide& bad, std::pair<std::uint64_t, std::uint64_t> good_share,
                  std::pair<std::uint64_t, std::uint64_t> bad_share, const Scope& scope, Collector& collector) {
  Difference difference;
  difference.tier = Tier::kLoss;
  difference.what = what;
  difference.scope = scope;
  difference.good = share_side(std::min(good_share.first, good_share.second), good_share.second);
  difference.bad = share_side(std::min(bad_share.first, bad_share.second), bad_share.second);
  const auto effect = [&](const EndpointSide& side, std::uint64_t segments) {
    return loss_effect(active(side.endpoint, array), active(side.endpoint, of), segments);
  };
  const double worth = std::max(effect(good, good_share.first), effect(bad, bad_share.first));
  compare_shares(std::move(difference), kLossFloors, worth, collector);
}

void compare_zero_window(const char* what, const std::optional<std::uint64_t>& good_us,
                         const std::optional<std::uint64_t>& bad_us, const EndpointSide& good, const EndpointSide& bad,
                         const Scope& scope, Collector& collector) {
  if (!good_us || !bad_us || good.window_s <= 0 || bad.window_s <= 0) return;
  const double good_pct = static_cast<double>(*good_us) / 1e4 / good.window_s;
  const double bad_pct = static_cast<double>(*bad_us) / 1e4 / bad.window_s;
  const double more = std::max(good_pct, bad_pct);
  const double less = std::min(good_pct, bad_pct);
  if (more - less < kZeroWindowPoints || more < less * kLossRatio) return;
  Difference difference;
  difference.tier = Tier::kLoss;
  difference.what = what;
  difference.scope = scope;
  difference.unit = Unit::kPercent;
  difference.good.value = good_pct;
  difference.good.seconds = good.window_s;
  difference.bad.value = bad_pct;
  difference.bad.seconds = bad.window_s;
  difference.confidence = model::Confidence::kMedium;
  difference.confidence_reasons.emplace_back("only its sum is known, which allows no test");
  set_effect(difference, true);
  difference.time_lost_s = (more - less) / 100 * (bad_pct > good_pct ? bad.window_s : good.window_s);
  difference.score = *difference.time_lost_s;
  collector.add({.difference = std::move(difference)});
}

std::vector<double> ones(std::size_t n, double interval_s) { return std::vector<double>(n, interval_s); }

void compare_rates(SeriesId what, Unit unit, const EndpointSide& good, const EndpointSide& bad, double fewest,
                   const Scope& scope, Collector& collector) {
  const std::vector<double> good_counts = active(good.endpoint, what);
  const std::vector<double> bad_counts = active(bad.endpoint, what);
  if (good_counts.size() < kFewestSeconds || bad_counts.size() < kFewestSeconds) return;
  const Ratio good_rate = ratio_of(good_counts, ones(good_counts.size(), good.endpoint.series.interval_s));
  const Ratio bad_rate = ratio_of(bad_counts, ones(bad_counts.size(), bad.endpoint.series.interval_s));
  if (good_rate.blocks == 0 || bad_rate.blocks == 0) return;
  collector.tested();
  const double more = std::max(good_rate.value, bad_rate.value);
  const double less = std::min(good_rate.value, bad_rate.value);
  const double length = std::min(active_seconds(good.endpoint), active_seconds(bad.endpoint));
  if (more < less * kRateRatio || more * length < static_cast<double>(kFewestEvents) || more < fewest) return;
  Difference difference;
  difference.tier = Tier::kTraffic;
  difference.what = model::to_string(what);
  difference.scope = scope;
  difference.unit = unit;
  difference.p_value = p_of_ratios(good_rate, bad_rate);
  const auto fill = [](Side& side, const Ratio& rate, const EndpointSide& of) {
    side.value = rate.value;
    side.seconds = active_seconds(of.endpoint);
    side.effective_count = static_cast<double>(rate.blocks);
  };
  fill(difference.good, good_rate, good);
  fill(difference.bad, bad_rate, bad);
  set_effect(difference, std::nullopt);
  difference.score = std::min(10.0, std::abs(std::log2(more / std::max(less, more / 1024))));
  collector.add({.difference = std::move(difference)});
}

void compare_sizes(const char* what, SeriesId array, const std::optional<double>& good_mean,
                   const std::optional<double>& bad_mean, const EndpointSide& good, const EndpointSide& bad,
                   const Scope& scope, Collector& collector) {
  if (!good_mean || !bad_mean || *good_mean <= 0 || *bad_mean <= 0) return;
  // The spread of the bytes for each exchange stands for that of the sizes.
  const auto ratio = [array](const EndpointSide& side) {
    return ratio_of(active(side.endpoint, array), active(side.endpoint, SeriesId::kExchanges));
  };
  const Ratio good_ratio = ratio(good);
  const Ratio bad_ratio = ratio(bad);
  if (good_ratio.blocks == 0 || bad_ratio.blocks == 0) return;
  collector.tested();
  const double more = std::max(*good_mean, *bad_mean);
  const double less = std::min(*good_mean, *bad_mean);
  if (more < less * kSizeRatio || more - less < kLeastSizeBytes) return;
  Difference difference;
  difference.tier = Tier::kTraffic;
  difference.what = what;
  difference.scope = scope;
  difference.unit = Unit::kBytes;
  difference.p_value =
      p_of_ratios({*good_mean, good_ratio.error, good_ratio.blocks}, {*bad_mean, bad_ratio.error, bad_ratio.blocks});
  difference.good.value = *good_mean;
  difference.good.count = good.endpoint.totals.exchanges;
  difference.bad.value = *bad_mean;
  difference.bad.count = bad.endpoint.totals.exchanges;
  set_effect(difference, std::nullopt);
  difference.score = std::min(10.0, std::abs(std::log2(more / less)));
  collector.add({.difference = std::move(difference)});
}

}  // namespace

bool is_failure(ConnectOutcome outcome) {
  return outcome != ConnectOutcome::kEstablished && outcome != ConnectOutcome::kPending;
}

std::vector<Attempts> attempts_of(const model::Report& report) {
  const model::Picture& picture = report.picture;
  std::vector<std::uint64_t> cut(picture.endpoints.size(), 0);
  for (const model::SocketStory& story : picture.sockets) {
    if (story.endpoint < cut.size() && story.exchanges_failed > 0 && story.end && !story.end->outstanding) {
      ++cut[story.endpoint];
    }
  }
  std::vector<Attempts> out;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    const Totals& totals = picture.endpoints[i].totals;
    Attempts attempts;
    attempts.exchanges_failed = totals.exchanges_failed;
    attempts.exchanges = totals.exchanges + totals.exchanges_pending + totals.exchanges_failed -
                         std::min({cut[i], totals.exchanges, totals.exchanges_failed});
    for (std::size_t k = 0; k < totals.connect_outcomes.size(); ++k) {
      const auto outcome = static_cast<ConnectOutcome>(k);
      if (outcome == ConnectOutcome::kPending) continue;
      attempts.connects += totals.connect_outcomes[k];
      if (is_failure(outcome)) attempts.connects_failed += totals.connect_outcomes[k];
    }
    out.push_back(attempts);
  }
  return out;
}

Attempts sum_of(const std::vector<Attempts>& attempts) {
  Attempts all;
  for (const Attempts& each : attempts) {
    all.exchanges += each.exchanges;
    all.exchanges_failed += each.exchanges_failed;
    all.connects += each.connects;
    all.connects_failed += each.connects_failed;
  }
  return all;
}

void compare_failed_shares(std::string what, const Scope& scope, std::uint64_t good_failed, std::uint64_t good_of,
                           std::uint64_t bad_failed, std::uint64_t bad_of, double effect, Collector& collector) {
  Difference difference;
  difference.tier = Tier::kFailures;
  difference.what = std::move(what);
  difference.scope = scope;
  difference.good = share_side(good_failed, good_of);
  difference.bad = share_side(bad_failed, bad_of);
  compare_shares(std::move(difference), kFailureFloors, effect, collector);
}

bool has_rates(const EndpointSide& side) {
  return active_seconds(side.endpoint) / side.endpoint.series.interval_s >= static_cast<double>(kFewestSeconds);
}

void compare_failures(const EndpointSide& good, const EndpointSide& bad, const Scope& scope, Collector& collector) {
  const double effect = failures_effect(good, bad);
  compare_failed_shares("exchanges_failed", scope, good.attempts.exchanges_failed, good.attempts.exchanges,
                        bad.attempts.exchanges_failed, bad.attempts.exchanges, effect, collector);
  for (std::size_t i = 0; i < model::kConnectOutcomes; ++i) {
    const auto outcome = static_cast<ConnectOutcome>(i);
    if (!is_failure(outcome)) continue;
    compare_failed_shares(fmt::format("connect_outcomes.{}", model::to_string(outcome)), scope,
                          good.endpoint.totals.connect_outcomes[i], good.attempts.connects,
                          bad.endpoint.totals.connect_outcomes[i], bad.attempts.connects, effect, collector);
  }
}

void compare_loss(const EndpointSide& good, const EndpointSide& bad, const Scope& scope, Collector& collector) {
  const Totals& g = good.endpoint.totals;
  const Totals& b = bad.endpoint.totals;
  if (g.segments_sent && b.segments_sent) {
    compare_lost("retransmitted_segments", SeriesId::kRetransmits, &model::Second::segments_sent, good, bad,
                 {g.retransmitted_segments, *g.segments_sent}, {b.retransmitted_segments, *b.segments_sent}, scope,
                 collector);
  }
  if (g.segments_received && b.segments_received && g.out_of_order_segments && b.out_of_order_segments) {
    compare_lost("out_of_order_segments", SeriesId::kOutOfOrder, &model::Second::segments_received, good, bad,
                 {*g.out_of_order_segments, *g.segments_received}, {*b.out_of_order_segments, *b.segments_received},
                 scope, collector);
  }
  compare_zero_window("zero_window_sent_us", g.zero_window_sent_us, b.zero_window_sent_us, good, bad, scope, collector);
  compare_zero_window("zero_window_received_us", g.zero_window_received_us, b.zero_window_received_us, good, bad, scope,
                      collector);
}

void compare_traffic(const EndpointSide& good, const EndpointSide& bad, const Scope& scope, Collector& collector) {
  compare_rates(SeriesId::kExchanges, Unit::kPerSecond, good, bad, 0, scope, collector);
  compare_rates(SeriesId::kConnects, Unit::kPerSecond, good, bad, 0, scope, collector);
  compare_rates(SeriesId::kBytesSent, Unit::kBytesPerSecond, good, bad, kLeastBytesPerSecond, scope, collector);
  compare_rates(SeriesId::kBytesReceived, Unit::kBytesPerSecond, good, bad, kLeastBytesPerSecond, scope, collector);
  const bool outbound = good.endpoint.key.role != model::Role::kInbound;
  compare_sizes("mean_request_bytes", outbound ? SeriesId::kBytesSent : SeriesId::kBytesReceived,
                good.endpoint.mean_request_bytes, bad.endpoint.mean_request_bytes, good, bad, scope, collector);
  compare_sizes("mean_response_bytes", outbound ? SeriesId::kBytesReceived : SeriesId::kBytesSent,
                good.endpoint.mean_response_bytes, bad.endpoint.mean_response_bytes, good, bad, scope, collector);

  const std::uint64_t good_open = good.endpoint.totals.sockets_open_peak;
  const std::uint64_t bad_open = bad.endpoint.totals.sockets_open_peak;
  if (good_open == 0 || bad_open == 0) return;
  collector.tested();
  const auto more = static_cast<double>(std::max(good_open, bad_open));
  const auto less = static_cast<double>(std::min(good_open, bad_open));
  if (more < less * kOpenRatio || more - less < static_cast<double>(kLeastOpen)) return;
  Difference difference;
  difference.tier = Tier::kTraffic;
  difference.what = "sockets_open_peak";
  difference.scope = scope;
  difference.good.value = static_cast<double>(good_open);
  difference.bad.value = static_cast<double>(bad_open);
  // Open sockets of independent users are Poisson.
  difference.p_value = p_of_rates(static_cast<double>(good_open), 1, static_cast<double>(bad_open), 1);
  set_effect(difference, std::nullopt);
  difference.score = std::min(10.0, std::log2(more / less));
  collector.add({.difference = std::move(difference)});
}

}  // namespace tcpdiag::diff
