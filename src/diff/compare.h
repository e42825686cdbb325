// SPDX-License-Identifier: Apache-2.0
// The two questions of `tcpdiag diff`. Both are pure functions of reports that were correlated and diagnosed.
#pragma once

#include "diff/difference.h"
#include "model/report.h"

namespace tcpdiag::diff {

// What is different in `bad`, a run that went wrong, from `good`, one that did not. Any two reports can be compared;
// what cannot be said of them is in Comparison::not_compared.
Comparison compare(const model::Report& good, const model::Report& bad);

// What the failed sockets of one run have that its good ones have not, for each endpoint that has both.
Comparison compare_outcomes(const model::Report& run);

}  // namespace tcpdiag::diff
