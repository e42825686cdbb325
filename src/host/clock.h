// SPDX-License-Identifier: Apache-2.0
// The only place of the program that reads clocks: everything after a source is given the time.
#pragma once

#include "model/time.h"

namespace tcpdiag::host {

model::MonoTime mono_now();

// Both clocks at one moment, to within some hundred nanoseconds.
model::ClockPair read_clock_pair();

// The first moment after `now` at which a second of UTC begins, as `clock` tells it. The report's seconds are cut by
// the same pair, so a step of the wall clock moves neither.
model::MonoTime next_utc_second(const model::ClockPair& clock, model::MonoTime now);

}  // namespace tcpdiag::host
