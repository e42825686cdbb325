// SPDX-License-Identifier: Apache-2.0
// What is reported first, what explains it, and the answer in one word.
#pragma once

#include "diff/difference.h"
#include "model/report.h"

namespace tcpdiag::diff {

// Sets Difference::explained_by of what is worse in `bad`: the cause at the root of the first finding about it.
void explain(Comparison& comparison, const model::Report& bad);

// Low confidence last; else by tier, worse before better, what is about one thing together, the larger score first.
void put_in_order(Comparison& comparison);

// Needs everything else. The gravest tier with something better or worse decides; where it has both,
// ten times as much of one.
Trend verdict_of(const Comparison& comparison);

}  // namespace tcpdiag::diff
