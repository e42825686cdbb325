// SPDX-License-Identifier: Apache-2.0
// Twice through the recording: what is known of a socket at its end (its port, its owner, what became of a request)
// decides about its beginning.
#include "view/narrow.h"

#include <utility>

#include "view/part.h"
#include "view/plan.h"
#include "view/retelling.h"
#include "view/selection.h"
#include "view/survey.h"

namespace tcpdiag::view {
namespace {

Result<Plan> plan_of(model::Recorded& recorded, const model::View& view) {
  Survey survey(view);
  if (Result<> told = recorded.tell(survey); !told) return tl::unexpected(told.error());
  if (!survey.start || !survey.end) {
    return fail(ExitCode::kFailed, "the recording has no beginning or no end", "read it without filters and times");
  }
  Result<Selection> selection = Selection::make(view.filters, *survey.start);
  if (!selection) return tl::unexpected(selection.error());
  const Result<Part> part = part_of(view, *survey.start, *survey.end);
  if (!part) return tl::unexpected(part.error());
  return make_plan(survey, std::move(*selection), *part);
}

}  // namespace

Result<> narrow(model::Recorded& recorded, const model::View& view, model::Sink& sink) {
  if (view.is_whole()) return recorded.tell(sink);
  const Result<Plan> plan = plan_of(recorded, view);
  if (!plan) return tl::unexpected(plan.error());
  Retelling retelling(*plan, sink);
  return recorded.tell(retelling);
}

}  // namespace tcpdiag::view
