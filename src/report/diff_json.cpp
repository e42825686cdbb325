// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag diff` as one JSON object, "tcpdiag.diff/1".
#include <cmath>
#include <cstdint>

#include "report/diff.h"
#include "report/json.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using diff::Comparison;
using diff::Difference;
using diff::OnlyIn;
using diff::Side;

Json number_json(const std::optional<double>& value) { return value ? Json(to_thousandths(*value)) : Json(nullptr); }

// Probabilities reach far below a thousandth: four digits that tell, and 0 below 1e-300.
Json probability_json(const std::optional<double>& p) {
  if (!p) return nullptr;
  if (*p < 1e-300) return 0.0;
  const double unit = std::pow(10, std::floor(std::log10(*p)) - 3);
  return std::round(*p / unit) * unit;
}

Json run_json(const diff::RunSummary& run) {
  return {{"recording_id", text_or_null(run.recording_id)},
          {"tool_version", text_or_null(run.tool_version)},
          {"hostname", text_or_null(run.hostname)},
          {"start_at", rfc3339(run.start_at)},
          {"duration_s", to_thousandths(run.length_s)},
          {"partial", run.partial},
          {"filters", text_json(run.filters)},
          {"verdict", model::to_string(run.verdict)},
          {"endpoints", run.endpoints},
          {"sockets_seen", run.sockets_seen},
          {"exchanges", run.exchanges},
          {"exchanges_failed", run.exchanges_failed},
          {"connects", run.connects},
          {"connects_failed", run.connects_failed},
          {"lost", run.lost}};
}

Json at_or_null(const std::optional<model::SocketAddress>& at) { return at ? address_json(*at) : Json(nullptr); }

Json scope_json(const diff::Scope& scope) {
  return {{"kind", diff::to_string(scope.kind)},  {"role", role_json(scope.role)},
          {"good", at_or_null(scope.good_at)},    {"bad", at_or_null(scope.bad_at)},
          {"netns", text_or_null(scope.netns)},   {"comm", text_or_null(scope.comm)},
          {"cgroup", text_or_null(scope.cgroup)}, {"device", text_or_null(scope.device)}};
}

Json side_json(const Side& side) {
  return {{"value", number_json(side.value)},
          {"text", text_or_null(side.text)},
          {"count", or_null(side.count)},
          {"of", or_null(side.of)},
          {"seconds", number_json(side.seconds)},
          {"effective_count", number_json(side.effective_count)},
          {"histogram", side.distribution ? histogram_json(*side.distribution) : Json(nullptr)}};
}

Json finding_json(const std::optional<diff::FindingRef>& finding) {
  if (!finding) return nullptr;
  return {{"id", Ids::finding(finding->index)}, {"code", finding->code}, {"title", text_json(finding->title)}};
}

Json difference_json(const Difference& d) {
  return {{"tier", diff::to_string(d.tier)},
          {"what", text_json(d.what)},
          {"quantile", text_or_null(d.quantile)},
          {"scope", scope_json(d.scope)},
          {"unit", diff::to_string(d.unit)},
          {"direction", diff::to_string(d.direction)},
          {"good", side_json(d.good)},
          {"bad", side_json(d.bad)},
          {"ratio", number_json(d.ratio)},
          {"absolute", number_json(d.absolute)},
          {"p_value", probability_json(d.p_value)},
          {"confidence", model::to_string(d.confidence)},
          {"confidence_reasons", texts_json(d.confidence_reasons)},
          {"affected", or_null(d.affected)},
          {"time_lost_s", number_json(d.time_lost_s)},
          {"score", to_thousandths(d.score)},
          {"explained_by", finding_json(d.explained_by)}};
}

Json only_json(const OnlyIn& only) {
  const bool has_volume = only.kind != diff::OnlyKind::kFinding;
  const bool has_exchanges = has_volume && only.kind != diff::OnlyKind::kPeer;
  const bool has_failures = only.kind == diff::OnlyKind::kFinding || only.kind == diff::OnlyKind::kEndpoint;
  return {{"kind", diff::to_string(only.kind)},
          {"in", only.in_bad ? "bad" : "good"},
          {"scope", scope_json(only.scope)},
          {"finding", finding_json(only.finding)},
          {"severity", only.severity ? Json(model::to_string(*only.severity)) : Json(nullptr)},
          {"peer", only.peer ? Json(only.peer->to_string()) : Json(nullptr)},
          {"sockets_seen", has_volume ? Json(only.sockets_seen) : Json(nullptr)},
          {"exchanges", has_exchanges ? Json(only.exchanges) : Json(nullptr)},
          {"bytes", has_volume ? Json(only.bytes) : Json(nullptr)},
          {"failures", has_failures ? Json(only.failures) : Json(nullptr)}};
}

}  // namespace

std::string render_diff_json(const Comparison& comparison, const DiffHeader& header) {
  JsonDocument out;
  out.add("schema", "tcpdiag.diff/1");
  out.add("tool",
          {{"name", "tcpdiag"}, {"version", text_json(header.tool_version)}, {"git", text_or_null(header.tool_git)}});
  out.add("command", texts_json(header.command));
  out.add("mode", diff::to_string(comparison.mode));
  out.add("verdict", diff::to_string(comparison.verdict));
  out.add("answer", text_json(diff_answer(comparison)));
  out.add("good", run_json(comparison.good));
  out.add("bad", run_json(comparison.bad));
  out.add("endpoints_compared", comparison.endpoints_compared);
  out.add("tests", comparison.tests);
  out.add_list("differences", comparison.differences.size(),
               [&](std::size_t i) { return difference_json(comparison.differences[i]); });
  out.add_list("only_in", comparison.only_in.size(), [&](std::size_t i) { return only_json(comparison.only_in[i]); });
  out.add_list("not_compared", comparison.not_compared.size(), [&](std::size_t i) {
    return Json{{"what", text_json(comparison.not_compared[i].what)},
                {"why", text_json(comparison.not_compared[i].why)}};
  });
  out.add("notes", texts_json(comparison.notes));
  return out.take();
}

}  // namespace tcpdiag::report
