// SPDX-License-Identifier: Apache-2.0
// Two histograms of one measure: do they differ, by how much, and whom does it hurt.
#pragma once

#include "diff/collector.h"
#include "model/picture.h"

namespace tcpdiag::diff {

// All measures that both endpoints have.
void compare_delays(const model::EndpointPicture& good, const model::EndpointPicture& bad, const Scope& scope,
                    Collector& collector);

// Two histograms alone, of values that nothing tells more about (app_gap of failed calls): as many as `*_effect` of
// them are worth one.
void compare_values(const model::Histogram& good, const model::Histogram& bad, double good_effect, double bad_effect,
                    Difference difference, Collector& collector);

// Area between the two distributions where `bad` is the slower one: the mean by which a value of `bad` is larger, in
// us. Equal to the mean of the positive differences of their quantiles.
double mean_excess_us(const model::Histogram& good, const model::Histogram& bad);

// Least part of the values of `bad` that are larger than they would be if it had the distribution of `good`: the
// largest vertical distance of the two distributions on that side (Smirnov's one-sided statistic).
double share_slower(const model::Histogram& good, const model::Histogram& bad);

}  // namespace tcpdiag::diff
