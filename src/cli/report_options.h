// SPDX-License-Identifier: Apache-2.0
// What the command line of `tcpdiag report` asks for, checked in itself but not yet against the recording.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/filter_options.h"
#include "cli/output_options.h"
#include "cli/view_time.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct ReportOptions {
  std::string file;  // "-": standard input
  model::Filters filters;
  std::optional<ViewTime> from;
  std::optional<ViewTime> to;
  OutputOptions out;
};

struct TypedReportOptions {
  TypedFilters filters;  // of `expression`, the first word is the file
  TypedOutputOptions out;
  Typed from, to;
};

// Errors (kUsage): as those of to_filters() and to_output_options(), no file.
Result<ReportOptions> to_report_options(TypedReportOptions typed);

}  // namespace tcpdiag::cli
