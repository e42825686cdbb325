// SPDX-License-Identifier: Apache-2.0
// The picture's seconds, made of the cells that were kept.
#pragma once

#include <cstddef>
#include <cstdint>

#include "correlate/state.h"

namespace tcpdiag::correlate {

// The same for all endpoints of a picture.
struct SeriesShape {
  model::MonoTime origin{};
  model::MonoTime start{};  // of the trace
  model::MonoTime end{};
  std::int64_t interval_s = 1;  // of a value
  std::int64_t first_s = 0;     // seconds of the trace before `origin`, which are forgotten
  unsigned shift = 0;           // how often the kept cells are halved for it
  std::size_t n = 0;
};

// A value for each second, or where that were too many, for each 2, 4, ... seconds.
SeriesShape shape_of(const State& state, model::MonoTime start, model::MonoTime end);

// Fills `series` and `seconds`; the histograms are already there. What lies outside goes to the ends.
void set_series(const State& state, const EndpointRecord& record, const SeriesShape& shape,
                model::EndpointPicture& endpoint);

}  // namespace tcpdiag::correlate
