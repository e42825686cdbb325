// SPDX-License-Identifier: Apache-2.0
// What the command line of `tcpdiag size` asks for, checked in itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/option_parsing.h"
#include "cli/output_options.h"
#include "model/address.h"
#include "size/plan.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct SizeOptions {
  std::optional<size::Limit> limit;             // of --baseline or --instance
  std::optional<std::uint64_t> response_bytes;  // set, or `file` is
  std::optional<std::uint64_t> request_bytes;
  std::optional<double> rate_per_s;
  std::optional<std::uint64_t> clients;
  std::optional<std::uint32_t> mss_bytes;
  std::string file;                              // a JSON report; "-": standard input; empty: none
  std::optional<model::SocketAddress> endpoint;  // of `file`
  Format format = Format::kText;
  std::vector<std::string> command;  // argv
};

struct TypedSizeOptions {
  Typed baseline, instance, response, request, rate, clients, mss, endpoint, format;
  Typed files;
};

// Errors (kUsage): a value that is none, an option given twice, options that contradict each other, too little to
// compute anything from.
Result<SizeOptions> to_size_options(const TypedSizeOptions& typed);

}  // namespace tcpdiag::cli
