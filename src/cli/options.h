// SPDX-License-Identifier: Apache-2.0
// What a command line asks for, checked in itself but not yet against this machine or a recording. Which command reads
// which field: the table of options (cli/option_table.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/address.h"
#include "model/filters.h"
#include "model/finding.h"
#include "model/time.h"
#include "session/view_time.h"
#include "size/plan.h"

namespace tcpdiag::cli {

// Bits: an option may belong to several commands.
enum CommandId : unsigned { kTrace = 1, kReport = 2, kDiff = 4, kSize = 8, kDoctor = 16 };

enum class Format { kText, kJson, kNdjson, kMarkdown, kHtml };

struct Options {
  CommandId command = kTrace;
  std::vector<std::string> argv;
  std::vector<std::string> files;  // operands; "-": standard input. Of diff: GOOD and BAD, or the only one

  model::Filters filters;                   // of netns_inodes, descendants and the cgroups' ids nothing is known yet
  std::optional<model::Duration> duration;  // absent: until a signal; 0: attach, report and end
  std::optional<session::ViewTime> from;
  std::optional<session::ViewTime> to;

  Format format = Format::kText;
  std::string output;  // empty: standard output
  bool force = false;  // overwrite `output` and `write`
  std::optional<model::Severity> fail_on;
  std::optional<std::size_t> sockets;     // absent: the format's default
  bool redact = false;                    // in everything that is written, `write` included
  std::string write;                      // a recording to make; empty: none
  std::optional<std::uint64_t> max_size;  // of `write`, bytes
  bool events = false;                    // a line each on standard error

  std::optional<model::Duration> floor;  // the RTT of the path without a queue, more than 0
  std::string instance_type;             // of this host; empty: as it says itself
  std::string peer_instance;             // empty: not given
  bool imds = false;                     // the metadata service may be asked

  bool probe = false;      // endpoints in doubt are connected to
  bool no_dns = false;     // look-ups of names are not followed
  bool dns_names = false;  // the names are read

  std::size_t ring_bytes = std::size_t{4} << 20;
  std::uint32_t max_endpoints = 256;
  std::uint32_t max_events_per_second = 30000;  // 0: any number; why so many: docs/architecture.md

  std::optional<double> baseline_bit_per_s;
  std::string instance;                         // empty: not given
  std::optional<size::Limit> limit;             // what either of them says
  std::optional<std::uint64_t> response_bytes;  // set, or a file is named
  std::optional<std::uint64_t> request_bytes;
  std::optional<double> rate_per_s;
  std::optional<std::uint64_t> clients;
  std::optional<std::uint32_t> mss_bytes;
  std::optional<model::SocketAddress> endpoint;  // of the file
};

}  // namespace tcpdiag::cli
