// SPDX-License-Identifier: Apache-2.0
#include "cli/command_table.h"

#include "cli/command_help.h"
#include "cli/diff_command.h"
#include "cli/doctor_command.h"
#include "cli/option_checks.h"
#include "cli/report_command.h"
#include "cli/size_command.h"
#include "cli/trace_command.h"

namespace tcpdiag::cli {

const std::vector<CommandRow>& command_table() {
  static const std::vector<CommandRow> kTable{
      {kTrace, "trace", "Watches TCP sockets and says what went wrong.", " [EXPRESSION]", kTraceFooter, check_trace,
       trace_command},
      {kReport, "report", "Reports what a recording holds, all of it or a part.", " FILE [EXPRESSION]", kReportFooter,
       check_report, report_command},
      {kDiff, "diff", "Says what differs between two recordings.", " GOOD BAD | FILE", kDiffFooter, check_diff,
       diff_command},
      {kSize, "size", "Says how many exchanges a bandwidth carries.", " [FILE]", kSizeFooter, check_size, size_command},
      {kDoctor, "doctor", "Says whether tracing works here, with hints.", "", kDoctorFooter, check_doctor,
       doctor_command},
  };
  return kTable;
}

}  // namespace tcpdiag::cli
