// SPDX-License-Identifier: Apache-2.0
// A run in a few words.
#pragma once

#include "diff/difference.h"
#include "model/report.h"

namespace tcpdiag::diff {

RunSummary summary_of(const model::Report& report);

}  // namespace tcpdiag::diff
