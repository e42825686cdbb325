// SPDX-License-Identifier: Apache-2.0
// What `tcpdiag size` needs of a JSON report that somebody brought: nothing in it is believed before it was looked at.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "report/json.h"
#include "report/size.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

constexpr std::string_view kSchema = "tcpdiag.report/1";
// No count or size that a trace could measure is larger.
constexpr double kLargest = 1e18;
// Intervals between the first and the last exchange that a rate needs.
constexpr std::size_t kFewestIntervals = 3;
constexpr double kMicrosecondsPerSecond = 1e6;

// The tree of what is asked for below; the rest of a report, which is most of it, is parsed but not kept.
Json parse_needed(std::string_view text) {
  constexpr std::array<std::string_view, 4> kTop = {"schema", "host", "endpoints", "findings"};
  constexpr std::array<std::string_view, 5> kNotOfEndpoint = {"histograms", "processes", "peers", "outcomes_compared",
                                                              "slow_answers"};
  const auto wanted = [&](int depth, Json::parse_event_t event, const Json& parsed) {
    if (event != Json::parse_event_t::key) return true;
    const auto& name = parsed.get_ref<const std::string&>();
    if (depth == 1) return std::ranges::find(kTop, name) != kTop.end();
    return depth != 3 || std::ranges::find(kNotOfEndpoint, name) == kNotOfEndpoint.end();
  };
  return Json::parse(text, wanted, /*allow_exceptions=*/false);
}

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::optional<double> number(const Json* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto n = value->get<double>();
  return n >= 0 && n <= kLargest ? std::optional(n) : std::nullopt;
}

std::optional<double> number(const Json& object, const char* key) { return number(member(object, key)); }

std::string text(const Json& object, const char* key) {
  const Json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<model::SocketAddress> address_of(const Json& endpoint) {
  const auto address = model::Address::parse(text(endpoint, "address"));
  const auto port = number(endpoint, "port");
  if (!address || !port || *port > 65535) return std::nullopt;
  return model::SocketAddress{.address = *address, .port = static_cast<std::uint16_t>(*port)};
}

// Exchanges a second, from the whole intervals between those of the first and the last exchange, which are partly idle.
void read_rate(const Json& endpoint, size::Measured& measured) {
  const Json* series = member(endpoint, "series");
  if (series == nullptr) return;
  const double interval_s = number(*series, "interval_s").value_or(0);
  const Json* counts = member(*series, "exchanges");
  if (interval_s <= 0 || counts == nullptr || !counts->is_array()) return;
  std::vector<std::optional<double>> values;
  for (const Json& count : *counts) values.push_back(number(&count));
  const auto has_some = [](const std::optional<double>& count) { return count && *count > 0; };
  const auto first = std::ranges::find_if(values, has_some);
  const auto last = std::find_if(values.rbegin(), values.rend(), has_some).base();  // one behind the last
  if (last - first < 3) return;
  double sum = 0;
  double most = 0;
  std::size_t known = 0;
  for (auto count = first + 1; count != last - 1; ++count) {
    if (!*count) continue;
    ++known;
    sum += **count;
    most = std::max(most, **count);
  }
  if (known < kFewestIntervals || sum <= 0) return;
  measured.seconds = static_cast<double>(known) * interval_s;
  measured.mean_per_s = sum / measured.seconds;
  measured.busiest_per_s = most / interval_s;
}

// The limit of what the node sends, where the trace found one.
std::optional<double> ceiling_of(const Json& report, const std::string& endpoint_id) {
  const Json* findings = member(report, "findings");
  if (findings == nullptr || !findings->is_array() || endpoint_id.empty()) return std::nullopt;
  for (const Json& finding : *findings) {
    if (text(finding, "code") != "throughput-ceiling" || text(finding, "endpoint") != endpoint_id) continue;
    const Json* evidence = member(finding, "evidence");
    const auto rate = evidence == nullptr ? std::nullopt : number(*evidence, "ceiling_wire_bit_per_s");
    if (rate && *rate > 0) return rate;
  }
  return std::nullopt;
}

const Json* busiest(const Json& endpoints, const std::optional<model::SocketAddress>& wanted) {
  const Json* found = nullptr;
  double most = -1;
  for (const Json& endpoint : endpoints) {
    const auto address = address_of(endpoint);
    if (!address || (wanted && *address != *wanted)) continue;
    const double exchanges = number(endpoint, "exchanges").value_or(0);
    if (exchanges > most) {
      most = exchanges;
      found = &endpoint;
    }
  }
  return found;
}

MeasuredTraffic traffic_of(const Json& report, const Json& endpoint, double exchanges, double response_bytes) {
  MeasuredTraffic out;
  size::Traffic& traffic = out.traffic;
  size::Measured& measured = out.measured;
  measured.endpoint = *address_of(endpoint);
  measured.role = text(endpoint, "role") == "inbound" ? model::Role::kInbound : model::Role::kOutbound;
  measured.exchanges = static_cast<std::uint64_t>(exchanges);
  measured.ceiling_bit_per_s = ceiling_of(report, text(endpoint, "id"));
  if (const Json* host = member(report, "host")) measured.instance_type = text(*host, "instance_type");
  read_rate(endpoint, measured);

  const bool node_is_peer = measured.role == model::Role::kOutbound;
  const bool is_v4 = measured.endpoint.address.is_v4();
  const auto per_exchange = [&](const char* key) -> std::optional<double> {
    const auto segments = number(endpoint, key);
    return segments && *segments > 0 ? std::optional(*segments / exchanges) : std::nullopt;
  };
  traffic.response_bytes = response_bytes;
  traffic.request_bytes = number(endpoint, "mean_request_bytes");
  traffic.rate_per_s = measured.mean_per_s;
  traffic.header_bytes = is_v4 ? size::kHeaderBytes : size::kHeaderBytesIpv6;
  traffic.mss_bytes = is_v4 ? size::kDefaultMss : size::kDefaultMssIpv6;
  traffic.segments_out = per_exchange(node_is_peer ? "segments_received" : "segments_sent");
  traffic.segments_in = per_exchange(node_is_peer ? "segments_sent" : "segments_received");
  if (const auto open = number(endpoint, "sockets_open_peak"); open && *open >= 1) {
    traffic.clients = static_cast<std::uint64_t>(*open);
  }
  if (const auto floor = number(endpoint, "rtt_floor_us")) traffic.rtt_floor_s = *floor / kMicrosecondsPerSecond;
  return out;
}

}  // namespace

Result<MeasuredTraffic> read_measured_traffic(std::string_view json,
                                              const std::optional<model::SocketAddress>& endpoint) {
  const Json report = parse_needed(json);
  if (report.is_discarded()) {
    return fail(ExitCode::kUsage, "this is not JSON, or only a part of it",
                "give the report of 'tcpdiag trace --format json'");
  }
  const Json* endpoints = member(report, "endpoints");
  if (text(report, "schema") != kSchema || endpoints == nullptr || !endpoints->is_array()) {
    const std::string schema = escape_terminal(text(report, "schema"));
    return fail(ExitCode::kUsage,
                schema.empty() || schema == kSchema ? "this is JSON, but no report of tcpdiag"
                                                    : fmt::format("this is '{:.40}', not '{}'", schema, kSchema),
                "give the report of 'tcpdiag trace --format json'");
  }
  const Json* chosen = busiest(*endpoints, endpoint);
  if (chosen == nullptr) {
    return endpoint ? fail(ExitCode::kUsage, fmt::format("the report has no endpoint {}", endpoint->to_string()),
                           "its endpoints are in the table ENDPOINTS of the text report")
                    : fail(ExitCode::kUsage, "the report has no endpoint", "trace while there is traffic");
  }
  const auto exchanges = number(*chosen, "exchanges");
  const auto response = number(*chosen, "mean_response_bytes");
  if (!exchanges || *exchanges < 1 || !response || *response < 1) {
    return fail(ExitCode::kUsage,
                fmt::format("the report has no answered request of {}", address_of(*chosen)->to_string()),
                "trace for longer, or name another with --endpoint");
  }
  MeasuredTraffic out = traffic_of(report, *chosen, *exchanges, *response);
  out.measured.endpoints_in_report = endpoints->size();
  return out;
}

}  // namespace tcpdiag::report
