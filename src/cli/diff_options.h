// SPDX-License-Identifier: Apache-2.0
// What the command line of `tcpdiag diff` asks for.
#pragma once

#include <string>
#include <vector>

#include "cli/output_options.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct DiffOptions {
  std::string good;  // or the only one
  std::string bad;   // empty: failed against good sockets of `good`
  Format format = Format::kText;
  std::string output;  // empty: standard output
  bool force = false;
  bool redact = false;
  std::vector<std::string> command;  // argv
};

struct TypedDiffOptions {
  Typed files, format, output;
  bool force = false;
  bool redact = false;
};

// Errors (kUsage): no file or more than two, an unknown format, an option given twice.
Result<DiffOptions> to_diff_options(const TypedDiffOptions& typed);

}  // namespace tcpdiag::cli
