// SPDX-License-Identifier: Apache-2.0
// The command line: argv in, what to do out. Asks nothing of the machine, so that wrong use is told before anything
// else.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/diff_options.h"
#include "cli/doctor_options.h"
#include "cli/report_options.h"
#include "cli/size_options.h"
#include "cli/trace_options.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct ShowText {  // --help, --version
  std::string text;
};

using Command = std::variant<ShowText, TraceOptions, ReportOptions, DiffOptions, SizeOptions, DoctorOptions>;

// `argv` with the program's name. Every error is wrong use (kUsage).
Result<Command> parse_command_line(const std::vector<std::string>& argv);

}  // namespace tcpdiag::cli
