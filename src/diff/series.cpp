// SPDX-License-Identifier: Apache-2.0
#include "diff/series.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "diff/statistics.h"
#include "diff/thresholds.h"

namespace tcpdiag::diff {
namespace {

using model::EndpointPicture;
using model::Measure;
using model::Second;
using model::SeriesId;

// First and one behind the last second of those between which the endpoint was at work, both left out.
std::pair<std::size_t, std::size_t> active_range(const EndpointPicture& endpoint) {
  const std::size_t n = endpoint.series.n;
  const auto busy = [&](std::size_t i) {
    for (const auto id : {SeriesId::kExchanges, SeriesId::kBytesSent, SeriesId::kBytesReceived, SeriesId::kConnects}) {
      const model::Series::Values* found = endpoint.series.find(id);
      if (found != nullptr && i < found->size() && (*found)[i].value_or(0) > 0) return true;
    }
    return false;
  };
  std::size_t first = 0;
  while (first < n && !busy(first)) ++first;
  std::size_t last = n;
  while (last > first && !busy(last - 1)) --last;
  if (last - first < 3) return {0, 0};
  return {first + 1, last - 1};
}

struct Medians {
  std::vector<double> rank;  // of the second's median in the whole histogram, 0..1
  std::vector<double> n;     // values of that second
};

double rank_in(const model::Histogram& all, double value_us) {
  const std::size_t bucket = model::Histogram::bucket_of(static_cast<std::uint64_t>(std::max(value_us, 0.0)));
  double below = 0;
  for (std::size_t i = 0; i < bucket; ++i) below += static_cast<double>(all.count_in(i));
  const auto within = static_cast<double>(all.count_in(bucket));
  return (below + within / 2) / static_cast<double>(std::max<std::uint64_t>(all.count(), 1));
}

// Values of one second; 0: not known.
std::uint64_t values_in(const Second& second, Measure measure) {
  switch (measure) {
    case Measure::kRtt:
      return second.rtt_samples;
    case Measure::kPathQueue:
      return second.path_samples;
    case Measure::kPathQueueIn:
      return second.path_in_samples;
    case Measure::kHostQueue:
      return second.host_queue_samples;
    default:
      return 0;
  }
}

Medians medians_of(const EndpointPicture& endpoint, Measure measure) {
  Medians out;
  const model::Histogram* histogram = endpoint.measured(measure);
  if (!model::info_of(measure).in_kernel || histogram == nullptr) return out;
  const model::Series::Values* array = endpoint.series.find(model::p50_series(measure));
  const auto [first, last] = active_range(endpoint);
  for (std::size_t i = first; i < last; ++i) {
    std::optional<double> median;
    std::uint64_t n = 0;
    if (array != nullptr && i < array->size() && (*array)[i]) median = static_cast<double>(*(*array)[i]);
    if (i < endpoint.seconds.size()) {
      const Second& second = endpoint.seconds[i];
      n = values_in(second, measure);
      if (measure == Measure::kHostQueue && second.host_queue_p50_us) {
        median = static_cast<double>(*second.host_queue_p50_us);
      }
    }
    if (!median || n == 0) continue;
    out.rank.push_back(rank_in(*histogram, *median));
    out.n.push_back(static_cast<double>(n));
  }
  return out;
}

// Variance of the blocks' weighted ranks over that of independent values.
std::optional<double> effect_of(const Medians& medians) {
  const std::size_t seconds = medians.n.size();
  if (seconds < kFewestSeconds) return std::nullopt;
  double most = 1;
  for (std::size_t length = 1; seconds / length >= kFewestBlocks; length *= 2) {
    double squares = 0;
    double used = 0;
    double blocks = 0;
    for (std::size_t first = 0; first + length <= seconds; first += length) {
      double block = 0;
      for (std::size_t i = first; i < first + length; ++i) {
        block += medians.n[i] * (medians.rank[i] - 0.5);
        used += medians.n[i];
      }
      squares += block * block;
      ++blocks;
    }
    if (used > 0) most = std::max(most, squares / (used / 4) * upper_bound_factor(blocks - 1));
  }
  return most;
}

double mean_per_second(const Medians& medians) {
  double all = 0;
  for (const double n : medians.n) all += n;
  return all / static_cast<double>(std::max<std::size_t>(medians.n.size(), 1));
}

std::optional<double> correlation_in(const EndpointPicture& endpoint, Measure measure) {
  const Medians medians = medians_of(endpoint, measure);
  const auto effect = effect_of(medians);
  const double n = mean_per_second(medians);
  if (!effect || n < 2) return std::nullopt;
  return (*effect - 1) / (n - 1);
}

// Correlation of two values of one second, as the endpoint's other measures have it. Above 1 where whole seconds hang
// together.
double correlation_of(const EndpointPicture& endpoint) {
  std::optional<double> most;
  for (const Measure other : {Measure::kRtt, Measure::kPathQueue, Measure::kHostQueue}) {
    const auto correlation = correlation_in(endpoint, other);
    if (correlation) most = std::max(most.value_or(0), *correlation);
  }
  return most ? std::max(*most, kLeastCorrelation) : kAssumedCorrelation;
}

double values_per_second(const EndpointPicture& endpoint, Measure measure) {
  const model::Histogram* histogram = endpoint.measured(measure);
  if (histogram == nullptr) return 0;
  return static_cast<double>(histogram->count()) / std::max(active_seconds(endpoint), 1.0);
}

}  // namespace

std::vector<double> active(const EndpointPicture& endpoint, SeriesId array) {
  std::vector<double> out;
  const model::Series::Values* found = endpoint.series.find(array);
  if (found == nullptr) return out;
  const auto [first, last] = active_range(endpoint);
  for (std::size_t i = first; i < std::min(last, found->size()); ++i) {
    out.push_back(static_cast<double>((*found)[i].value_or(0)));
  }
  return out;
}

std::vector<double> active(const EndpointPicture& endpoint, std::uint64_t Second::*count) {
  std::vector<double> out;
  const auto [first, last] = active_range(endpoint);
  for (std::size_t i = first; i < std::min(last, endpoint.seconds.size()); ++i) {
    out.push_back(static_cast<double>(endpoint.seconds[i].*count));
  }
  return out;
}

double active_seconds(const EndpointPicture& endpoint) {
  const auto [first, last] = active_range(endpoint);
  return static_cast<double>(last - first) * endpoint.series.interval_s;
}

double design_effect(const EndpointPicture& endpoint, Measure measure) {
  if (const auto own = effect_of(medians_of(endpoint, measure))) return *own;
  return std::max(1.0, 1 + (values_per_second(endpoint, measure) - 1) * correlation_of(endpoint));
}

std::optional<std::vector<double>> seconds_above(const EndpointPicture& endpoint, Measure measure,
                                                 double threshold_us) {
  if (!model::info_of(measure).has_p99_series) return std::nullopt;
  const model::Series::Values* found = endpoint.series.find(model::p99_series(measure));
  if (found == nullptr) return std::nullopt;
  const auto [first, last] = active_range(endpoint);
  std::vector<double> out;
  for (std::size_t i = first; i < std::min(last, found->size()); ++i) {
    if (const auto& p99 = (*found)[i]) out.push_back(static_cast<double>(*p99) > threshold_us ? 1 : 0);
  }
  return out;
}

}  // namespace tcpdiag::diff
