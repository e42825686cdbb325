// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_command.h"

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
#include "session/recording_output.h"
#include "session/report_writer.h"
#include "session/signals.h"
#include "session/trace.h"
#include "session/trace_target.h"
#include "source/live.h"

namespace tcpdiag::cli {
namespace {

ExitCode judge_trace(const model::Report& report, const Options& options) {
  return report.picture.window.ended_by == model::EndedBy::kError ? ExitCode::kFailed : judge(report, options);
}

}  // namespace

Result<ExitCode> trace_command(const Options& options) {
  Result<session::TraceTarget> target = session::resolve_target(options.filters);
  if (!target) return tl::unexpected(target.error());

  // Before the file: a Ctrl-C must not leave an empty one.
  const Result<session::Signals> signals = session::Signals::block();
  if (!signals) return tl::unexpected(signals.error());
  const Result<std::optional<session::Caller>> through_sudo = session::caller_through_sudo();
  if (!through_sudo) return tl::unexpected(through_sudo.error());
  const std::optional<session::Caller>& caller = *through_sudo;
  Result<session::Output> output = session::Output::open(options.output, options.force, caller);
  if (!output) return tl::unexpected(output.error());
  if (const Result<> able = source::check_live_source(); !able) return tl::unexpected(able.error());

  std::optional<session::Prober> prober;
  if (options.probe) {
    Result<session::Prober> started = session::Prober::start(target->netns);
    if (!started) return tl::unexpected(started.error());
    prober = std::move(*started);
  }
  const session::TraceSettings settings{.filters = target->filters,
                                        .netns = session::netns_infos(target->netns),
                                        .other_netns = std::move(target->other_netns),
                                        .duration = options.duration,
                                        .floor = options.floor,
                                        .instance_type = options.instance_type,
                                        .peer_instance = options.peer_instance,
                                        .imds = options.imds,
                                        .prober = prober ? &*prober : nullptr,
                                        .command = options.argv};
  auto source = source::load_live_source({.filters = std::move(target->filters),
                                          .netns = std::move(target->netns),
                                          .ring_bytes = options.ring_bytes,
                                          .dns = !options.no_dns,
                                          .dns_names = options.dns_names,
                                          .probe_pids = prober ? prober->pids() : std::vector<std::uint32_t>(),
                                          .max_endpoints = options.max_endpoints,
                                          .max_events_per_second = options.max_events_per_second});
  if (!source) return tl::unexpected(source.error());

  Result<session::RecordingOutput> recording = session::RecordingOutput::open(
      {.path = options.write, .force = options.force, .max_bytes = options.max_size}, caller);
  if (!recording) return tl::unexpected(recording.error());

  session::Progress progress(STDERR_FILENO, understands_escapes(STDERR_FILENO));
  session::EventStream stream(*output, false);
  session::EventPrinter printer(progress, false);
  redact::Redactor redactor(own_words());
  // The recording first: its journal has to be removed at the end, while -o only wants its directory after a failure.
  std::vector<int> directories = recording->directories();
  for (const int directory : output->directories()) directories.push_back(directory);
  const auto confine = [&] { return session::confine_trace(caller, directories, **source); };
  session::Outputs outputs({.recording = &*recording,
                            .stream = options.format == Format::kNdjson ? &stream : nullptr,
                            .printer = options.events ? &printer : nullptr},
                           progress);
  Result<model::Report> report = session::run_trace(settings, **source, confine, *signals, progress, outputs,
                                                    options.redact ? &redactor : nullptr);
  if (!report) return tl::unexpected(report.error());
  source->reset();  // the kernel side costs nothing any more, however long the report's reader takes

  const std::string text = render(*report, options, *output);
  const bool told = progress.finish();
  signals->hold();
  const Result<> written = session::write_report(*output, stream.take_rest() + text, *signals);
  if (!written) return tl::unexpected(written.error());
  if (outputs.failed() || !told) return ExitCode::kFailed;
  return judge_trace(*report, options);
}

}  // namespace tcpdiag::cli
