// SPDX-License-Identifier: Apache-2.0
// Picture -> findings, cause first. See docs/findings.md for each code.
#pragma once

#include <vector>

#include "model/finding.h"
#include "model/picture.h"
#include "model/report.h"

namespace tcpdiag::diagnose {

std::vector<model::Finding> diagnose(const model::Picture& picture);

// The whole report: findings, verdict, summary, what was not visible.
model::Report make_report(model::Picture picture);

}  // namespace tcpdiag::diagnose
