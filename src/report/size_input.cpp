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

// The tree of what is asked for below; the rest of a report, which is most of it, is parsed but not kept. Whatever the
// text holds: its time is that of one reading, and what it keeps and how deep it is nested are bounded.
class NeededTree : public nlohmann::json_sax<Json> {
 public:
  // False: no JSON, or beyond a bound.
  bool parse(std::string_view text) { return Json::sax_parse(text, this); }
  bool is_beyond_bound() const { return is_beyond_bound_; }
  const Json& tree() const { return tree_; }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    key_ = std::ranges::find(kNeeded, name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  // Of any object: no name of another one is among them that holds much.
  static constexpr std::array<std::string_view, 22> kNeeded = {"schema",
                                                               "host",
                                                               "instance_type",
                                                               "endpoints",
                                                               "id",
                                                               "role",
                                                               "address",
                                                               "port",
                                                               "exchanges",
                                                               "mean_request_bytes",
                                                               "segments_sent",
                                                               "segments_received",
                                                               "mean_response_bytes",
                                                               "sockets_open_peak",
                                                               "rtt_floor_us",
                                                               "series",
                                                               "interval_s",
                                                               "findings",
                                                               "code",
                                                               "endpoint",
                                                               "evidence",
                                                               "ceiling_wire_bit_per_s"};
  // The seconds of all endpoints of a trace have 48 MiB: some hundred thousand are kept.
  static constexpr std::size_t kMostKept = 1'000'000;
  static constexpr std::size_t kDeepest = 32;

  bool is_unwanted() const {
    return in_unwanted_ > 0 || (!open_.empty() && open_.back()->is_object() && key_ == kNeeded.end());
  }
  Json* keep(Json value) {
    if (open_.empty()) return &(tree_ = std::move(value));
    Json& parent = *open_.back();
    if (parent.is_object()) return &(parent[std::string(*key_)] = std::move(value));
    return &parent.emplace_back(std::move(value));
  }
  bool add(Json value) {
    if (is_unwanted()) return true;
    if (++kept_ > kMostKept) return beyond_bound();
    keep(std::move(value));
    return true;
  }
  bool open(Json container) {
    if (open_.size() + in_unwanted_ >= kDeepest) return beyond_bound();
    if (is_unwanted()) {
      ++in_unwanted_;
      return true;
    }
    if (++kept_ > kMostKept) return beyond_bound();
    open_.push_back(keep(std::move(container)));
    return true;
  }
  bool close() {
    if (in_unwanted_ > 0) {
      --in_unwanted_;
    } else {
      open_.pop_back();
    }
    return true;
  }
  bool beyond_bound() {
    is_beyond_bound_ = true;
    return false;
  }

  Json tree_;
  std::vector<Json*> open_;      // what is kept: each is the newest member of the one before, so that none moves
  std::size_t in_unwanted_ = 0;  // containers that are open below an unwanted key
  decltype(kNeeded)::const_iterator key_ = kNeeded.end();  // the newest
  std::size_t kept_ = 0;
  bool is_beyond_bound_ = false;
};

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
  constexpr const char* kGive = "give the report of 'tcpdiag trace --format json'";
  NeededTree parsed;
  if (!parsed.parse(json)) {
    return fail(ExitCode::kUsage,
                parsed.is_beyond_bound() ? "this holds more, or is nested deeper, than a report of tcpdiag"
                                         : "this is not JSON, or only a part of it",
                kGive);
  }
  const Json& report = parsed.tree();
  const Json* endpoints = member(report, "endpoints");
  if (text(report, "schema") != kSchema || endpoints == nullptr || !endpoints->is_array()) {
    const std::string schema = escape_terminal(text(report, "schema"));
    return fail(ExitCode::kUsage,
                schema.empty() || schema == kSchema ? "this is JSON, but no report of tcpdiag"
                                                    : fmt::format("this is '{:.40}', not '{}'", schema, kSchema),
                kGive);
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
