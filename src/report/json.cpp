// SPDX-License-Identifier: Apache-2.0
// The report as one JSON object, "tcpdiag.report/1".
#include "report/json.h"

#include <algorithm>
#include <set>
#include <utility>

#include "report/event_lines.h"
#include "report/render.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

const char* ended_by_name(model::EndedBy by) {
  switch (by) {
    case model::EndedBy::kDuration:
      return "duration";
    case model::EndedBy::kSignal:
      return "signal";
    case model::EndedBy::kError:
      return "error";
  }
  return "error";
}

Json window_json(const JsonContext& context) {
  const model::Window& window = context.report.picture.window;
  return {{"start_at", context.at(window.start)},
          {"end_at", context.at(window.end)},
          {"duration_s", model::seconds(window.length())},
          {"ended_by", ended_by_name(window.ended_by)},
          {"partial", window.partial}};
}

// null: the whole trace. Else the report command's own filters, as `filters`, and the time that it was limited to.
Json view_json(const std::optional<model::View>& view) {
  if (!view) return nullptr;
  const auto wall_at = [](const std::optional<model::WallTime>& t) { return t ? Json(rfc3339(*t)) : Json(nullptr); };
  Json out = filters_json(view->filters);
  out["from_at"] = wall_at(view->from);
  out["to_at"] = wall_at(view->to);
  return out;
}

Json loss_json(const model::Loss& loss) {
  return {{"ring_full", loss.ring_full},
          {"sockets_full", loss.sockets_full},
          {"endpoints_full", loss.endpoints_full},
          {"processes_full", loss.processes_full},
          {"undecodable", loss.undecodable},
          {"rate_limited", loss.rate_limited},
          {"samples_thinned", loss.samples_thinned},
          {"disk_full", loss.disk_full},
          {"unseen_retransmits", loss.unseen_retransmits},
          {"unseen_resets", loss.unseen_resets},
          {"unseen_connects", loss.unseen_connects},
          {"unseen_reset_ends", loss.unseen_reset_ends}};
}

Json full_listeners_json(const std::vector<model::FullListener>& listeners) {
  Json out = Json::array();
  for (const model::FullListener& listener : listeners) {
    Json entry = address_json(listener.local);
    entry["backlog_max"] = listener.backlog_max;
    entry["limit"] = listener.limit;
    entry["samples"] = listener.samples;
    out.push_back(std::move(entry));
  }
  return out;
}

// All names in every report: null where this kernel has no such counter, or where it could not be read.
Json kernel_counters_json(const std::vector<model::NetnsPicture>& namespaces) {
  Json out = Json::array();
  for (const model::NetnsPicture& netns : namespaces) {
    Json counters = Json::object();
    for (const char* name : model::kKernelCounters) {
      const auto found = netns.counters.find(name);
      counters[name] = found == netns.counters.end() ? Json(nullptr) : Json(found->second);
    }
    out.push_back({{"netns_inode", netns.inode},
                   {"counters", std::move(counters)},
                   {"gone", netns.gone},
                   {"full_listeners", full_listeners_json(netns.full_listeners)}});
  }
  return out;
}

// Elsewhere it would only tell of processes that the report is not about.
Json other_netns_json(const model::Report& report) {
  Json out = Json::array();
  if (report.verdict != model::Verdict::kNothingSeen) return out;
  for (const model::OtherNetns& one : report.picture.start.other_netns) {
    out.push_back({{"netns_inode", one.inode},
                   {"pid", one.pid},
                   {"comm", text_json(one.comm)},
                   {"established", one.established},
                   {"sockets", one.sockets}});
  }
  return out;
}

Json cost_json(const model::Cost& cost) {
  return {{"bpf_cpu_s", or_null(cost.bpf_cpu_s)},
          {"user_cpu_s", cost.user_cpu_s},
          {"system_cpu_s", cost.system_cpu_s},
          {"peak_rss_bytes", cost.peak_rss_bytes},
          {"attach_us", cost.attach_us}};
}

}  // namespace

Ids::Ids(const model::Report& report, std::size_t socket_limit) {
  const std::size_t kept = report.picture.sockets.size();
  std::set<std::size_t> shown;
  for (std::size_t i = 0; i < std::min(kept, socket_limit); ++i) shown.insert(shown.end(), i);
  for (const model::Finding& finding : report.findings) shown.insert(finding.sockets.begin(), finding.sockets.end());
  shown_sockets_.assign(shown.begin(), shown.end());
}

std::string Ids::socket(std::size_t index) const {
  const auto at = std::lower_bound(shown_sockets_.begin(), shown_sockets_.end(), index);
  return "s" + std::to_string(at - shown_sockets_.begin() + 1);
}

std::string Ids::endpoint(std::size_t index) { return "e" + std::to_string(index + 1); }

std::string Ids::finding(std::size_t index) { return "f" + std::to_string(index + 1); }

Json JsonContext::at(model::MonoTime t) const { return rfc3339(report.picture.start.clock.to_wall(t)); }

Json JsonContext::at(const std::optional<model::MonoTime>& t) const { return t ? at(*t) : Json(nullptr); }

std::int64_t JsonContext::offset(model::MonoTime t) const { return offset_us(report.picture.window.start, t); }

namespace {

// Every member of the report, in the contract's order, to a writer that has JsonDocument's add() and add_list().
template <typename Document>
void write_report(Document& out, const JsonContext& context) {
  const model::Report& report = context.report;
  const model::Picture& picture = report.picture;
  const std::vector<std::size_t>& shown = context.ids.shown_sockets();
  const bool is_recorded = report.recording.has_value();

  Json totals = Json::object();
  append_totals(totals, picture.totals);

  out.add("schema", "tcpdiag.report/1");
  out.add("tool", tool_json(picture.start));
  out.add("command", texts_json(picture.start.command));
  out.add("recording_id", text_or_null(picture.start.recording_id));
  out.add("recording_sha256", is_recorded ? text_json(report.recording->sha256) : Json(nullptr));
  out.add("recording_bytes", is_recorded ? Json(report.recording->bytes) : Json(nullptr));
  out.add("view_filters", view_json(report.view));
  out.add("summary", text_json(report.summary));
  out.add("verdict", model::to_string(report.verdict));
  out.add("host", host_json(picture.start.host));
  out.add("origin", picture.start.origin == model::Origin::kBpf ? "bpf" : "capture");
  out.add("window", window_json(context));
  out.add("filters", filters_json(picture.start.filters));
  out.add("sockets_filtered_out", or_null(picture.sockets_filtered_out));
  out.add("other_netns", other_netns_json(report));
  out.add("abilities", features_json(picture.start.abilities));
  out.add("loss", loss_json(picture.loss));
  out.add("cost", cost_json(picture.cost));
  out.add("totals", totals);
  out.add("kernel_counters", kernel_counters_json(picture.netns));
  out.add("tcp_sysctls", tcp_sysctls_json(picture.start.netns));
  out.add_list("endpoints", picture.endpoints.size(), [&](std::size_t i) { return endpoint_json(context, i); });
  out.add("endpoints_evicted", picture.endpoints_evicted);
  out.add_list("sockets", shown.size(), [&](std::size_t i) { return socket_json(context, shown[i]); });
  out.add("sockets_shown", shown.size());
  out.add("sockets_omitted", picture.sockets_omitted + (picture.sockets.size() - shown.size()));
  out.add_list("findings", report.findings.size(), [&](std::size_t i) { return finding_json(context, i); });
  out.add("nic", nics_json(context));
  if (!picture.resolvers.empty()) {
    out.add_list("look_ups", picture.resolvers.size(), [&](std::size_t i) { return look_ups_json(context, i); });
  }
  out.add("not_visible", texts_json(report.not_visible));
}

}  // namespace

std::string render_json(const model::Report& report, const JsonOptions& options) {
  JsonDocument out;
  write_report(out, {report, Ids(report, options.sockets)});
  return out.take();
}

std::string ndjson_report_line(const model::Report& report, const JsonOptions& options) {
  JsonLine out;
  write_report(out, {report, Ids(report, options.sockets)});
  return R"({"type":"report","report":)" + out.take() + "}\n";
}

}  // namespace tcpdiag::report
