// SPDX-License-Identifier: Apache-2.0
// One trace, from attaching to its report: source -> correlator -> rules.
#pragma once

#include <functional>
#include <vector>

#include "cli/event_stream.h"
#include "cli/live_source.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/trace_options.h"
#include "model/report.h"
#include "model/sample.h"
#include "source/recording/writer.h"
#include "util/result.h"

namespace tcpdiag::cli {

// Who else is told what the correlator is told.
struct TraceSinks {
  recording::Writer* writer = nullptr;  // null: no recording
  EventStream* stream = nullptr;        // null: the format is not ndjson
};

// Gives up what rights are not needed any more; what that made impossible. Called once everything is attached and open,
// and before anything that was seen is looked at.
using Confine = std::function<Result<std::vector<model::Ability>>()>;

// `options.filters` are resolved. Errors come from attaching and confining only; whatever goes wrong afterwards is in
// the report's window.
Result<model::Report> run_trace(const TraceOptions& options, const std::vector<model::NetnsInfo>& netns,
                                LiveSource& source, const Confine& confine, const Signals& signals, Progress& progress,
                                const TraceSinks& sinks = {});

}  // namespace tcpdiag::cli
