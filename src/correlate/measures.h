// SPDX-License-Identifier: Apache-2.0
// What an endpoint's newest sample says of delays, queues and windows.
#pragma once

#include "correlate/state.h"

namespace tcpdiag::correlate {

// Whether its sockets sent or received anything.
bool had_data(const Tally& tally);

// Fills the measured histograms, path_queue_in_missing, stalls, the share of sockets that agree, and what else
// comes from the sample. The floor is already in the picture. Names of histograms in docs/json.md.
void set_measures(const State& state, const EndpointRecord& record, const Tally& tally,
                  model::EndpointPicture& endpoint);

}  // namespace tcpdiag::correlate
