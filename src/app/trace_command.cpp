// SPDX-License-Identifier: Apache-2.0
#include "app/trace_command.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "app/caller.h"
#include "app/confinement.h"
#include "app/live_source.h"
#include "app/output.h"
#include "app/progress.h"
#include "app/report_writer.h"
#include "app/signals.h"
#include "app/terminal.h"
#include "app/trace_session.h"
#include "app/trace_target.h"
#include "report/render.h"

namespace tcpdiag::app {
namespace {

std::string render(const model::Report& report, const TraceOptions& options, const Output& output) {
  if (options.format == Format::kJson) {
    report::JsonOptions json;
    json.sockets = options.sockets.value_or(json.sockets);
    return report::render_json(report, json);
  }
  report::TextOptions text;
  text.sockets = options.sockets.value_or(text.sockets);
  text.colour = !output.is_file() && understands_escapes(STDOUT_FILENO) && !colour_unwanted();
  return report::render_text(report, text);
}

ExitCode judge(const model::Report& report, const TraceOptions& options) {
  if (report.picture.window.ended_by == model::EndedBy::kError) return ExitCode::kFailed;
  const bool reached = options.fail_on && std::ranges::any_of(report.findings, [&options](const auto& finding) {
                         return finding.severity >= *options.fail_on;
                       });
  return reached ? ExitCode::kFindingReached : ExitCode::kDone;
}

}  // namespace

Result<ExitCode> trace_command(TraceOptions options) {
  Result<TraceTarget> target = resolve_target(std::move(options.filters));
  if (!target) return tl::unexpected(target.error());
  options.filters = target->filters;

  // Before the file: a Ctrl-C must not leave an empty one.
  const Result<Signals> signals = Signals::block();
  if (!signals) return tl::unexpected(signals.error());
  Result<Output> output = Output::open(options.output, options.force, caller_through_sudo());
  if (!output) return tl::unexpected(output.error());
  if (const Result<> able = check_live_source(); !able) return tl::unexpected(able.error());

  const std::vector<model::NetnsInfo> netns = netns_infos(target->netns);
  probe::ProbeOptions probe_options;
  probe_options.filters = options.filters;
  probe_options.netns = std::move(target->netns);
  probe_options.ring_bytes = options.ring_bytes;
  probe_options.max_endpoints = options.max_endpoints;
  Result<std::unique_ptr<LiveSource>> source = load_live_source(std::move(probe_options));
  if (!source) return tl::unexpected(source.error());

  Progress progress(STDERR_FILENO, understands_escapes(STDERR_FILENO));
  const auto confine = [&] { return confine_trace(caller_through_sudo(), output->directories(), **source); };
  const Result<model::Report> report = run_trace(options, netns, **source, confine, *signals, progress);
  if (!report) return tl::unexpected(report.error());
  source->reset();  // the kernel side costs nothing any more, however long the report's reader takes

  const Result<> written = write_report(*output, render(*report, options, *output), *signals);
  if (!written) return tl::unexpected(written.error());
  return judge(*report, options);
}

}  // namespace tcpdiag::app
