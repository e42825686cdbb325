// SPDX-License-Identifier: Apache-2.0
// The command line: argv in, what to do out. Asks nothing of the machine, so that wrong use is told before anything
// else.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct ShowText {  // --help, --version
  std::string text;
};

// `argv` with the program's name. Every error is wrong use (kUsage).
Result<std::variant<ShowText, Options>> parse_command_line(const std::vector<std::string>& argv);

}  // namespace tcpdiag::cli
