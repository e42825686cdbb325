// SPDX-License-Identifier: Apache-2.0
#include "app/recorded_report.h"

#include <utility>

#include "app/tee.h"
#include "correlate/correlator.h"
#include "diagnose/diagnose.h"
#include "view/narrow.h"

namespace tcpdiag::app {
namespace {

// Times of day and those after the beginning need the recording's clock.
model::View view_of(const model::Recorded& recorded, const Narrowing& narrowing) {
  const model::WallTime begin = recorded.start().clock.wall_at;
  model::View view{.filters = narrowing.filters, .from = {}, .to = {}};
  if (narrowing.from) view.from = resolve(*narrowing.from, begin);
  if (narrowing.to) view.to = resolve(*narrowing.to, begin);
  return view;
}

}  // namespace

Result<model::Report> report_of(model::Recorded& recorded, const Narrowing& narrowing, redact::Redactor* redactor,
                                const std::vector<model::Sink*>& also) {
  correlate::Correlator correlator;
  Tee all({&correlator});
  for (model::Sink* sink : also) all.add(*sink);
  if (redactor != nullptr) redactor->lead_to(all);
  model::Sink& first = redactor != nullptr ? static_cast<model::Sink&>(*redactor) : all;

  model::View view = view_of(recorded, narrowing);
  if (const Result<> told = view::narrow(recorded, view, first); !told) return tl::unexpected(told.error());
  if (redactor != nullptr) view = redactor->view(view);
  model::Report report = diagnose::make_report(correlator.finish());
  if (!view.is_whole()) report.view = std::move(view);
  return report;
}

Result<model::Report> report_of_whole(recording::Reader& recording, redact::Redactor* redactor) {
  Result<model::Report> report = report_of(recording, {}, redactor, {});
  if (report) report->recording = recording.file();
  return report;
}

}  // namespace tcpdiag::app
