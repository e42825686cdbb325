// SPDX-License-Identifier: Apache-2.0
#include "app/diff_command.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "app/caller.h"
#include "app/output.h"
#include "app/recorded_report.h"
#include "app/report_writer.h"
#include "app/signals.h"
#include "app/terminal.h"
#include "app/version.h"
#include "diff/compare.h"
#include "redact/known_options.h"
#include "report/diff.h"

namespace tcpdiag::app {
namespace {

Result<diff::Comparison> comparison_of(const DiffOptions& options) {
  const Result<model::Report> good = report_of_file(options.good, options.redact);
  if (!good) return tl::unexpected(good.error());
  if (options.bad.empty()) return diff::compare_outcomes(*good);
  const Result<model::Report> bad = report_of_file(options.bad, options.redact);
  if (!bad) return tl::unexpected(bad.error());
  return diff::compare(*good, *bad);
}

}  // namespace

Result<ExitCode> diff_command(const DiffOptions& options) {
  if (const Result<> became = become_caller(); !became) return tl::unexpected(became.error());
  Result<Output> output = Output::open(options.output, options.force, std::nullopt);
  if (!output) return tl::unexpected(output.error());
  const Result<diff::Comparison> comparison = comparison_of(options);
  if (!comparison) return tl::unexpected(comparison.error());

  const bool colour = !output->is_file() && understands_escapes(STDOUT_FILENO) && !colour_unwanted();
  const std::string answer =
      options.format == Format::kJson
          ? report::render_diff_json(
                *comparison, {.tool_version = std::string(kVersion),
                              .tool_git = std::string(kGit),
                              .command = options.redact ? redact::redacted_command(options.command) : options.command})
          : report::render_diff_text(*comparison, colour);
  const Result<Signals> signals = Signals::block();
  if (!signals) return tl::unexpected(signals.error());
  const Result<> written = write_report(*output, answer, *signals);
  if (!written) return tl::unexpected(written.error());
  return ExitCode::kDone;
}

}  // namespace tcpdiag::app
