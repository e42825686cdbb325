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

bool is_whole(const Narrowing& narrowing) {
  return !narrowing.from && !narrowing.to && narrowing.filters.describe() == model::Filters().describe();
}

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

  std::optional<model::View> view;
  if (is_whole(narrowing)) {
    if (const Result<> told = recorded.tell(first); !told) return tl::unexpected(told.error());
  } else {
    model::View wanted = view_of(recorded, narrowing);
    if (const Result<> told = view::narrow(recorded, wanted, first); !told) return tl::unexpected(told.error());
    view = redactor ? redactor->view(wanted) : std::move(wanted);
  }
  model::Report report = diagnose::make_report(correlator.finish());
  report.view = std::move(view);
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
