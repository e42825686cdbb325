// SPDX-License-Identifier: Apache-2.0
// Endpoints, who uses them, and what the kernel and the network cards counted beside.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "report/content.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::AllowanceLimit;
using model::EndpointPicture;
using model::NicPicture;
using model::ProcessShare;

constexpr std::size_t kEndpointRows = 10;
constexpr std::size_t kProcessRows = 6;

const char* role_words(model::Role role) { return role == model::Role::kInbound ? "in" : "out"; }

std::string mbit_per_s(std::uint64_t bytes_moved, double length_s) {
  return rate(static_cast<double>(bytes_moved) * 8 / 1e6 / length_s);
}

std::uint64_t failures_of(const model::Totals& totals) {
  std::uint64_t failures = totals.exchanges_failed;
  for (std::size_t i = 0; i < totals.connect_outcomes.size(); ++i) {
    const auto outcome = static_cast<model::ConnectOutcome>(i);
    const bool is_failure =
        outcome != model::ConnectOutcome::kEstablished && outcome != model::ConnectOutcome::kPending;
    if (is_failure) failures += totals.connect_outcomes[i];
  }
  return failures;
}

struct Column {
  std::string_view heading;
  std::string (*cell)(const model::Totals& totals, double length_s);
};

std::string socks_cell(const model::Totals& t, double) { return std::to_string(t.sockets_seen); }
std::string exchanges_cell(const model::Totals& t, double length_s) {
  return rate(static_cast<double>(t.exchanges) / length_s);
}
std::string failed_cell(const model::Totals& t, double) { return std::to_string(failures_of(t)); }
std::string mbit_cell(const model::Totals& t, double length_s) {
  return mbit_per_s(t.bytes_sent, length_s) + "/" + mbit_per_s(t.bytes_received, length_s);
}
std::string retransmits_cell(const model::Totals& t, double) { return std::to_string(t.retransmitted_segments); }
std::string out_of_order_cell(const model::Totals& t, double) {
  return t.out_of_order_segments ? std::to_string(*t.out_of_order_segments) : std::string(kUnknown);
}
std::string resets_cell(const model::Totals& t, double) { return std::to_string(t.resets.sent + t.resets.received); }

// Not all columns leave room for an address on the same line: "failed" and "out-of-order" stand there when they have
// something to say.
std::vector<Column> columns_for(const std::vector<EndpointPicture>& endpoints) {
  const auto any = [&](auto holds) {
    return std::any_of(endpoints.begin(), endpoints.end(), [&](const EndpointPicture& e) { return holds(e.totals); });
  };
  const bool failed = any([](const model::Totals& t) { return failures_of(t) > 0; });
  const bool disorder = any([](const model::Totals& t) { return t.out_of_order_segments.value_or(0) > 0; });
  const bool order_known = any([](const model::Totals& t) { return t.out_of_order_segments.has_value(); });
  std::vector<Column> columns = {{"socks", socks_cell}, {"exch/s", exchanges_cell}};
  if (failed || !order_known) columns.push_back({"failed", failed_cell});
  columns.push_back({"Mbit/s out/in", mbit_cell});
  columns.push_back({"retrans", retransmits_cell});
  if (disorder || (order_known && !failed)) columns.push_back({"out-of-order", out_of_order_cell});
  columns.push_back({"resets", resets_cell});
  return columns;
}

// That of the first finding with one; null: none has.
const EndpointPicture* top_endpoint(const model::Report& report) {
  const auto found = std::find_if(report.findings.begin(), report.findings.end(),
                                  [](const model::Finding& finding) { return finding.endpoint.has_value(); });
  return found == report.findings.end() ? nullptr : &report.picture.endpoints[*found->endpoint];
}

bool has_several(const std::vector<ProcessShare>& processes) {
  return processes.size() > 1 || (processes.size() == 1 && processes[0].pids.size() > 1);
}

// Redis and what speaks its protocol, by the port that it listens on or by the server's name.
bool is_redis(const EndpointPicture& endpoint) {
  constexpr std::array<std::uint16_t, 2> kPorts = {6379, 6380};
  if (std::find(kPorts.begin(), kPorts.end(), endpoint.key.at.port) != kPorts.end()) return true;
  return endpoint.key.role == model::Role::kInbound &&
         std::any_of(endpoint.processes.begin(), endpoint.processes.end(), [](const ProcessShare& process) {
           return process.comm.starts_with("redis-server") || process.comm.starts_with("valkey-server");
         });
}

// Over all traced namespaces; absent where one of them could not be read.
std::optional<std::uint64_t> kernel_counter(const model::Picture& picture, const std::string& name) {
  if (picture.netns.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const model::NetnsPicture& netns : picture.netns) {
    const auto found = netns.counters.find(name);
    if (found == netns.counters.end()) return std::nullopt;
    sum += found->second;
  }
  return sum;
}

bool has_finding(const model::Report& report, model::Family family) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const auto& f) { return f.family == family; });
}

bool has_moved(const NicPicture& nic) {
  return std::any_of(nic.limits.begin(), nic.limits.end(), [](const AllowanceLimit& l) { return l.delta > 0; });
}

// A finding is about it, and its counters say something about that, be it that they did not move.
bool is_in_question(const model::Report& report, const NicPicture& nic) {
  return nic.counters_supported &&
         std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const model::Finding& finding) { return finding.device == nic.device; });
}

std::string endpoint_words(const model::EndpointKey& key) {
  return fmt::format("{} {}", key.at.to_string(), role_words(key.role));
}

}  // namespace

std::string busy_name(const model::BusyEndpoint& busy) { return endpoint_words(busy.key); }

EndpointTable endpoint_table(const model::Picture& picture) {
  EndpointTable table;
  const double length_s = std::max(model::seconds(picture.window.length()), 0.001);
  const std::vector<Column> columns = columns_for(picture.endpoints);
  for (const Column& column : columns) table.headings.push_back(column.heading);
  for (std::size_t i = 0; i < std::min(picture.endpoints.size(), kEndpointRows); ++i) {
    const EndpointPicture& endpoint = picture.endpoints[i];
    EndpointTable::Row row{endpoint_words(endpoint.key), netns_words(picture, endpoint.key.netns_inode), {}};
    for (const Column& column : columns) row.cells.push_back(column.cell(endpoint.totals, length_s));
    table.rows.push_back(std::move(row));
  }
  table.omitted = picture.endpoints.size() - table.rows.size();
  return table;
}

std::vector<std::string> connection_remarks(const model::Picture& picture) {
  // ElastiCache's maxclients, fixed, of every node size; Redis itself has 10000 unless told otherwise.
  constexpr std::uint64_t kMostConnections = 65'000;
  std::vector<std::string> remarks;
  for (const EndpointPicture& endpoint : picture.endpoints) {
    const std::uint64_t open = endpoint.totals.sockets_open_peak;
    if (open * 2 <= kMostConnections || !is_redis(endpoint)) continue;
    const double share = 100.0 * static_cast<double>(open) / static_cast<double>(kMostConnections);
    const char* whose = endpoint.key.role == model::Role::kInbound ? "" : " from this host alone";
    remarks.push_back(fmt::format("{}: {} connections at once{}, {} of the 65,000 that an ElastiCache node takes",
                                  endpoint.key.at.to_string(), open, whose, percent(share)));
  }
  return remarks;
}

std::string kernel_counter_words(const model::Report& report) {
  const model::Picture& picture = report.picture;
  const model::Totals& totals = picture.totals;
  std::vector<std::string> parts;
  // Of sockets that the filters left out nobody asked.
  const bool everything = !picture.start.filters.limits_sockets();
  const auto compare = [&](const char* name, std::uint64_t traced) {
    const std::optional<std::uint64_t> n = kernel_counter(picture, name);
    if (n && (traced > 0 || (everything && *n > 0)))
      parts.push_back(fmt::format("{} {} (traced {})", name, *n, traced));
  };
  compare("RetransSegs", totals.retransmitted_segments);
  compare("OutRsts", totals.resets.sent);
  if (totals.listen_overflows.value_or(0) > 0) {
    parts.push_back(fmt::format("ListenOverflows {}", *totals.listen_overflows));
  }
  if (totals.listen_drops.value_or(0) > 0) parts.push_back(fmt::format("ListenDrops {}", *totals.listen_drops));
  if (parts.empty()) return {};
  const std::string whose =
      picture.netns.size() > 1 ? fmt::format("{} namespaces", picture.netns.size()) : std::string("namespace");
  return fmt::format("nstat, all sockets of the {}: {}", whose, join(parts, ", "));
}

std::vector<std::string> full_listener_remarks(const model::Report& report) {
  constexpr std::size_t kShown = 3;
  if (has_finding(report, model::Family::kListening)) return {};
  std::vector<std::string> remarks;
  std::size_t full = 0;
  for (const model::NetnsPicture& netns : report.picture.netns) {
    for (const model::FullListener& listener : netns.full_listeners) {
      if (++full > kShown) continue;
      remarks.push_back(fmt::format("{}: accept queue full at {}, {} waiting of {}", listener.local.to_string(),
                                    number_of(listener.samples, "sample"), listener.backlog_max, listener.limit));
    }
  }
  if (full > kShown) remarks.push_back(fmt::format("... {} more in the JSON report", full - kShown));
  return remarks;
}

std::optional<ProcessTable> process_table(const model::Report& report) {
  ProcessTable table;
  table.endpoint = top_endpoint(report);
  if (table.endpoint == nullptr || !has_several(table.endpoint->processes)) return std::nullopt;
  const std::vector<ProcessShare>& processes = table.endpoint->processes;
  for (std::size_t i = 0; i < std::min(processes.size(), kProcessRows); ++i) table.rows.push_back(&processes[i]);
  table.omitted = processes.size() - table.rows.size();
  return table;
}

bool shares_name(const EndpointPicture& endpoint, const ProcessShare& process) {
  return std::count_if(endpoint.processes.begin(), endpoint.processes.end(),
                       [&](const ProcessShare& other) { return other.comm == process.comm; }) > 1;
}

std::vector<const NicPicture*> nic_table(const model::Report& report) {
  std::vector<const NicPicture*> nics;
  for (const NicPicture& nic : report.picture.nics) {
    if (has_moved(nic) || is_in_question(report, nic)) nics.push_back(&nic);
  }
  return nics;
}

std::string_view limit_words(std::string_view limit) {
  if (limit == "bw_in") return "bandwidth in";
  if (limit == "bw_out") return "bandwidth out";
  if (limit == "pps") return "packets/s";
  if (limit == "conntrack") return "connections";
  if (limit == "linklocal") return "link-local";
  return limit;
}

std::string still_words(const NicPicture& nic) {
  if (has_moved(nic)) return {};
  return nic.limits.empty() ? "its counters were read only once" : "none of its allowances was exceeded";
}

std::vector<std::string> nic_remarks(const NicPicture& nic) {
  std::vector<std::string> remarks;
  if (nic.driver_reset) remarks.emplace_back("the driver began to count anew during the trace");
  if (nic.conntrack_available_min) {
    remarks.push_back(fmt::format("room for {} more tracked connections at the fewest", *nic.conntrack_available_min));
  }
  return remarks;
}

}  // namespace tcpdiag::report
