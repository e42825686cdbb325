// SPDX-License-Identifier: Apache-2.0
// Arithmetic of an endpoint's cumulative samples.
#pragma once

#include "model/sample.h"

namespace tcpdiag::model {

// What was counted since `base`, an earlier sample: all, where that is of another generation. Floors are kept: the path
// is the same. The longest stall may be an older one, so it is bounded by their sum.
EndpointSample since(EndpointSample sample, const EndpointSample& base);

// Two stretches of time in one; what is no sum is the later one's.
EndpointSample together(const EndpointSample& earlier, EndpointSample later);

}  // namespace tcpdiag::model
