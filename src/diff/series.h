// SPDX-License-Identifier: Apache-2.0
// What the seconds of an endpoint tell about how far its values are independent.
//
// Requests of one second share their queue, their garbage collection, their neighbour: a thousand slow answers may be
// one event. So no test counts values; it counts what they are worth. For a delay with a median for each second:
// under independence the rank of a second's median of m values varies by 1/(4m); by how much it varies more is the
// design effect (Kish 1965), taken over blocks of 1, 2, 4, ... seconds so that what hangs together longer is found too.
#pragma once

#include <optional>
#include <vector>

#include "model/picture.h"

namespace tcpdiag::diff {

// The values of one array of the series, between the first and the last second in which the endpoint did anything;
// without these two, which are partly idle. 0 where nothing was measured. Empty: there is no such array.
std::vector<double> active(const model::EndpointPicture& endpoint, model::SeriesId array);
// The same seconds, of a count of model::Second.
std::vector<double> active(const model::EndpointPicture& endpoint, std::uint64_t model::Second::*count);
// How many they are, in seconds of time. 0: too few, so there is no rate.
double active_seconds(const model::EndpointPicture& endpoint);

// How many values of `measure` are worth one, at least 1.
double design_effect(const model::EndpointPicture& endpoint, model::Measure measure);

// For tails: one entry for each second with a p99 of `measure`, 1 where that is above `threshold_us`. nullopt: the
// measure has no series.
std::optional<std::vector<double>> seconds_above(const model::EndpointPicture& endpoint, model::Measure measure,
                                                 double threshold_us);

}  // namespace tcpdiag::diff
