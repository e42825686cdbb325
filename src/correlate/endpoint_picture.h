// SPDX-License-Identifier: Apache-2.0
// One endpoint of the picture, but for its series.
#pragma once

#include "correlate/state.h"

namespace tcpdiag::correlate {

// tally: of all its sockets, folded and alive. zeros: Totals with 0 for what this source can tell. traced: how long
// the trace is.
model::EndpointPicture make_endpoint_picture(const State& state, const EndpointRecord& record, const Tally& tally,
                                             const model::Totals& zeros, model::Duration traced);

}  // namespace tcpdiag::correlate
