// SPDX-License-Identifier: Apache-2.0
// The report in one word and in one paragraph.
#pragma once

#include <string>
#include <vector>

#include "diagnose/facts.h"
#include "model/finding.h"
#include "model/report.h"

namespace tcpdiag::diagnose {

// not_trustworthy: a loss that feeds the top finding (or its absence) exceeds 1 %; cause_found: the top finding is
// above notice, of medium or high confidence and no effect of another; symptoms_only: others above notice; else
// nothing.
model::Verdict verdict_of(const Facts& facts, const std::vector<model::Finding>& findings);

// The words of the first cause with its impact; where there is none, what was seen.
std::string summary_of(const Facts& facts, const std::vector<model::Finding>& findings, model::Verdict verdict);

// Ids of knowledge/not_visible.h that hold for this trace.
std::vector<std::string> not_visible_in(const model::Picture& picture);

}  // namespace tcpdiag::diagnose
