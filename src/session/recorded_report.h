// SPDX-License-Identifier: Apache-2.0
// From a recording to its report: recording -> view -> redaction -> correlate -> diagnose.
#pragma once

#include <optional>

#include "model/filters.h"
#include "model/report.h"
#include "redact/redactor.h"
#include "session/outputs.h"
#include "session/view_time.h"
#include "source/recording/reader.h"
#include "source/replay.h"
#include "util/result.h"

namespace tcpdiag::session {

struct Slice {
  model::Filters filters;
  std::optional<ViewTime> from;
  std::optional<ViewTime> to;
};

// `redactor` replaces names and addresses; null: they stay. `outputs`, if there are any, get what the correlator gets.
// Errors: those of source::Replay and of session::slice().
Result<model::Report> report_of(source::Replay& recorded, const Slice& slice, redact::Redactor* redactor,
                                Outputs* outputs);

// The whole recording; its file is in Report::recording. Errors: those of recording::Reader.
Result<model::Report> report_of_whole(recording::Reader& recording, redact::Redactor* redactor);

}  // namespace tcpdiag::session
