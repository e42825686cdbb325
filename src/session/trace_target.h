// SPDX-License-Identifier: Apache-2.0
// The filters held against this machine: which processes, cgroups and namespaces they mean.
#pragma once

#include <string>
#include <vector>

#include "host/netns.h"
#include "model/filters.h"
#include "model/sample.h"
#include "util/result.h"

namespace tcpdiag::session {

struct TraceTarget {
  model::Filters filters;                      // with netns_inodes, descendants and the cgroups' ids
  std::vector<model::OtherNetns> other_netns;  // where there are connections besides
  std::vector<host::Netns> netns;              // each once: those of --netns, else those of -p, else this program's own
};

// Errors: no such process, cgroup or namespace, a thread instead of a process, a process outside the namespaces or with
// another name than given, more descendants or cgroups than the kernel programs have room for (kUsage); not permitted
// to see them, or -p where processes have other numbers than the kernel programs see (kNotAble).
Result<TraceTarget> resolve_target(model::Filters filters, const host::NetnsPlaces& places = {});

// With their sysctls.
std::vector<model::NetnsInfo> netns_infos(const std::vector<host::Netns>& netns);

}  // namespace tcpdiag::session
