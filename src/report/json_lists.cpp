// SPDX-License-Identifier: Apache-2.0
// The JSON of the three long lists: endpoints, sockets, findings.
#include <algorithm>
#include <cmath>

#include "report/describe.h"
#include "report/json.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;

Json netns_json(const model::Picture& picture, std::uint32_t inode) {
  Json out = {{"inode", inode}, {"name", nullptr}, {"self", false}};
  for (const model::NetnsInfo& netns : picture.start.netns) {
    if (netns.inode != inode) continue;
    out["name"] = text_or_null(netns.name);
    out["self"] = netns.is_self;
  }
  return out;
}

Json role_source_json(model::RoleSource source) {
  switch (source) {
    case model::RoleSource::kConnect:
      return "connect";
    case model::RoleSource::kAccept:
      return "accept";
    case model::RoleSource::kDerived:
      return "derived";
    case model::RoleSource::kUnknown:
      return nullptr;
  }
  return nullptr;
}

const char* ended_by_name(model::Terminator terminator) {
  switch (terminator) {
    case model::Terminator::kLocal:
      return "local";
    case model::Terminator::kRemote:
      return "remote";
    case model::Terminator::kNone:
      return "none";
  }
  return "none";
}

Json ended_with_json(const std::optional<model::EndedWith>& with) {
  if (!with) return nullptr;
  switch (*with) {
    case model::EndedWith::kFin:
      return "fin";
    case model::EndedWith::kRst:
      return "rst";
    case model::EndedWith::kTimeout:
      return "timeout";
  }
  return nullptr;
}

Json rounded_or_null(const std::optional<double>& value) {
  return value ? Json(static_cast<std::int64_t>(std::llround(*value))) : Json(nullptr);
}

Json processes_json(const std::vector<model::ProcessShare>& processes) {
  Json out = Json::array();
  for (const model::ProcessShare& process : processes) {
    out.push_back({{"comm", text_json(process.comm)},
                   {"cgroup", text_or_null(process.cgroup)},
                   {"pids", process.pids},
                   {"sockets_seen", process.sockets_seen},
                   {"bytes_sent", process.bytes_sent},
                   {"bytes_received", process.bytes_received},
                   {"exchanges", process.exchanges},
                   {"sockets_open_at_end", process.sockets_open_at_end}});
  }
  return out;
}

Json outcomes_json(const std::vector<model::OutcomeGroup>& groups) {
  Json out = Json::array();
  for (const model::OutcomeGroup& group : groups) {
    out.push_back({{"outcome", group.outcome},
                   {"count", group.count},
                   {"request_p50_bytes", or_null(group.request_p50_bytes)},
                   {"idle_before_request_p50_us", or_null(group.idle_before_request_p50_us)},
                   {"app_gap_p50_us", or_null(group.app_gap_p50_us)},
                   {"reused", or_null(group.reused)},
                   {"first_byte_p50_us", or_null(group.first_byte_p50_us)},
                   {"first_byte_p99_us", or_null(group.first_byte_p99_us)}});
  }
  return out;
}

Json peers_json(const std::vector<model::PeerShare>& peers) {
  Json out = Json::array();
  for (const model::PeerShare& peer : peers) {
    out.push_back({{"address", peer.address.to_string()},
                   {"sockets_seen", peer.sockets_seen},
                   {"bytes_sent", peer.bytes_sent},
                   {"bytes_received", peer.bytes_received}});
  }
  return out;
}

// Null for inbound endpoints, and where the source does not measure it.
Json app_gap_json(const EndpointPicture& endpoint) {
  if (!endpoint.histograms.contains(model::Measure::kAppGap)) return nullptr;
  const model::AppGap& gap = endpoint.app_gap;
  return {{"calls", gap.calls}, {"with_gap", gap.with_gap}, {"ambiguous", gap.ambiguous}, {"threads", gap.threads}};
}

Json app_gap_coverage_json(const EndpointPicture& endpoint) {
  const std::optional<double> pct = endpoint.app_gap.coverage_pct();
  return endpoint.histograms.contains(model::Measure::kAppGap) && pct ? Json(std::min(100.0, to_thousandths(*pct)))
                                                                      : Json(nullptr);
}

Json slow_answers_json(const EndpointPicture& endpoint) {
  if (endpoint.key.role != model::Role::kInbound) return nullptr;
  const model::SlowAnswers& slow = endpoint.slow_answers;
  return {
      {"no_call", slow.no_call}, {"with_call", slow.with_call}, {"unknown", slow.unknown}, {"ongoing", slow.ongoing}};
}

Json process_json(const model::SocketStory& story) {
  const Json owner = owner_json(story.owner.value_or(model::Owner{}));
  Json out = Json::object();
  for (const auto& [key, value] : owner.items()) {
    if (key == "owner_source") out["cgroup"] = text_or_null(story.cgroup_path);
    out[key] = value;
  }
  return out;
}

Json timeline_json(const JsonContext& context, const model::SocketStory& story) {
  Json out = Json::array();
  for (const model::TimelineMark& mark : story.timeline) {
    const Description what = describe(context.report.picture.start, story, mark);
    out.push_back({{"offset_us", context.offset(mark.at)}, {"kind", what.kind}, {"detail", detail_json(what.details)}});
  }
  return out;
}

Json timers_json(const std::vector<model::TimerCandidate>& timers) {
  Json out = Json::array();
  for (const model::TimerCandidate& timer : timers) {
    out.push_back({{"name", text_json(timer.name)},
                   {"timer_s", timer.timer_s},
                   {"origin", timer.origin},
                   {"deviation_pct", timer.deviation_pct},
                   {"counted_from", timer.counted_from}});
  }
  return out;
}

Json baselines_json(const std::vector<model::BaselineCandidate>& baselines) {
  Json out = Json::array();
  for (const model::BaselineCandidate& baseline : baselines) {
    out.push_back({{"type", text_json(baseline.type)},
                   {"baseline_bit_per_s", baseline.baseline_bit_per_s},
                   {"deviation_pct", baseline.deviation_pct},
                   {"table_date", baseline.table_date}});
  }
  return out;
}

struct EvidenceToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(std::int64_t value) const { return value; }
  Json operator()(double value) const { return value; }
  Json operator()(const std::string& value) const { return text_json(value); }
  Json operator()(const std::vector<std::string>& values) const { return texts_json(values); }
  Json operator()(const std::vector<model::TimerCandidate>& timers) const { return timers_json(timers); }
  Json operator()(const std::vector<model::BaselineCandidate>& baselines) const { return baselines_json(baselines); }
};

Json next_steps_json(const std::vector<model::NextStep>& steps) {
  Json out = Json::array();
  for (const model::NextStep& step : steps) {
    out.push_back({{"text", text_json(step.text)},
                   {"command", text_or_null(step.command)},
                   {"whose", model::to_string(step.whose)}});
  }
  return out;
}

Json nagle_json(const model::NagleWaits& waits) { return {{"count", waits.count}, {"sum_us", waits.sum_us}}; }

}  // namespace

Json endpoint_json(const JsonContext& context, std::size_t index) {
  const model::Picture& picture = context.report.picture;
  const EndpointPicture& endpoint = picture.endpoints[index];
  Json out = Json::object();
  out["id"] = Ids::endpoint(index);
  out["role"] = model::to_string(endpoint.key.role);
  out["address"] = endpoint.key.at.address.to_string();
  out["port"] = endpoint.key.at.port;
  out["family"] = endpoint.key.at.address.family();
  out["netns"] = netns_json(picture, endpoint.key.netns_inode);
  out["first_seen_at"] = context.at(endpoint.first_seen_at);
  out["last_seen_at"] = context.at(endpoint.last_seen_at);
  append_totals(out, endpoint.totals);
  out["busy_us"] = or_null(endpoint.busy_us);
  out["rwnd_limited_us"] = or_null(endpoint.rwnd_limited_us);
  out["sndbuf_limited_us"] = or_null(endpoint.sndbuf_limited_us);
  out["mean_request_bytes"] = rounded_or_null(endpoint.mean_request_bytes);
  out["mean_response_bytes"] = rounded_or_null(endpoint.mean_response_bytes);
  out["rtt_floor_us"] = or_null(endpoint.rtt_floor_us);
  out["rtt_floor_source"] = text_or_null(endpoint.rtt_floor_source);
  out["path_queue_in_missing"] = text_or_null(endpoint.path_queue_in_missing);
  out["processes"] = processes_json(endpoint.processes);
  out["outcomes_compared"] = outcomes_json(endpoint.outcomes);
  out["app_gap_coverage_pct"] = app_gap_coverage_json(endpoint);
  out["app_gap"] = app_gap_json(endpoint);
  out["slow_answers"] = slow_answers_json(endpoint);
  out["recovery_unfinished"] =
      endpoint.histograms.contains(model::Measure::kRecovery) ? Json(endpoint.recovery_unfinished) : Json(nullptr);
  out["nagle_waits"] = {{"own", nagle_json(endpoint.nagle_own)}, {"peer", nagle_json(endpoint.nagle_peer)}};
  out["probes"] = picture.start.probe_pids.empty()
                      ? Json(nullptr)
                      : Json{{"made", endpoint.probes.made}, {"answered", endpoint.probes.answered}};
  out["role_source"] = role_source_json(endpoint.role_source);
  out["histograms"] = histograms_json(endpoint);
  out["series"] = series_json(endpoint.series);
  out["peers"] = peers_json(endpoint.peers);
  return out;
}

Json socket_json(const JsonContext& context, std::size_t index) {
  const model::SocketStory& story = context.report.picture.sockets[index];
  const std::optional<model::Duration> wait = story.end ? story.end->wait : story.pending_wait;
  Json out = Json::object();
  out["id"] = context.ids.socket(index);
  out["cookie"] = story.socket.cookie ? Json(std::to_string(*story.socket.cookie)) : Json(nullptr);
  out["endpoint"] = Ids::endpoint(story.endpoint);
  out["role"] = role_json(story.socket.role);
  out["local"] = address_json(story.socket.local);
  out["remote"] = address_json(story.socket.remote);
  out["netns_inode"] = story.socket.netns_inode;
  out["process"] = process_json(story);
  out["opened_at"] = context.at(story.opened_at);
  out["closed_at"] = context.at(story.closed_at);
  out["outcome"] = story.outcome ? Json(model::to_string(*story.outcome)) : Json(nullptr);
  out["ended_by"] = ended_by_name(story.ended_by);
  out["ended_with"] = ended_with_json(story.ended_with);
  out["exchanges"] = story.exchanges;
  out["exchanges_failed"] = story.exchanges_failed;
  out["bytes_sent"] = story.bytes_sent;
  out["bytes_received"] = story.bytes_received;
  out["retransmits"] = retransmits_json(story.retransmits, story.retransmits_unseen);
  out["retransmitted_segments"] = story.retransmitted_segments;
  out["resets"] = resets_json(story.resets);
  out["first_byte_max_us"] = or_null(story.first_byte_max_us);
  out["wait_us"] = us_or_null(wait);
  out["idle_us"] = story.end ? us_or_null(story.end->idle) : Json(nullptr);
  out["app_gap_us"] = us_or_null(story.app_gap);
  out["no_call_wait_us"] = us_or_null(story.no_call_wait);
  out["timeline"] = timeline_json(context, story);
  return out;
}

Json finding_json(const JsonContext& context, std::size_t index) {
  const model::Finding& finding = context.report.findings[index];
  Json sockets = Json::array();
  for (const std::size_t socket : finding.sockets) sockets.push_back(context.ids.socket(socket));
  Json more_endpoints = Json::array();
  for (const std::size_t endpoint : finding.more_endpoints) more_endpoints.push_back(Ids::endpoint(endpoint));
  Json causes = Json::array();
  for (const std::size_t cause : finding.caused_by) causes.push_back(Ids::finding(cause));
  Json evidence = Json::object();
  for (const model::Evidence& item : finding.evidence) {
    // A rule cannot know the ids, which are given here.
    evidence[item.key] = item.key == "sockets" ? sockets : std::visit(EvidenceToJson{}, item.value);
  }
  Json out = Json::object();
  out["id"] = Ids::finding(index);
  out["code"] = finding.code;
  out["severity"] = model::to_string(finding.severity);
  out["confidence"] = model::to_string(finding.confidence);
  out["confidence_reasons"] = texts_json(finding.confidence_reasons);
  out["endpoint"] = finding.endpoint ? Json(Ids::endpoint(*finding.endpoint)) : Json(nullptr);
  out["more_endpoints"] = std::move(more_endpoints);
  out["device"] = text_or_null(finding.device);
  out["caused_by"] = std::move(causes);
  out["sockets"] = std::move(sockets);
  out["first_at"] = context.at(finding.first_at);
  out["last_at"] = context.at(finding.last_at);
  out["count"] = finding.count;
  out["share_pct"] = or_null(finding.share_pct);
  out["ongoing"] = finding.ongoing;
  out["title"] = text_json(finding.title);
  out["explanation"] = text_json(finding.explanation);
  out["evidence"] = std::move(evidence);
  out["impact"] = {{"exchanges_failed", finding.impact.exchanges_failed},
                   {"connects_failed", finding.impact.connects_failed},
                   {"exchanges_delayed", finding.impact.exchanges_delayed},
                   {"share_pct", or_null(finding.impact.share_pct)}};
  out["app_messages"] = texts_json(finding.app_messages);
  out["next_steps"] = next_steps_json(finding.next_steps);
  out["disproved_by"] = text_json(finding.disproved_by);
  return out;
}

}  // namespace tcpdiag::report
