// SPDX-License-Identifier: Apache-2.0
// Which part of the trace's time is wanted.
#pragma once

#include <chrono>
#include <optional>

#include "model/sample.h"
#include "model/view.h"
#include "util/result.h"

namespace tcpdiag::session {

// Rounds of samples come a little after the turn of a second: one that comes at most so much after a moment still tells
// of that moment.
inline constexpr model::Duration kRoundIsLate = std::chrono::milliseconds(200);

struct Part {
  std::optional<model::MonoTime> from;  // absent: from the trace's beginning
  std::optional<model::MonoTime> to;    // absent: to its end

  bool is_before(model::MonoTime at) const { return from && at < *from; }
  bool is_after(model::MonoTime at) const { return to && at >= *to; }
};

// Absent: further away than nanoseconds can count.
std::optional<model::MonoTime> to_mono(const model::ClockPair& clock, model::WallTime wall);

// Times within a millisecond of the trace's own beginning or end are these: reports show no more digits. Errors
// (kUsage): a time outside of the trace, nothing between the two.
Result<Part> part_of(const model::View& view, const model::TraceStart& start, const model::TraceEnd& end);

}  // namespace tcpdiag::session
