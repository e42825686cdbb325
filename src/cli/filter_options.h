// SPDX-License-Identifier: Apache-2.0
// The filters that `trace` and `report` have in common, as typed and as what they mean.
#pragma once

#include "cli/option_parsing.h"
#include "model/filters.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct TypedFilters {
  Typed pid, comm, cgroup, local_port, remote_port, local, remote, netns, role;
  Typed expression;  // words, of which one may hold several
  bool ipv4 = false;
  bool ipv6 = false;
  bool children = false;
};

// Not yet held against any machine. Errors (kUsage): a value that is none, filters that contradict each other.
Result<model::Filters> to_filters(const TypedFilters& typed);

}  // namespace tcpdiag::cli
