// SPDX-License-Identifier: Apache-2.0
// View: what a recording is narrowed to when it is read, beside what the trace itself was limited to.
#pragma once

#include <optional>

#include "model/filters.h"
#include "model/time.h"

namespace tcpdiag::model {

struct View {
  Filters filters;               // netns_inodes and netns_as_given as typed; nothing is resolved on this machine
  std::optional<WallTime> from;  // included
  std::optional<WallTime> to;    // not included

  bool is_whole() const { return !from && !to && filters.takes_everything(); }
};

}  // namespace tcpdiag::model
