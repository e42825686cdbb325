// SPDX-License-Identifier: Apache-2.0
// One trace, from attaching to its report: source -> correlator -> rules.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/filters.h"
#include "model/report.h"
#include "model/sample.h"
#include "redact/redactor.h"
#include "session/event_stream.h"
#include "session/progress.h"
#include "session/signals.h"
#include "source/recording/writer.h"
#include "source/source.h"
#include "util/result.h"

namespace tcpdiag::session {

struct TraceSettings {
  model::Filters filters;  // resolved (session/trace_target.h)
  std::vector<model::NetnsInfo> netns;
  std::optional<model::Duration> duration;  // absent: until a signal; 0: attach, report and end
  std::optional<model::Duration> floor;     // the RTT of the path without a queue, more than 0
  std::string instance_type;                // of this host; empty: as it says itself
  std::string peer_instance;                // empty: not known
  bool imds = false;                        // the metadata service may be asked
  std::vector<std::string> command;         // argv, for the report
};

// Who else gets what the correlator gets. Each may be null: there is none.
struct TraceSinks {
  recording::Writer* writer = nullptr;
  std::string recording;                 // what `writer` writes into, as typed
  EventStream* stream = nullptr;         // lines of --format ndjson
  EventPrinter* printer = nullptr;       // lines of --events
  redact::Redactor* redactor = nullptr;  // stands before all of them and the correlator
};

// Drops the privileges that are not needed any more; what that made impossible. Called once everything is attached and
// open, and before anything that was seen is looked at.
using Confine = std::function<Result<std::vector<model::Feature>>()>;

// Errors come from attaching and confining only; whatever goes wrong afterwards is in the report's window.
Result<model::Report> run_trace(const TraceSettings& settings, source::Source& source, const Confine& confine,
                                const Signals& signals, Progress& progress, const TraceSinks& sinks = {});

}  // namespace tcpdiag::session
