// SPDX-License-Identifier: Apache-2.0
#include "cli/rendering.h"

#include <unistd.h>

#include <algorithm>

#include "cli/terminal.h"
#include "report/event_lines.h"
#include "report/render.h"

namespace tcpdiag::cli {
namespace {

// The format's own default where --sockets was not given.
template <typename RenderOptions>
RenderOptions with_sockets(const Options& options) {
  RenderOptions render;
  render.sockets = options.sockets.value_or(render.sockets);
  return render;
}

}  // namespace

std::string render(const model::Report& report, const Options& options, const session::Output& output) {
  switch (options.format) {
    case Format::kJson:
      return report::render_json(report, with_sockets<report::JsonOptions>(options));
    case Format::kNdjson:
      return report::ndjson_report_line(report, with_sockets<report::JsonOptions>(options));
    case Format::kMarkdown:
      return report::render_markdown(report, with_sockets<report::MarkdownOptions>(options));
    case Format::kHtml:
      return report::render_html(report, with_sockets<report::HtmlOptions>(options));
    case Format::kText:
      break;
  }
  auto text = with_sockets<report::TextOptions>(options);
  text.colour = !output.is_file() && understands_escapes(STDOUT_FILENO) && !colour_unwanted();
  return report::render_text(report, text);
}

ExitCode judge(const model::Report& report, const Options& options) {
  const bool reached = options.fail_on && std::ranges::any_of(report.findings, [&options](const auto& finding) {
                         return finding.severity >= *options.fail_on;
                       });
  return reached ? ExitCode::kFindingReached : ExitCode::kDone;
}

}  // namespace tcpdiag::cli
