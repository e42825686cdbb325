// SPDX-License-Identifier: Apache-2.0
// The command line: argv in, what to do out. Asks nothing of the machine, so that wrong use is told before anything
// else.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "app/diff_options.h"
#include "app/doctor_options.h"
#include "app/report_options.h"
#include "app/size_options.h"
#include "app/trace_options.h"
#include "util/result.h"

namespace tcpdiag::app {

struct ShowText {  // --help, --version
  std::string text;
};

using Command = std::variant<ShowText, TraceOptions, ReportOptions, DiffOptions, SizeOptions, DoctorOptions>;

// `argv` with the program's name. Every error is wrong use (kUsage).
Result<Command> parse_command_line(const std::vector<std::string>& argv);

}  // namespace tcpdiag::app
