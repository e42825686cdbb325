// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_command.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "cli/caller.h"
#include "cli/confinement.h"
#include "cli/event_stream.h"
#include "cli/live_source.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/recording_output.h"
#include "cli/rendering.h"
#include "cli/report_writer.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/trace_session.h"
#include "cli/trace_target.h"

namespace tcpdiag::cli {
namespace {

ExitCode judge_trace(const model::Report& report, const TraceOptions& options) {
  return report.picture.window.ended_by == model::EndedBy::kError ? ExitCode::kFailed : judge(report, options.out);
}

}  // namespace

Result<ExitCode> trace_command(TraceOptions options) {
  Result<TraceTarget> target = resolve_target(std::move(options.filters));
  if (!target) return tl::unexpected(target.error());
  options.filters = target->filters;

  // Before the file: a Ctrl-C must not leave an empty one.
  const Result<Signals> signals = Signals::block();
  if (!signals) return tl::unexpected(signals.error());
  const std::optional<Caller> caller = caller_through_sudo();
  Result<Output> output = Output::open(options.out.output, options.out.force, caller);
  if (!output) return tl::unexpected(output.error());
  if (const Result<> able = check_live_source(); !able) return tl::unexpected(able.error());

  const std::vector<model::NetnsInfo> netns = netns_infos(target->netns);
  bpf::ProbeOptions probe_options;
  probe_options.filters = options.filters;
  probe_options.netns = std::move(target->netns);
  probe_options.ring_bytes = options.ring_bytes;
  probe_options.max_endpoints = options.max_endpoints;
  probe_options.max_events_per_second = options.max_events_per_second;
  Result<std::unique_ptr<LiveSource>> source = load_live_source(std::move(probe_options));
  if (!source) return tl::unexpected(source.error());

  Result<RecordingOutput> recording = RecordingOutput::open(options.out, caller);
  if (!recording) return tl::unexpected(recording.error());
  EventStream stream(*output, false);

  Progress progress(STDERR_FILENO, understands_escapes(STDERR_FILENO));
  // The recording first: its journal has to be removed at the end, while -o only wants its directory after a failure.
  std::vector<int> directories = recording->directories();
  for (const int directory : output->directories()) directories.push_back(directory);
  const auto confine = [&] { return confine_trace(caller, directories, **source); };
  Result<model::Report> report =
      run_trace(options, netns, **source, confine, *signals, progress,
                {.writer = recording->writer(), .stream = options.out.format == Format::kNdjson ? &stream : nullptr});
  if (!report) return tl::unexpected(report.error());
  source->reset();  // the kernel side costs nothing any more, however long the report's reader takes

  if (recording->writer() != nullptr) progress.say(recording->finish(*report));
  progress.finish();

  const Result<> written = write_report(*output, stream.take_rest() + render(*report, options.out, *output), *signals);
  if (!written) return tl::unexpected(written.error());
  return judge_trace(*report, options);
}

}  // namespace tcpdiag::cli
