// SPDX-License-Identifier: Apache-2.0
#include "cli/report_command.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/option_table.h"
#include "cli/rendering.h"
#include "cli/terminal.h"
#include "session/caller.h"
#include "session/confinement.h"
#include "session/event_stream.h"
#include "session/output.h"
#include "session/outputs.h"
#include "session/progress.h"
#include "session/recorded_report.h"
#include "session/recording_output.h"
#include "session/report_writer.h"
#include "session/signals.h"
#include "source/recording/reader.h"

namespace tcpdiag::cli {

Result<ExitCode> report_command(const Options& options) {
  if (const Result<> became = session::become_caller(); !became) return tl::unexpected(became.error());
  const auto reader = recording::Reader::open(options.files.front());
  if (!reader) return tl::unexpected(reader.error());
  Result<session::Output> output = session::Output::open(options.output, options.force, std::nullopt);
  if (!output) return tl::unexpected(output.error());
  Result<session::RecordingOutput> recording = session::RecordingOutput::open(
      {.path = options.write, .force = options.force, .max_bytes = options.max_size}, std::nullopt);
  if (!recording) return tl::unexpected(recording.error());

  std::vector<int> directories = recording->directories();
  for (const int directory : output->directories()) directories.push_back(directory);
  if (const auto confined = session::confine_offline(directories); !confined) return tl::unexpected(confined.error());

  session::Progress progress(STDERR_FILENO, understands_escapes(STDERR_FILENO));
  session::EventStream stream(*output, true);
  session::EventPrinter printer(progress, true);
  session::Outputs outputs({.recording = &*recording,
                            .stream = options.format == Format::kNdjson ? &stream : nullptr,
                            .printer = options.events ? &printer : nullptr},
                           progress);
  redact::Redactor redactor(own_words());
  Result<model::Report> report =
      session::report_of(**reader, {.filters = options.filters, .from = options.from, .to = options.to},
                         options.redact ? &redactor : nullptr, &outputs);
  if (!report) return tl::unexpected(report.error());
  // Where another one was made, the report goes with that.
  report->recording = outputs.finish();
  if (!report->recording) report->recording = (*reader)->file();
  const std::string text = render(*report, options, *output);

  // Not before here: Ctrl-C may end the reading of a large recording at once.
  const Result<session::Signals> signals = session::Signals::block();
  if (!signals) return tl::unexpected(signals.error());
  const bool told = progress.finish();
  const Result<> written = session::write_report(*output, stream.take_rest() + text, *signals);
  if (!written) return tl::unexpected(written.error());
  if (outputs.failed() || !told) return ExitCode::kFailed;
  return judge(*report, options);
}

}  // namespace tcpdiag::cli
