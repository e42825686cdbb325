// SPDX-License-Identifier: Apache-2.0
#include "session/trace.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "correlate/correlator.h"
#include "diagnose/diagnose.h"
#include "diagnose/in_doubt.h"
#include "host/clock.h"
#include "host/facts.h"
#include "host/instance.h"
#include "host/metadata_service.h"
#include "host/process.h"
#include "session/announce.h"
#include "session/event_loop.h"
#include "session/live_findings.h"
#include "session/version.h"
#include "util/uuid.h"

namespace tcpdiag::session {
namespace {

struct Instance {
  std::optional<std::string> type;
  std::string source;  // HostInfo::instance_type_source
};

// The firmware says it for nothing: the metadata service is asked only where that does not.
Instance own_instance(const TraceSettings& settings, Progress& progress) {
  if (!settings.instance_type.empty()) return {.type = settings.instance_type, .source = "option"};
  if (auto type = host::instance_type_from_dmi()) return {.type = std::move(type), .source = "dmi"};
  if (!settings.imds) return {};
  Result<std::string> type = host::ask_instance_type();
  if (!type) {
    progress.say(fmt::format("{}; {}", type.error().what, type.error().hint));
    return {};
  }
  progress.say(fmt::format("asked EC2's metadata service: this is a {}", *type));
  return {.type = std::move(*type), .source = "imds"};
}

Result<model::TraceStart> trace_start(const TraceSettings& settings, const source::SourceInfo& source,
                                      Instance instance) {
  Result<std::string> id = random_uuid();
  if (!id) return tl::unexpected(id.error());
  model::TraceStart start;
  start.recording_id = std::move(*id);
  start.tool_version = kVersion;
  start.tool_git = kGit;
  start.command = settings.command;
  start.filters = settings.filters;
  start.netns = settings.netns;
  start.other_netns = settings.other_netns;
  start.origin = source.origin;
  start.abilities = source.features;
  start.reset_reasons = source.reset_reasons;
  start.drop_reasons = source.drop_reasons;
  start.clock = source.clock;
  start.requested_duration = settings.duration;
  start.floor = settings.floor;
  start.peer_instance = settings.peer_instance;
  if (settings.prober != nullptr) start.probe_pids = settings.prober->pids();
  start.host = host::host_facts(std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(start.clock.wall_at)));
  start.host.instance_type = std::move(instance.type);
  start.host.instance_type_source = std::move(instance.source);
  return start;
}

double seconds_of(const timeval& time) {
  constexpr double kMicro = 1e-6;
  return static_cast<double>(time.tv_sec) + kMicro * static_cast<double>(time.tv_usec);
}

model::Cost own_cost(model::Duration attaching, const host::PeakRss& peak_rss, std::optional<double> bpf_cpu_s) {
  model::Cost cost;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    cost.user_cpu_s = seconds_of(usage.ru_utime);
    cost.system_cpu_s = seconds_of(usage.ru_stime);
  }
  cost.peak_rss_bytes = peak_rss.bytes();
  cost.attach_us = static_cast<std::uint64_t>(model::microseconds(attaching));
  cost.bpf_cpu_s = bpf_cpu_s;
  return cost;
}

class Watch {
 public:
  Watch(const correlate::Correlator& correlator, Progress& progress, Prober* prober, model::MonoTime start)
      : correlator_(correlator), progress_(progress), prober_(prober), start_(start) {}

  void every_second(const std::optional<model::Loss>& loss) {
    const model::MonoTime now = host::mono_now();
    const std::uint64_t failures = correlator_.failures();
    const bool tells = findings_.due(failures, now);
    // Not for more than a twentieth of the time either.
    const bool probes = prober_ != nullptr && prober_->has_some_left() && now >= probe_not_before_;
    if (tells || probes) {
      const model::Picture picture = correlator_.picture_at(now);
      const std::vector<model::Finding> findings = diagnose::diagnose(picture);
      if (tells) tell(picture, findings, failures, now);
      if (probes) prober_->probe(diagnose::endpoints_in_doubt(picture, findings));
      if (probes) probe_not_before_ = now + 20 * (host::mono_now() - now);
    }
    const std::optional<std::uint64_t> lost = loss ? std::optional(loss->total()) : std::nullopt;
    const model::Snapshot snapshot = correlator_.snapshot(now, {});
    progress_.status(status_line(snapshot.open_sockets, snapshot.total.exchanges, failures, lost, now - start_));
  }

 private:
  void tell(const model::Picture& picture, const std::vector<model::Finding>& findings, std::uint64_t failures,
            model::MonoTime began) {
    for (std::string& line : findings_.take(picture, findings, failures, began, host::mono_now())) {
      progress_.say(std::move(line));
    }
  }

  const correlate::Correlator& correlator_;
  Progress& progress_;
  Prober* prober_;
  model::MonoTime probe_not_before_{};
  model::MonoTime start_;
  LiveFindings findings_;
};

}  // namespace

Result<model::Report> run_trace(const TraceSettings& settings, source::Source& source, const Confine& confine,
                                const Signals& signals, Progress& progress, Outputs& outputs,
                                redact::Redactor* redactor) {
  correlate::Correlator correlator;
  const host::PeakRss peak_rss;
  outputs.lead_to(correlator);
  if (redactor != nullptr) redactor->lead_to(outputs);
  model::Sink& sink = redactor != nullptr ? static_cast<model::Sink&>(*redactor) : outputs;

  Instance instance = own_instance(settings, progress);
  if (const Result<> attached = source.attach(); !attached) return tl::unexpected(attached.error());
  Result<model::TraceStart> start = trace_start(settings, source.info(), std::move(instance));
  if (!start) return tl::unexpected(start.error());
  const model::ClockPair clock = start->clock;
  const model::MonoTime began = clock.mono_at;
  const Result<std::vector<model::Feature>> confined = confine();
  if (!confined) return tl::unexpected(confined.error());
  start->abilities.insert(start->abilities.end(), confined->begin(), confined->end());
  sink.on_sample(std::move(*start));
  if (const Result<> begun = source.begin(sink); !begun) return tl::unexpected(begun.error());
  const model::Duration attaching = host::mono_now() - began;
  const std::optional<model::TraceStart>& told = correlator.start();  // redacted, where that was asked for
  assert(told);
  progress.say(tracing_line(told->filters, told->netns, source.sockets_at_start(), settings.duration));
  outputs.announce(redactor != nullptr);

  Watch watch(correlator, progress, settings.prober, began);
  outputs.commit();  // what the start has emitted: from now on a kill leaves a recording
  model::TraceEnd end;
  end.ended_by = run_until_end(source, sink, signals, clock, settings.duration,
                               {.every_second =
                                    [&watch, &source, &outputs] {
                                      outputs.commit();
                                      watch.every_second(source.loss());
                                    },
                                .after_events = [&outputs] { return outputs.flush(); }});
  progress.pause();
  end.partial = end.ended_by == model::EndedBy::kError;
  source::SourceEnd last = source.finish(sink);
  end.at = last.at;
  end.loss = last.loss;
  end.sockets_filtered_out = last.sockets_filtered_out;
  end.busiest_filtered_out = std::move(last.busiest_filtered_out);
  end.cost = own_cost(attaching, peak_rss, last.bpf_cpu_s);
  sink.on_sample(std::move(end));
  std::optional<model::RecordingFile> recorded = outputs.finish();
  // Everything is safe but the report.
  signals.let_end();
  model::Report report = diagnose::make_report(correlator.finish());
  report.recording = std::move(recorded);
  return report;
}

}  // namespace tcpdiag::session
