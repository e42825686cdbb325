// SPDX-License-Identifier: Apache-2.0
// State -> Picture.
#pragma once

#include "correlate/state.h"

namespace tcpdiag::correlate {

// As if the trace ended at `until` (where it has ended, it tells how). Changes nothing.
model::Picture assemble(const State& state, model::MonoTime until);

}  // namespace tcpdiag::correlate
