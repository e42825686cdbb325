// SPDX-License-Identifier: Apache-2.0
// The filters held against this machine: which processes and namespaces they mean.
#pragma once

#include <string>
#include <vector>

#include "host/netns.h"
#include "model/filters.h"
#include "model/sample.h"
#include "util/result.h"

namespace tcpdiag::app {

struct TraceTarget {
  model::Filters filters;          // with netns_inodes
  std::vector<host::Netns> netns;  // each once: those of --netns, else those of -p, else this program's own
};

// Errors: no such process or namespace, a thread instead of a process, a process outside the namespaces given (kUsage);
// not permitted to see them (kNotAble).
Result<TraceTarget> resolve_target(model::Filters filters, const host::NetnsPlaces& places = {});

std::vector<model::NetnsInfo> netns_infos(const std::vector<host::Netns>& netns);

}  // namespace tcpdiag::app
