// SPDX-License-Identifier: Apache-2.0
// Twice through the recording: what is known of a socket at its end (its port, its owner, what became of a request)
// decides about its beginning.
#include "session/slice/slice.h"

#include <utility>

#include "session/slice/index.h"
#include "session/slice/part.h"
#include "session/slice/plan.h"
#include "session/slice/replayer.h"
#include "session/slice/selection.h"

namespace tcpdiag::session {
namespace {

Result<Plan> plan_of(source::Replay& recorded, const model::View& view) {
  Index index(view);
  if (Result<> emitted = recorded.replay(index); !emitted) return tl::unexpected(emitted.error());
  if (!index.start || !index.end) {
    return fail(ExitCode::kFailed, "the recording has no beginning or no end", "read it without filters and times");
  }
  Result<Selection> selection = Selection::make(view.filters, *index.start);
  if (!selection) return tl::unexpected(selection.error());
  const Result<Part> part = part_of(view, *index.start, *index.end);
  if (!part) return tl::unexpected(part.error());
  return make_plan(index, std::move(*selection), *part);
}

}  // namespace

Result<> slice(source::Replay& recorded, const model::View& view, model::Sink& sink) {
  if (view.is_whole()) return recorded.replay(sink);
  const Result<Plan> plan = plan_of(recorded, view);
  if (!plan) return tl::unexpected(plan.error());
  Replayer replayer(*plan, sink);
  return recorded.replay(replayer);
}

}  // namespace tcpdiag::session
