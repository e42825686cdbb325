// SPDX-License-Identifier: Apache-2.0
// The newest seconds of every endpoint, added up.
#pragma once

#include "correlate/state.h"
#include "model/snapshot.h"

namespace tcpdiag::correlate {

// What events reported of the endpoint, and sums of its sockets or of the source, since it is known.
model::Activity total_of(const EndpointRecord& endpoint);

// window: rounded up to whole seconds, or to what a kept cell of a long trace holds.
model::Snapshot make_snapshot(const State& state, model::MonoTime now, model::Duration window);

}  // namespace tcpdiag::correlate
