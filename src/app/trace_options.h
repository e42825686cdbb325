// SPDX-License-Identifier: Apache-2.0
// What the command line of `tcpdiag trace` asks for, checked in itself but not yet against this machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/filters.h"
#include "model/finding.h"
#include "model/time.h"

namespace tcpdiag::app {

enum class Format { kText, kJson };

struct TraceOptions {
  model::Filters filters;                   // of netns_inodes, descendants and the cgroups' ids nothing is known yet
  std::optional<model::Duration> duration;  // absent: until a signal; 0: attach, report and end
  std::optional<model::Duration> floor;     // the RTT of the path without a queue, more than 0
  Format format = Format::kText;
  std::string output;  // empty: standard output
  bool force = false;  // overwrite `output`
  std::optional<model::Severity> fail_on;
  std::optional<std::size_t> sockets;  // absent: the format's default
  std::size_t ring_bytes = std::size_t{4} << 20;
  std::uint32_t max_endpoints = 256;
  std::string instance_type;         // of this host; empty: as it says itself
  std::string peer_instance;         // empty: not given
  bool imds = false;                 // the metadata service may be asked
  std::vector<std::string> command;  // argv, for the report
};

}  // namespace tcpdiag::app
