// SPDX-License-Identifier: Apache-2.0
// What the command line of `tcpdiag trace` asks for, checked in itself but not yet against this machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/filter_options.h"
#include "cli/output_options.h"
#include "model/filters.h"
#include "model/time.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct TraceOptions {
  model::Filters filters;                   // of netns_inodes, descendants and the cgroups' ids nothing is known yet
  std::optional<model::Duration> duration;  // absent: until a signal; 0: attach, report and end
  std::optional<model::Duration> floor;     // the RTT of the path without a queue, more than 0
  OutputOptions out;
  std::size_t ring_bytes = std::size_t{4} << 20;
  std::uint32_t max_endpoints = 256;
  std::uint32_t max_events_per_second = 30000;  // 0: any number; why so many: docs/architecture.md
  std::string instance_type;                    // of this host; empty: as it says itself
  std::string peer_instance;                    // empty: not given
  bool imds = false;                            // the metadata service may be asked
  std::vector<std::string> command;             // argv, for the report
};

struct TypedTraceOptions {
  TypedFilters filters;
  TypedOutputOptions out;
  Typed duration, floor, ring_size, max_endpoints, max_events_per_second, instance_type, peer_instance;
  bool imds = false;
};

// Errors (kUsage): a value that is none, an option given twice that takes one value, options that contradict each
// other.
Result<TraceOptions> to_trace_options(const TypedTraceOptions& typed);

}  // namespace tcpdiag::cli
