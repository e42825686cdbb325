// SPDX-License-Identifier: Apache-2.0
// The commands, each once.
#pragma once

#include <vector>

#include "cli/option_parsing.h"
#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct CommandRow {
  CommandId id;
  const char* name;
  const char* description;  // in --help
  const char* operands;     // behind [OPTIONS]
  const char* footer;       // of its --help, below the options
  // What options and operands must hold together (cli/option_checks.h).
  Result<> (*check)(Options& options, Typed operands);
  Result<ExitCode> (*run)(Options options);
};

const std::vector<CommandRow>& command_table();  // in the order of --help

}  // namespace tcpdiag::cli
