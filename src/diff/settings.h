// SPDX-License-Identifier: Apache-2.0
// What two runs ran on: facts that are equal or not.
#pragma once

#include "diff/collector.h"
#include "model/report.h"

namespace tcpdiag::diff {

void compare_settings(const model::Report& good, const model::Report& bad, Collector& collector);

// What makes the comparison as a whole weaker: filters, lengths, losses, features.
void compare_circumstances(const model::Report& good, const model::Report& bad, Collector& collector);

}  // namespace tcpdiag::diff
