// SPDX-License-Identifier: Apache-2.0
#include "session/recorded_report.h"

#include <utility>

#include "correlate/correlator.h"
#include "diagnose/diagnose.h"
#include "session/slice/slice.h"

namespace tcpdiag::session {
namespace {

// Times of day and those after the beginning need the recording's clock.
model::View view_of(const source::Replay& recorded, const Slice& slice) {
  const model::WallTime begin = recorded.start().clock.wall_at;
  model::View view{.filters = slice.filters, .from = {}, .to = {}};
  if (slice.from) view.from = resolve(*slice.from, begin);
  if (slice.to) view.to = resolve(*slice.to, begin);
  return view;
}

}  // namespace

Result<model::Report> report_of(source::Replay& recorded, const Slice& slice, redact::Redactor* redactor,
                                Outputs* outputs) {
  correlate::Correlator correlator;
  if (outputs != nullptr) outputs->lead_to(correlator);
  model::Sink& all = outputs != nullptr ? static_cast<model::Sink&>(*outputs) : correlator;
  if (redactor != nullptr) redactor->lead_to(all);
  model::Sink& first = redactor != nullptr ? static_cast<model::Sink&>(*redactor) : all;

  model::View view = view_of(recorded, slice);
  if (const Result<> emitted = session::slice(recorded, view, first); !emitted) return tl::unexpected(emitted.error());
  if (redactor != nullptr) view = redactor->view(view);
  model::Report report = diagnose::make_report(correlator.finish());
  if (!view.is_whole()) report.view = std::move(view);
  return report;
}

Result<model::Report> report_of_whole(recording::Reader& recording, redact::Redactor* redactor) {
  Result<model::Report> report = report_of(recording, {}, redactor, nullptr);
  if (report) report->recording = recording.file();
  return report;
}

}  // namespace tcpdiag::session
