// SPDX-License-Identifier: Apache-2.0
// What only one of two runs has.
#pragma once

#include "diff/collector.h"
#include "diff/counts.h"
#include "diff/matching.h"

namespace tcpdiag::diff {

// Fills Comparison::only_in; large and failing endpoints and large processes become differences too.
void find_only_in(const model::Report& good, const model::Report& bad, const Pairs& pairs, Collector& to,
                  Comparison& out);

}  // namespace tcpdiag::diff
