// SPDX-License-Identifier: Apache-2.0
// Waits for events, the second, the end of the trace's time and signals, until one of the latter two ends it.
#pragma once

#include <functional>
#include <optional>

#include "app/live_source.h"
#include "app/signals.h"
#include "model/sample.h"
#include "model/sink.h"
#include "model/time.h"

namespace tcpdiag::app {

// `duration` counts from now. The source is sampled at every whole second of UTC by `clock`, the pair that the report
// goes by, so that a sample tells of one second of the report; then `every_second` is called. kError: waiting itself
// failed.
model::EndedBy run_until_end(LiveSource& source, model::Sink& sink, const Signals& signals,
                             const model::ClockPair& clock, std::optional<model::Duration> duration,
                             const std::function<void()>& every_second);

}  // namespace tcpdiag::app
