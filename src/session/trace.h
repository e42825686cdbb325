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
#include "session/outputs.h"
#include "session/prober.h"
#include "session/progress.h"
#include "session/signals.h"
#include "source/source.h"
#include "util/result.h"

namespace tcpdiag::session {

struct TraceSettings {
  model::Filters filters;  // resolved (session/trace_target.h)
  std::vector<model::NetnsInfo> netns;
  std::vector<model::OtherNetns> other_netns;
  std::optional<model::Duration> duration;  // absent: until a signal; 0: attach, report and end
  std::optional<model::Duration> floor;     // the RTT of the path without a queue, more than 0
  std::string instance_type;                // of this host; empty: as it says itself
  std::string peer_instance;                // empty: not known
  bool imds = false;                        // the metadata service may be asked
  Prober* prober = nullptr;                 // null: nothing is sent
  std::vector<std::string> command;         // argv, for the report
};

// Drops the privileges that are not needed any more; what that made impossible. Called once everything is attached and
// open, and before anything that was seen is looked at.
using Confine = std::function<Result<std::vector<model::Feature>>()>;

// `outputs` get what the correlator gets, and are finished; `redactor`, if there is one, stands before all of them.
// From the end of the trace on a second signal ends the program (Signals::let_end()). Errors come from attaching and
// confining only; whatever goes wrong afterwards is in the report's window.
Result<model::Report> run_trace(const TraceSettings& settings, source::Source& source, const Confine& confine,
                                const Signals& signals, Progress& progress, Outputs& outputs,
                                redact::Redactor* redactor = nullptr);

}  // namespace tcpdiag::session
