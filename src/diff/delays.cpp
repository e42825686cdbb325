// SPDX-License-Identifier: Apache-2.0
// For each of p50, p90 and p99 the quantile test (Mood 1950 for the median; Conover 1999, section 3.2, for any
// quantile): put both runs together, take the boundary of a bucket nearest to that quantile, and count in each run the
// values above it. If both are of one kind, the counts are those of a draw without replacement: Fisher's exact test.
// Nothing is assumed of the distributions. Kolmogorov and Smirnov's test is not used: it is blind for tails (3 % of
// slow answers move it by 0.03) and speaks of shapes that nobody feels.
#include "diff/delays.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diff/matching.h"
#include "diff/series.h"
#include "diff/statistics.h"
#include "diff/thresholds.h"
#include "util/format.h"

namespace tcpdiag::diff {
namespace {

using model::EndpointPicture;
using model::Histogram;
using model::Measure;

constexpr double kUsPerSecond = 1e6;

struct Quantile {
  const char* name;
  double q;
  double least_ratio;
  double least_us;
  bool is_tail;
};
constexpr std::array kQuantiles = {Quantile{"p50", 0.50, kP50Ratio, kP50LeastUs, false},
                                   Quantile{"p90", 0.90, kTailRatio, kTailLeastUs, true},
                                   Quantile{"p99", 0.99, kTailRatio, kTailLeastUs, true}};

Tier tier_of(Measure measure) {
  switch (model::info_of(measure).group) {
    case model::MeasureGroup::kDelay:
      return Tier::kDelays;
    case model::MeasureGroup::kLoss:
      return Tier::kLoss;
    case model::MeasureGroup::kEnds:
      break;
  }
  return Tier::kFailures;
}

struct Values {
  const Histogram& histogram;
  double effect = 1;                          // values that are worth one
  const EndpointPicture* endpoint = nullptr;  // null: no seconds
  Measure measure{};                          // what it has seconds of

  double n() const { return static_cast<double>(histogram.count()); }
  double effective() const { return n() / effect; }
  double above(std::size_t bucket) const {
    double sum = 0;
    for (std::size_t i = bucket; i < Histogram::kBuckets; ++i) sum += static_cast<double>(histogram.count_in(i));
    return sum;
  }
};

// The bucket that begins nearest to the quantile q of both together; nullopt: all values are in one.
std::optional<std::size_t> boundary(const Values& good, const Values& bad, double q) {
  const double all = good.effective() + bad.effective();
  double above = 0;
  double nearest = 0;
  std::optional<std::size_t> found;
  for (std::size_t bucket = Histogram::kBuckets - 1; bucket > 0; --bucket) {
    above += static_cast<double>(good.histogram.count_in(bucket)) / good.effect +
             static_cast<double>(bad.histogram.count_in(bucket)) / bad.effect;
    if (above <= 0 || above >= all * (1 - 1e-12)) continue;
    const double distance = std::abs(std::log(above / (all * (1 - q))));
    if (!found || distance < nearest) {
      found = bucket;
      nearest = distance;
    }
  }
  return found;
}

// With what is known of the place within a bucket: the middle of one may be 6 % off, two of them 12 %.
double interpolated(const Histogram& histogram, double q) {
  const auto wanted = q * static_cast<double>(histogram.count());
  double below = 0;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    const auto n = static_cast<double>(histogram.count_in(i));
    if (n <= 0 || below + n < wanted) {
      below += n;
      continue;
    }
    const auto low = static_cast<double>(Histogram::low_of(i));
    const double value = low + (static_cast<double>(Histogram::high_of(i)) - low) * (wanted - below) / n;
    return std::clamp(value, static_cast<double>(*histogram.min()), static_cast<double>(*histogram.max()));
  }
  return static_cast<double>(histogram.max().value_or(0));
}

bool is_large_enough(const Quantile& quantile, double good_us, double bad_us) {
  const double less = std::min(good_us, bad_us);
  const double more = std::max(good_us, bad_us);
  if (more - less < quantile.least_us || more < less * quantile.least_ratio) return false;
  return Histogram::bucket_of(static_cast<std::uint64_t>(more)) >=
         Histogram::bucket_of(static_cast<std::uint64_t>(less)) + kLeastBuckets;
}

// How many slow values one stall can make: all that begin while it lasts. Values above `bucket` by `values`.
double stall_effect(const Values& values, std::size_t bucket) {
  if (values.endpoint == nullptr) return 1;
  const double seconds = active_seconds(*values.endpoint);
  if (seconds <= 0) return 1;
  const auto typical = static_cast<double>(values.histogram.percentile(0.5).value_or(0));
  double excess = 0;
  double n = 0;
  for (std::size_t i = bucket; i < Histogram::kBuckets; ++i) {
    const auto count = static_cast<double>(values.histogram.count_in(i));
    n += count;
    excess += count * std::max(0.0, static_cast<double>(Histogram::middle_of(i)) - typical);
  }
  if (n <= 0) return 1;
  return 1 + values.n() / seconds * (excess / n) / kUsPerSecond;
}

struct Judgement {
  double p = 1;
  std::optional<double> p_of_incidents;
  std::string doubt;
  bool by_seconds = false;
  bool lasted = false;

  double least_certain() const { return lasted ? p : std::max(p, p_of_incidents.value_or(0)); }
};

double hits_of(const std::vector<double>& seconds) {
  return static_cast<double>(std::count(seconds.begin(), seconds.end(), 1.0));
}

// Seconds that hang together are worth less (effective size of an AR(1) series).
double worth_of(const std::vector<double>& seconds) {
  const double rho = autocorrelation(seconds);
  return (1 - rho) / (1 + rho);
}

// Do slow values come in many seconds, or long enough? False: there are no seconds to tell.
bool judge_seconds(const Values& good, const Values& bad, Judgement& judgement) {
  // Seconds nearer to the slower run's p99 than to the other's.
  const double between = std::sqrt(interpolated(good.histogram, 0.99) * interpolated(bad.histogram, 0.99));
  const auto in_good = seconds_above(*good.endpoint, good.measure, between);
  const auto in_bad = seconds_above(*bad.endpoint, bad.measure, between);
  if (!in_good || !in_bad || in_good->size() < kFewestSeconds || in_bad->size() < kFewestSeconds) return false;
  const auto n = [](const std::vector<double>& seconds) { return static_cast<double>(seconds.size()); };
  judgement.by_seconds = true;
  judgement.p_of_incidents = p_of_shares(hits_of(*in_good) * worth_of(*in_good), n(*in_good) * worth_of(*in_good),
                                         hits_of(*in_bad) * worth_of(*in_bad), n(*in_bad) * worth_of(*in_bad));
  const double good_share = hits_of(*in_good) / n(*in_good);
  const double bad_share = hits_of(*in_bad) / n(*in_bad);
  const bool bad_is_slower = bad_share > good_share;
  const double most = std::max(good_share, bad_share);
  const double lasted =
      hits_of(bad_is_slower ? *in_bad : *in_good) * (bad_is_slower ? bad : good).endpoint->series.interval_s;
  judgement.doubt = fmt::format("{} of it are slow, which may be one incident", duration(1e6 * lasted));
  judgement.lasted =
      lasted >= kLastedS && most >= kLastedShare && std::min(good_share, bad_share) * kLastedRatio <= most;
  return true;
}

// Do slow values come in many seconds, or could few incidents explain them all?
void judge_tail(const Quantile& quantile, std::size_t bucket, const Values& good, const Values& bad,
                Judgement& judgement) {
  if (good.endpoint == nullptr || bad.endpoint == nullptr) return;
  // Of the tenth slowest, every second has some: only its p99 can tell seconds apart.
  if (quantile.q > 0.95 && judge_seconds(good, bad, judgement)) return;
  const bool bad_is_slower = bad.above(bucket) / bad.n() > good.above(bucket) / good.n();
  const Values& slower = bad_is_slower ? bad : good;
  const double slow = slower.above(bucket);
  const auto effect = [bucket](const Values& values) { return std::max(values.effect, stall_effect(values, bucket)); };
  judgement.p_of_incidents = p_of_shares(good.above(bucket) / effect(good), good.n() / effect(good),
                                         bad.above(bucket) / effect(bad), bad.n() / effect(bad));
  judgement.doubt =
      fmt::format("{:.0f} pauses would explain its {:.0f} slow values", std::ceil(slow / effect(slower)), slow);
  const double seconds = active_seconds(*slower.endpoint);
  const double span = seconds * slow / slower.n();
  if (span < kOneSpanS) {
    judgement.p_of_incidents = 1;
    judgement.doubt =
        fmt::format("its {:.0f} slow values would fit in {}: it may be one incident", slow, duration(1e6 * span));
  }
}

struct Best {
  const Quantile* quantile = nullptr;
  Judgement judgement;
};

// p50 where that changed for certain, else the clearest.
bool is_clearer(const Judgement& judgement, const Judgement& than) {
  constexpr double kClear = 1e-5;
  return than.least_certain() > kClear &&
         std::pair(judgement.least_certain(), judgement.p) < std::pair(than.least_certain(), than.p);
}

std::optional<Best> clearest(const Values& good, const Values& bad, Collector& collector) {
  std::optional<Best> best;
  for (const Quantile& quantile : kQuantiles) {
    collector.tested();
    if (!is_large_enough(quantile, interpolated(good.histogram, quantile.q), interpolated(bad.histogram, quantile.q))) {
      continue;
    }
    const auto bucket = boundary(good, bad, quantile.q);
    if (!bucket) continue;
    Judgement judgement;
    // How tails hang together their own seconds tell, not those of the median.
    const bool by_seconds = quantile.is_tail && good.endpoint != nullptr && bad.endpoint != nullptr;
    const double good_effect = by_seconds ? 1 : good.effect;
    const double bad_effect = by_seconds ? 1 : bad.effect;
    judgement.p = p_of_shares(good.above(*bucket) / good_effect, good.n() / good_effect,
                              bad.above(*bucket) / bad_effect, bad.n() / bad_effect);
    judgement.by_seconds = !quantile.is_tail;
    if (quantile.is_tail) judge_tail(quantile, *bucket, good, bad, judgement);
    if (!best || is_clearer(judgement, best->judgement)) best = Best{&quantile, std::move(judgement)};
  }
  return best;
}

void add_difference(const Values& good, const Values& bad, Difference difference, Collector& collector) {
  if (good.effective() < kFewestValues || bad.effective() < kFewestValues) return;
  auto best = clearest(good, bad, collector);
  if (!best) return;
  Candidate candidate;
  candidate.p_of_incidents = best->judgement.p_of_incidents;
  candidate.doubt = std::move(best->judgement.doubt);
  candidate.by_seconds = best->judgement.by_seconds;
  candidate.lasted = best->judgement.lasted;
  difference.quantile = best->quantile->name;
  difference.unit = Unit::kMicroseconds;
  difference.p_value = best->judgement.p;
  const auto fill = [&](const Values& values, Side& side) {
    side.value = static_cast<double>(*values.histogram.percentile(best->quantile->q));
    side.count = values.histogram.count();
    side.effective_count = values.effective();
    side.distribution = values.histogram;
  };
  fill(good, difference.good);
  fill(bad, difference.bad);
  // That resets come earlier or later, or failed calls later than good ones, is neither better nor worse.
  set_effect(difference, difference.tier == Tier::kFailures ? std::nullopt : std::optional(true));
  candidate.difference = std::move(difference);
  collector.add(std::move(candidate));
}

// Of the exchanges that met this delay: its own values where they are exchanges or connects, else one each.
double exposed(Measure measure, const EndpointPicture& endpoint, const Histogram& histogram) {
  const auto count = static_cast<double>(histogram.count());
  if (model::info_of(measure).is_exchange) return count;
  const std::uint64_t exchanges = endpoint.totals.exchanges;
  return std::min(count, static_cast<double>(exchanges > 0 ? exchanges : endpoint.totals.sockets_seen));
}

// Floors that were subtracted must be comparable.
std::string floors_differ(const EndpointPicture& good, const EndpointPicture& bad) {
  if (!good.rtt_floor_us || !bad.rtt_floor_us || good.rtt_floor_source == bad.rtt_floor_source) return {};
  if (!is_large_enough(kQuantiles.front(), static_cast<double>(*good.rtt_floor_us),
                       static_cast<double>(*bad.rtt_floor_us))) {
    return {};
  }
  return fmt::format("the floor that was subtracted is from {} in GOOD and from {} in BAD", good.rtt_floor_source,
                     bad.rtt_floor_source);
}

}  // namespace

double mean_excess_us(const Histogram& good, const Histogram& bad) {
  if (good.count() == 0 || bad.count() == 0) return 0;
  double good_below = 0;
  double bad_below = 0;
  double area = 0;
  for (std::size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    good_below += static_cast<double>(good.count_in(i)) / static_cast<double>(good.count());
    bad_below += static_cast<double>(bad.count_in(i)) / static_cast<double>(bad.count());
    // Up to the middle of the next bucket: values stand in the middle of theirs.
    const auto width = static_cast<double>(Histogram::middle_of(i + 1)) - static_cast<double>(Histogram::middle_of(i));
    area += std::max(0.0, good_below - bad_below) * width;
  }
  return area;
}

double share_slower(const Histogram& good, const Histogram& bad) {
  if (good.count() == 0 || bad.count() == 0) return 0;
  double distance = 0;
  double most = 0;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    distance += static_cast<double>(good.count_in(i)) / static_cast<double>(good.count()) -
                static_cast<double>(bad.count_in(i)) / static_cast<double>(bad.count());
    most = std::max(most, distance);
  }
  return most;
}

void compare_values(const Histogram& good, const Histogram& bad, double good_effect, double bad_effect,
                    Difference difference, Collector& collector) {
  add_difference({good, good_effect}, {bad, bad_effect}, std::move(difference), collector);
}

void compare_delays(const EndpointPicture& good, const EndpointPicture& bad, const Scope& scope, Collector& collector) {
  for (const Measure measure : model::kAllMeasures) {
    const auto in_good = good.histograms.find(measure);
    const auto in_bad = bad.histograms.find(measure);
    const bool good_has = in_good != good.histograms.end();
    const bool bad_has = in_bad != bad.histograms.end();
    if (good_has != bad_has) {
      const bool is_empty = (good_has ? in_good : in_bad)->second.count() == 0;
      if (!is_empty) {
        collector.not_compared(fmt::format("{} of {}", model::to_string(measure), words_for(scope)),
                               fmt::format("{} has not measured it", good_has ? "BAD" : "GOOD"));
      }
      continue;
    }
    if (!good_has || in_good->second.count() == 0 || in_bad->second.count() == 0) continue;
    Difference difference;
    difference.tier = tier_of(measure);
    difference.what = model::to_string(measure);
    difference.scope = scope;
    if (difference.tier != Tier::kFailures) {
      const double lost = mean_excess_us(in_good->second, in_bad->second) * exposed(measure, bad, in_bad->second);
      const double won = mean_excess_us(in_bad->second, in_good->second) * exposed(measure, good, in_good->second);
      const bool is_slower = lost >= won;
      const double share =
          is_slower ? share_slower(in_good->second, in_bad->second) : share_slower(in_bad->second, in_good->second);
      const double n = is_slower ? exposed(measure, bad, in_bad->second) : exposed(measure, good, in_good->second);
      difference.affected = static_cast<std::uint64_t>(std::llround(share * n));
      difference.time_lost_s = std::max(lost, won) / kUsPerSecond;
      difference.score = difference.tier == Tier::kLoss ? share * n : *difference.time_lost_s;
    }
    if (model::info_of(measure).is_above_floor) {
      if (std::string why = floors_differ(good, bad); !why.empty()) {
        difference.confidence = model::Confidence::kLow;
        difference.confidence_reasons.push_back(std::move(why));
      }
    }
    add_difference({in_good->second, design_effect(good, measure), &good, measure},
                   {in_bad->second, design_effect(bad, measure), &bad, measure}, std::move(difference), collector);
  }
}

}  // namespace tcpdiag::diff
