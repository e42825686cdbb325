// SPDX-License-Identifier: Apache-2.0
#include "cli/report_options.h"

#include <utility>

namespace tcpdiag::cli {

Result<ReportOptions> to_report_options(TypedReportOptions typed) {
  if (typed.filters.expression.empty()) {
    return fail(ExitCode::kUsage, "report needs the recording to read",
                "name the file that 'tcpdiag trace -w FILE' has made, or - for standard input");
  }
  ReportOptions options;
  options.file = std::move(typed.filters.expression.front());
  typed.filters.expression.erase(typed.filters.expression.begin());
  auto filters = to_filters(typed.filters);
  if (!filters) return tl::unexpected(filters.error());
  constexpr std::string_view kTimes = "write 02:33:50 (UTC), 2026-11-21T02:33:50Z, or +90s from the beginning";
  auto from = one_of<ViewTime>("--from", typed.from, parse_view_time, "time", kTimes);
  if (!from) return tl::unexpected(from.error());
  auto to = one_of<ViewTime>("--to", typed.to, parse_view_time, "time", kTimes);
  if (!to) return tl::unexpected(to.error());
  auto out = to_output_options(typed.out);
  if (!out) return tl::unexpected(out.error());
  if (!out->write.empty() && out->write == options.file) {
    return contradiction("-w names the recording that is read", "give the new one a name of its own");
  }
  if (out->output == options.file) {
    return contradiction("-o names the recording that is read", "give the report a name of its own");
  }
  options.filters = std::move(*filters);
  options.from = *from;
  options.to = *to;
  options.out = std::move(*out);
  return options;
}

}  // namespace tcpdiag::cli
