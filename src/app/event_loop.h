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

// `duration` counts from now. `every_second` is called after the source was sampled. kError: waiting itself failed.
model::EndedBy run_until_end(LiveSource& source, model::Sink& sink, const Signals& signals,
                             std::optional<model::Duration> duration, const std::function<void()>& every_second);

}  // namespace tcpdiag::app
