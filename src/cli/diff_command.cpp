// SPDX-License-Identifier: Apache-2.0
#include "cli/diff_command.h"

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/option_table.h"
#include "cli/terminal.h"
#include "diff/compare.h"
#include "redact/own_words.h"
#include "redact/redactor.h"
#include "report/diff.h"
#include "session/caller.h"
#include "session/confinement.h"
#include "session/output.h"
#include "session/recorded_report.h"
#include "session/report_writer.h"
#include "session/signals.h"
#include "session/version.h"
#include "source/recording/reader.h"

namespace tcpdiag::cli {
namespace {

Result<diff::Comparison> comparison_of(const Options& options, const std::vector<int>& directories) {
  std::vector<std::unique_ptr<recording::Reader>> recordings;
  for (const std::string& file : options.files) {
    auto recording = recording::Reader::open(file);
    if (!recording) return tl::unexpected(recording.error());
    recordings.push_back(std::move(*recording));
  }
  if (const auto confined = session::confine_offline(directories); !confined) return tl::unexpected(confined.error());
  // One for both: what is the same in both is to be found again.
  redact::Redactor redactor(own_words());
  for (const auto& recording : recordings) {
    if (redact::is_redacted(recording->start())) redactor.expect_tokens();
  }
  std::vector<model::Report> reports;
  for (const auto& recording : recordings) {
    Result<model::Report> report = session::report_of_whole(*recording, options.redact ? &redactor : nullptr);
    if (!report) return tl::unexpected(report.error());
    reports.push_back(std::move(*report));
  }
  return reports.size() == 1 ? diff::compare_outcomes(reports[0]) : diff::compare(reports[0], reports[1]);
}

}  // namespace

Result<ExitCode> diff_command(Options options) {
  if (const Result<> became = session::become_caller(); !became) return tl::unexpected(became.error());
  Result<session::Output> output = session::Output::open(options.output, options.force, std::nullopt);
  if (!output) return tl::unexpected(output.error());
  const Result<diff::Comparison> comparison = comparison_of(options, output->directories());
  if (!comparison) return tl::unexpected(comparison.error());

  const bool colour = !output->is_file() && understands_escapes(STDOUT_FILENO) && !colour_unwanted();
  const std::string answer =
      options.format == Format::kJson
          ? report::render_diff_json(
                *comparison,
                {.tool_version = std::string(session::kVersion),
                 .tool_git = std::string(session::kGit),
                 .command = options.redact ? redact::redacted_command(options.argv, own_words()) : options.argv})
          : report::render_diff_text(*comparison, colour);
  const Result<session::Signals> signals = session::Signals::block();
  if (!signals) return tl::unexpected(signals.error());
  const Result<> written = session::write_report(*output, answer, *signals);
  if (!written) return tl::unexpected(written.error());
  return ExitCode::kDone;
}

}  // namespace tcpdiag::cli
