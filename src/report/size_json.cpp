// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag size` as one JSON object, "tcpdiag.size/1".
#include <cmath>

#include "report/json.h"
#include "report/size.h"

namespace tcpdiag::report {
namespace {

Json number_json(const std::optional<double>& value) { return value ? Json(to_thousandths(*value)) : Json(nullptr); }

Json whole_json(const std::optional<double>& value) {
  return value ? Json(static_cast<std::int64_t>(std::llround(*value))) : Json(nullptr);
}

Json microseconds_json(const std::optional<double>& seconds) {
  return seconds ? whole_json(*seconds * 1e6) : Json(nullptr);
}

Json traffic_json(const size::Traffic& traffic) {
  return {{"response_bytes", whole_json(traffic.response_bytes)},
          {"request_bytes", whole_json(traffic.request_bytes)},
          {"rate_per_s", number_json(traffic.rate_per_s)},
          {"clients", or_null(traffic.clients)},
          {"mss_bytes", traffic.mss_bytes},
          {"header_bytes", traffic.header_bytes},
          {"rtt_floor_us", microseconds_json(traffic.rtt_floor_s)}};
}

Json limit_json(const std::optional<size::Limit>& limit) {
  if (!limit) return nullptr;
  return {{"bit_per_s", whole_json(limit->bit_per_s)},
          {"source", size::to_string(limit->source)},
          {"instance_type", text_or_null(limit->instance_type)},
          {"burst_bit_per_s", or_null(limit->burst_bit_per_s)}};
}

Json measured_json(const std::optional<size::Measured>& measured) {
  if (!measured) return nullptr;
  Json out = address_json(measured->endpoint);
  out["role"] = role_json(measured->role);
  out["endpoints_in_report"] = measured->endpoints_in_report;
  out["exchanges"] = measured->exchanges;
  out["mean_per_s"] = number_json(measured->mean_per_s);
  out["busiest_per_s"] = number_json(measured->busiest_per_s);
  out["measured_s"] = measured->mean_per_s ? number_json(measured->seconds) : Json(nullptr);
  out["ceiling_bit_per_s"] = whole_json(measured->ceiling_bit_per_s);
  return out;
}

Json direction_json(const size::Direction& direction) {
  return {{"payload_bytes", whole_json(direction.payload_bytes)},
          {"segments", number_json(direction.segments)},
          {"acks", number_json(direction.acks)},
          {"wire_bytes", whole_json(direction.wire_bytes)},
          {"by_payload_per_s", number_json(direction.by_payload_per_s)},
          {"on_wire_per_s", number_json(direction.on_wire_per_s)},
          {"wire_bit_per_s", whole_json(direction.wire_bit_per_s)},
          {"packets_per_s", number_json(direction.packets_per_s)}};
}

Json capacity_json(const size::Plan& plan) {
  if (!plan.capacity_per_s) return nullptr;
  return {{"by_payload_per_s", number_json(plan.by_payload_per_s)},
          {"per_s", number_json(plan.capacity_per_s)},
          {"direction", plan.in_fills_first ? "in" : "out"},
          {"used_pct", number_json(plan.used_pct)}};
}

Json queueing_json(const size::Plan& plan) {
  if (!plan.capacity_per_s) return nullptr;
  Json rows = Json::array();
  for (const size::Queueing& row : plan.queueing) {
    rows.push_back({{"clients", row.clients}, {"delay_us", microseconds_json(row.delay_s)}, {"drops", row.drops}});
  }
  return {{"limit_us", microseconds_json(size::kQueueLimitS)},
          {"clients_without_drops", or_null(plan.clients_without_drops)},
          {"full_after_us", microseconds_json(plan.full_after_s)},
          {"by_clients", std::move(rows)}};
}

Json type_json(const size::TypeFit& fit) {
  return {{"type", text_json(fit.type.type)},
          {"baseline_bit_per_s", fit.type.baseline_bit_per_s},
          {"burst_bit_per_s", fit.type.burst_bit_per_s == 0 ? Json(nullptr) : Json(fit.type.burst_bit_per_s)},
          {"carries_per_s", number_json(fit.carries_per_s)},
          {"used_pct", number_json(fit.used_pct)}};
}

}  // namespace

std::string render_size_json(const size::Plan& plan, const SizeHeader& header) {
  Json connections = {
      {"limit", size::kConnectionLimit},
      {"within", plan.traffic.clients ? Json(*plan.traffic.clients <= size::kConnectionLimit) : Json(nullptr)}};
  JsonDocument out;
  out.add("schema", "tcpdiag.size/1");
  out.add("tool",
          {{"name", "tcpdiag"}, {"version", text_json(header.tool_version)}, {"git", text_or_null(header.tool_git)}});
  out.add("command", texts_json(header.command));
  out.add("answer", text_json(size_answer(plan)));
  out.add("verdict", size::to_string(plan.verdict));
  out.add("limit", limit_json(plan.limit));
  out.add("traffic", traffic_json(plan.traffic));
  out.add("measured", measured_json(plan.measured));
  out.add("rate_is_cut", plan.traffic.rate_per_s ? Json(plan.rate_is_cut) : Json(nullptr));
  out.add("out", direction_json(plan.out));
  out.add("in", plan.in ? direction_json(*plan.in) : Json(nullptr));
  out.add("capacity", capacity_json(plan));
  out.add("queueing", queueing_json(plan));
  out.add("table_date", text_or_null(plan.table_date));
  out.add_list("types", plan.types.size(), [&](std::size_t i) { return type_json(plan.types[i]); });
  out.add("types_omitted", plan.types_omitted);
  out.add("same_family", plan.same_family ? type_json(*plan.same_family) : Json(nullptr));
  out.add("connections", connections);
  out.add("notes", texts_json(size_notes(plan)));
  return out.take();
}

}  // namespace tcpdiag::report
