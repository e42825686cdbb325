// SPDX-License-Identifier: Apache-2.0
// The tests that decide whether a difference may be chance. All are two-sided, and exact where the counts are small.
#pragma once

#include <cstddef>
#include <span>

namespace tcpdiag::diff {

// Two shares, `hits_a` of `n_a` and `hits_b` of `n_b`: probability of shares that differ as much or more if both sides
// have the same (Fisher's exact test, twice the smaller tail; from 20,000 hits on the normal approximation).
// Counts are those of independent values, rounded down; hits are at most n. 1 where a side has none.
double p_of_shares(double hits_a, double n_a, double hits_b, double n_b);

// Two rates, `events_a` in `time_a` and `events_b` in `time_b`: as above (Przyborowski and Wilenski 1940: given their
// sum, one of two Poisson counts is binomial). Times are > 0.
double p_of_rates(double events_a, double time_a, double events_b, double time_b);

// `hits` of `n` where each is one with probability `p` (sign test for p = 1/2).
double p_of_binomial(double hits, double n, double p);

// How many times the variance of counts with the share or the rate that they have on the whole exceeds that of
// independent ones, at least 1: binomial counts, `hits[i]` of `n[i]`. The largest over blocks of 1, 2, 4, ... values,
// so that what hangs together over seconds is found too (batch means, Conway 1963). `otherwise`: fewer than
// kFewestSeconds values.
double dispersion_of_shares(std::span<const double> hits, std::span<const double> n, double otherwise);

// Sum of `y` over sum of `x` and its standard error from the residuals of blocks (ratio estimator, Cochran 1977, 6.3),
// the largest over blocks of 1, 2, 4, ... values.
struct Ratio {
  double value = 0;
  double error = 0;
  std::size_t blocks = 0;  // that were used; 0: too few
};
Ratio ratio_of(std::span<const double> y, std::span<const double> x);
// Two of them (Welch's test, with the smaller number of blocks less 1 for the degrees of freedom). 1 where one has no
// blocks.
double p_of_ratios(const Ratio& a, const Ratio& b);

// A variance estimated with so many degrees of freedom is, at 90 %, not more than this times the estimate (chi-square;
// Wilson and Hilferty 1931). Few blocks may miss by chance what they have in common.
double upper_bound_factor(double freedom);

// Largest distance of two empirical distributions, of sorted values; and the probability of as much or more from `n_a`
// and `n_b` values of one distribution (Kolmogorov and Smirnov; Stephens 1970 for small numbers).
double smirnov_distance(std::span<const double> a, std::span<const double> b);
double p_of_smirnov(double distance, double n_a, double n_b);

// Lag-1 autocorrelation of 0/1 values, 0 where they are all alike; at most 0.95.
double autocorrelation(std::span<const double> values);

}  // namespace tcpdiag::diff
