// SPDX-License-Identifier: Apache-2.0
#include "diff/statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "diff/thresholds.h"

namespace tcpdiag::diff {
namespace {

// Above, the normal approximation is as good as the exact sum, and the sum is slow.
constexpr double kExactUpTo = 20'000;

// std::lgamma writes a global; this is Stirling's series (Abramowitz and Stegun 6.1.41), to 1e-10 from 10 on.
double log_factorial(double n) {
  double z = n + 1;
  double below = 0;
  for (; z < 10; ++z) below += std::log(z);
  const double inverse = 1 / z;
  const double square = inverse * inverse;
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  return (z - 0.5) * std::log(z) - z + kHalfLogTwoPi +
         inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) - below;
}

double log_choose(double n, double k) { return log_factorial(n) - log_factorial(k) - log_factorial(n - k); }

double two_sided_normal(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }

// Twice the smaller tail that begins at `at`, of values low..high with these logarithms of their probability.
double two_sided(double low, double high, double at, const std::function<double(double)>& log_probability) {
  double below = 0;
  double above = 0;
  for (double k = low; k <= high; ++k) {
    const double p = std::exp(log_probability(k));
    if (k <= at) below += p;
    if (k >= at) above += p;
  }
  return std::min(1.0, 2 * std::min(below, above));
}

// Calls `use(first, last)` with the bounds of whole blocks of `length`.
template <typename Use>
void for_blocks(std::size_t n, std::size_t length, Use use) {
  for (std::size_t first = 0; first + length <= n; first += length) use(first, first + length);
}

double sum(std::span<const double> values, std::size_t first, std::size_t last) {
  double total = 0;
  for (std::size_t i = first; i < last; ++i) total += values[i];
  return total;
}

}  // namespace

double p_of_shares(double hits_a, double n_a, double hits_b, double n_b) {
  n_a = std::floor(n_a);
  n_b = std::floor(n_b);
  const double a = std::min(std::floor(hits_a), n_a);
  const double b = std::min(std::floor(hits_b), n_b);
  if (n_a < 1 || n_b < 1) return 1;
  const double n = n_a + n_b;
  const double hits = a + b;
  if (std::min(hits, n - hits) > kExactUpTo) {
    const double share = hits / n;
    const double error = std::sqrt(share * (1 - share) * (1 / n_a + 1 / n_b));
    return error > 0 ? two_sided_normal((a / n_a - b / n_b) / error) : 1;
  }
  // The rarer of hits and misses, so that the sum is short.
  const bool swap = hits > n - hits;
  const double rare = swap ? n - hits : hits;
  const double at = swap ? n_a - a : a;
  const double all = log_choose(n, rare);
  return two_sided(std::max(0.0, rare - n_b), std::min(rare, n_a), at,
                   [&](double k) { return log_choose(n_a, k) + log_choose(n_b, rare - k) - all; });
}

double p_of_binomial(double hits, double n, double p) {
  n = std::floor(n);
  hits = std::min(std::floor(hits), n);
  if (n < 1) return 1;
  if (p <= 0) return hits > 0 ? 0 : 1;
  if (p >= 1) return hits < n ? 0 : 1;
  if (n > kExactUpTo) return two_sided_normal((hits - n * p) / std::sqrt(n * p * (1 - p)));
  return two_sided(0, n, hits,
                   [&](double k) { return log_choose(n, k) + k * std::log(p) + (n - k) * std::log(1 - p); });
}

double p_of_rates(double events_a, double time_a, double events_b, double time_b) {
  if (time_a <= 0 || time_b <= 0) return 1;
  events_a = std::floor(events_a);
  events_b = std::floor(events_b);
  return p_of_binomial(events_b, events_a + events_b, time_b / (time_a + time_b));
}

double dispersion_of_shares(std::span<const double> hits, std::span<const double> n, double otherwise) {
  const std::size_t seconds = std::min(hits.size(), n.size());
  const double all = sum(n, 0, seconds);
  if (seconds < kFewestSeconds || all <= 0) return otherwise;
  const double share = std::min(sum(hits, 0, seconds) / all, 1.0);
  if (share <= 0 || share >= 1) return 1;
  double most = 1;
  for (std::size_t length = 1; seconds / length >= kFewestBlocks; length *= 2) {
    double squares = 0;
    double used = 0;
    double blocks = 0;
    for_blocks(seconds, length, [&](std::size_t first, std::size_t last) {
      const double block_n = sum(n, first, last);
      if (block_n <= 0) return;
      const double residual = sum(hits, first, last) - share * block_n;
      squares += residual * residual;
      used += block_n;
      ++blocks;
    });
    if (blocks < static_cast<double>(kFewestBlocks)) break;
    most = std::max(most, squares / (used * share * (1 - share)) * blocks / (blocks - 1));
  }
  return most;
}

Ratio ratio_of(std::span<const double> y, std::span<const double> x) {
  const std::size_t n = std::min(y.size(), x.size());
  Ratio best;
  const double all_x = sum(x, 0, n);
  if (all_x <= 0) return best;
  best.value = sum(y, 0, n) / all_x;
  for (std::size_t length = 1; n / length >= kFewestBlocks; length *= 2) {
    double squares = 0;
    std::size_t blocks = 0;
    for_blocks(n, length, [&](std::size_t first, std::size_t last) {
      const double block_x = sum(x, first, last);
      const double block_y = sum(y, first, last);
      if (block_x <= 0 && block_y <= 0) return;
      const double residual = block_y - best.value * block_x;
      squares += residual * residual;
      ++blocks;
    });
    if (blocks < kFewestBlocks) break;
    const auto count = static_cast<double>(blocks);
    const double error = std::sqrt(squares * count / (count - 1)) / all_x;
    if (best.blocks == 0 || error > best.error) {
      best.error = error;
      best.blocks = blocks;
    }
  }
  return best;
}

double p_of_ratios(const Ratio& a, const Ratio& b) {
  if (a.blocks < 2 || b.blocks < 2) return 1;
  const double error = std::hypot(a.error, b.error);
  if (error <= 0) return a.value == b.value ? 1 : 0;
  const double t = (b.value - a.value) / error;
  const auto freedom = static_cast<double>(std::min(a.blocks, b.blocks) - 1);
  // Student's t as a normal deviate (Wallace 1959).
  const double z = (8 * freedom + 1) / (8 * freedom + 3) * std::sqrt(freedom * std::log1p(t * t / freedom));
  return two_sided_normal(z);
}

double upper_bound_factor(double freedom) {
  if (freedom < 1) return 1;
  constexpr double kTenPercent = -1.2816;
  const double part = 2 / (9 * freedom);
  const double root = std::max(1 - part + kTenPercent * std::sqrt(part), 0.1);
  return 1 / (root * root * root);
}

double smirnov_distance(std::span<const double> a, std::span<const double> b) {
  double most = 0;
  std::size_t in_a = 0;
  std::size_t in_b = 0;
  while (in_a < a.size() && in_b < b.size()) {
    const double value = std::min(a[in_a], b[in_b]);
    while (in_a < a.size() && a[in_a] == value) ++in_a;
    while (in_b < b.size() && b[in_b] == value) ++in_b;
    most = std::max(most, std::abs(static_cast<double>(in_a) / static_cast<double>(a.size()) -
                                   static_cast<double>(in_b) / static_cast<double>(b.size())));
  }
  return most;
}

double p_of_smirnov(double distance, double n_a, double n_b) {
  if (n_a < 1 || n_b < 1) return 1;
  const double root = std::sqrt(n_a * n_b / (n_a + n_b));
  const double x = (root + 0.12 + 0.11 / root) * distance;
  double sum = 0;
  double sign = 2;
  for (int k = 1; k <= 100; ++k, sign = -sign) sum += sign * std::exp(-2 * k * k * x * x);
  return x < 0.2 ? 1 : std::clamp(sum, 0.0, 1.0);
}

double autocorrelation(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double mean = sum(values, 0, values.size()) / static_cast<double>(values.size());
  double variance = 0;
  double covariance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    variance += (values[i] - mean) * (values[i] - mean);
    if (i > 0) covariance += (values[i] - mean) * (values[i - 1] - mean);
  }
  if (variance <= 0) return 0;
  return std::clamp(covariance / variance, 0.0, 0.95);
}

}  // namespace tcpdiag::diff
