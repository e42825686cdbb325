// SPDX-License-Identifier: Apache-2.0
#include "cli/report_command.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/caller.h"
#include "cli/confinement.h"
#include "cli/event_stream.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/recorded_report.h"
#include "cli/recording_output.h"
#include "cli/rendering.h"
#include "cli/report_writer.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "source/recording/reader.h"

namespace tcpdiag::cli {

Result<ExitCode> report_command(const ReportOptions& options) {
  if (const Result<> became = become_caller(); !became) return tl::unexpected(became.error());
  const auto reader = recording::Reader::open(options.file);
  if (!reader) return tl::unexpected(reader.error());
  Result<Output> output = Output::open(options.out.output, options.out.force, std::nullopt);
  if (!output) return tl::unexpected(output.error());
  Result<RecordingOutput> recording = RecordingOutput::open(options.out, std::nullopt);
  if (!recording) return tl::unexpected(recording.error());

  std::vector<int> directories = recording->directories();
  for (const int directory : output->directories()) directories.push_back(directory);
  if (const auto confined = confine_offline(directories); !confined) return tl::unexpected(confined.error());

  Progress progress(STDERR_FILENO, understands_escapes(STDERR_FILENO));
  EventStream stream(*output, true);
  EventPrinter printer(progress);
  std::vector<model::Sink*> also;
  if (recording->writer() != nullptr) also.push_back(recording->writer());
  if (options.out.format == Format::kNdjson) also.push_back(&stream);
  if (options.out.events) also.push_back(&printer);
  redact::Redactor redactor;
  Result<model::Report> report =
      report_of(**reader, {.filters = options.filters, .from = options.from, .to = options.to},
                options.out.redact ? &redactor : nullptr, also);
  if (!report) return tl::unexpected(report.error());
  report->recording = (*reader)->file();
  // Another one was made: the report goes with that.
  if (recording->writer() != nullptr) progress.say(recording->finish(*report));
  progress.finish();

  // Not before here: Ctrl-C may end the reading of a large recording at once.
  const Result<Signals> signals = Signals::block();
  if (!signals) return tl::unexpected(signals.error());
  const Result<> written = write_report(*output, stream.take_rest() + render(*report, options.out, *output), *signals);
  if (!written) return tl::unexpected(written.error());
  return judge(*report, options.out);
}

}  // namespace tcpdiag::cli
