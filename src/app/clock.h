// SPDX-License-Identifier: Apache-2.0
// The only place of the program that reads clocks: everything after a source is told the time.
#pragma once

#include "model/time.h"

namespace tcpdiag::app {

model::MonoTime mono_now();

// Both clocks at one moment, to within some hundred nanoseconds.
model::ClockPair read_clock_pair();

}  // namespace tcpdiag::app
