// SPDX-License-Identifier: Apache-2.0
// The counts of a report, of one endpoint and of all.
#pragma once

#include <map>
#include <string>

#include "correlate/state.h"

namespace tcpdiag::correlate {

// What every Totals has, although it may be 0: known zeros, not unknowns.
model::Totals known_zeros(const State& state);

// tally: the endpoint's, with the sockets still alive.
model::Totals totals_of(const State& state, const EndpointRecord& record, const Tally& tally,
                        const model::Totals& zeros);

void add_totals(model::Totals& sum, const model::Totals& totals);

// Beyond kReasonsKept names they are "others".
void add_reason(std::map<std::string, std::uint64_t>& reasons, const std::string& name, std::uint64_t count = 1);

}  // namespace tcpdiag::correlate
