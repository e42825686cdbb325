// SPDX-License-Identifier: Apache-2.0
// From what was typed behind an option to the value that it stands for. Every error names the option, the value and
// what would have been right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/option_parsing.h"
#include "app/trace_options.h"
#include "util/result.h"

namespace tcpdiag::app {

struct TypedTraceOptions {
  Typed pid, comm, cgroup, local_port, remote_port, local, remote, netns, role;
  Typed expression;  // words, of which one may hold several
  Typed duration, floor, format, output, fail_on, sockets, ring_size, max_endpoints;
  Typed instance_type, peer_instance;
  bool ipv4 = false;
  bool ipv6 = false;
  bool children = false;
  bool force = false;
  bool imds = false;
};

// Errors (kUsage): a value that is none, an option given twice that takes one value, options that contradict each
// other.
Result<TraceOptions> to_trace_options(const TypedTraceOptions& typed);

}  // namespace tcpdiag::app
