// SPDX-License-Identifier: Apache-2.0
// Waits for events, the second, the end of the trace's time and signals, until one of the latter two ends it.
#pragma once

#include <functional>
#include <optional>

#include "model/sample.h"
#include "model/sink.h"
#include "model/time.h"
#include "session/signals.h"
#include "source/source.h"

namespace tcpdiag::session {

struct LoopHooks {
  std::function<void()> every_second;
  std::function<bool()> after_events;  // false: nobody is left to write to, which ends the loop (kError)
};

// `duration` counts from now. The source is sampled at every whole second of UTC by `clock`, the pair that the report
// goes by, so that a sample tells of one second of the report; then `every_second` is called. kError: waiting itself
// failed, or after_events() said so.
model::EndedBy run_until_end(source::Source& source, model::Sink& sink, const Signals& signals,
                             const model::ClockPair& clock, std::optional<model::Duration> duration,
                             const LoopHooks& hooks);

}  // namespace tcpdiag::session
