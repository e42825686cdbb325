// SPDX-License-Identifier: Apache-2.0
#include "app/recorded_report.h"

#include <utility>

#include "app/tee.h"
#include "correlate/correlator.h"
#include "diagnose/diagnose.h"
#include "recording/reader.h"
#include "redact/redactor.h"
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

Result<model::Report> report_of(model::Recorded& recorded, const Narrowing& narrowing, bool redact,
                                const std::vector<model::Sink*>& also) {
  correlate::Correlator correlator;
  Tee all({&correlator});
  for (model::Sink* sink : also) all.add(*sink);
  std::optional<redact::Redactor> redactor;
  if (redact) redactor.emplace(all);
  model::Sink& first = redactor ? static_cast<model::Sink&>(*redactor) : all;

  model::View view = view_of(recorded, narrowing);
  if (const Result<> told = view::narrow(recorded, view, first); !told) return tl::unexpected(told.error());
  if (redactor) view = redactor->view(view);
  model::Report report = diagnose::make_report(correlator.finish());
  if (!view.is_whole()) report.view = std::move(view);
  return report;
}

Result<model::Report> report_of_file(const std::string& path, bool redact) {
  const auto reader = recording::Reader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  Result<model::Report> report = report_of(**reader, {}, redact, {});
  if (report) report->recording = (*reader)->file();
  return report;
}

}  // namespace tcpdiag::app
