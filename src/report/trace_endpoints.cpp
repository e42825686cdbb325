// SPDX-License-Identifier: Apache-2.0
// Who talked to whom, how much: endpoints, processes, peers; and what the filters left out.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numeric>

#include "report/layout.h"
#include "report/trace_document.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::ProcessShare;
using model::Totals;

std::string or_unknown(const std::optional<std::uint64_t>& n) { return n ? std::to_string(*n) : std::string(kUnknown); }

std::string mbit_per_s(std::uint64_t moved, double length_s) {
  return rate(static_cast<double>(moved) * 8 / 1e6 / length_s);
}

std::string mean_size(const std::optional<double>& mean) {
  return mean && *mean >= 0 ? bytes(*mean) : std::string(kUnknown);
}

std::uint64_t failed_connects(const Totals& totals) {
  std::uint64_t failed = 0;
  for (std::size_t i = 0; i < totals.connect_outcomes.size(); ++i) {
    const auto outcome = static_cast<model::ConnectOutcome>(i);
    const bool is_failure =
        outcome != model::ConnectOutcome::kEstablished && outcome != model::ConnectOutcome::kPending;
    if (is_failure) failed += totals.connect_outcomes[i];
  }
  return failed;
}

std::uint64_t failures_of(const Totals& totals) { return totals.exchanges_failed + failed_connects(totals); }

struct EndpointColumn {
  Words heading;
  std::string (*cell)(const EndpointPicture& endpoint, double length_s);
};

std::string exchange_rate(const EndpointPicture& e, double length_s) {
  return rate(static_cast<double>(e.totals.exchanges) / length_s);
}
std::string mbit_cell(const EndpointPicture& e, double length_s) {
  return mbit_per_s(e.totals.bytes_sent, length_s) + "/" + mbit_per_s(e.totals.bytes_received, length_s);
}

// Not all columns leave room for an address on the same line: "failed" and "out-of-order" stand there when they have
// something to say.
std::vector<EndpointColumn> brief_columns(const std::vector<EndpointPicture>& endpoints) {
  const auto any = [&](auto holds) {
    return std::any_of(endpoints.begin(), endpoints.end(), [&](const EndpointPicture& e) { return holds(e.totals); });
  };
  const bool failed = any([](const Totals& t) { return failures_of(t) > 0; });
  const bool disorder = any([](const Totals& t) { return t.out_of_order_segments.value_or(0) > 0; });
  const bool order_known = any([](const Totals& t) { return t.out_of_order_segments.has_value(); });
  std::vector<EndpointColumn> out = {
      {"socks", [](const EndpointPicture& e, double) { return std::to_string(e.totals.sockets_seen); }},
      {"exch/s", exchange_rate}};
  if (failed || !order_known) {
    out.push_back({"failed", [](const EndpointPicture& e, double) { return std::to_string(failures_of(e.totals)); }});
  }
  out.push_back({"Mbit/s out/in", mbit_cell});
  out.push_back(
      {"retrans", [](const EndpointPicture& e, double) { return std::to_string(e.totals.retransmitted_segments); }});
  if (disorder || (order_known && !failed)) {
    out.push_back(
        {"out-of-order", [](const EndpointPicture& e, double) { return or_unknown(e.totals.out_of_order_segments); }});
  }
  out.push_back({"resets", [](const EndpointPicture& e, double) {
                   return std::to_string(e.totals.resets.sent + e.totals.resets.received);
                 }});
  return out;
}

std::vector<EndpointColumn> all_columns() {
  return {
      {"sockets", [](const EndpointPicture& e, double) { return std::to_string(e.totals.sockets_seen); }},
      {"connects", [](const EndpointPicture& e, double) { return std::to_string(e.totals.connects); }},
      {"connects failed", [](const EndpointPicture& e, double) { return std::to_string(failed_connects(e.totals)); }},
      {"exchanges", [](const EndpointPicture& e, double) { return std::to_string(e.totals.exchanges); }},
      {"exchanges/s", exchange_rate},
      {"exchanges failed", [](const EndpointPicture& e, double) { return std::to_string(e.totals.exchanges_failed); }},
      {"exchanges pending",
       [](const EndpointPicture& e, double) { return std::to_string(e.totals.exchanges_pending); }},
      {"mean request", [](const EndpointPicture& e, double) { return mean_size(e.mean_request_bytes); }},
      {"mean response", [](const EndpointPicture& e, double) { return mean_size(e.mean_response_bytes); }},
      {"Mbit/s out/in", mbit_cell},
      {"segments sent again",
       [](const EndpointPicture& e, double) { return std::to_string(e.totals.retransmitted_segments); }},
      {"received out of order",
       [](const EndpointPicture& e, double) { return or_unknown(e.totals.out_of_order_segments); }},
      {"resets sent/received",
       [](const EndpointPicture& e, double) {
         return fmt::format("{}/{}", e.totals.resets.sent, e.totals.resets.received);
       }},
  };
}

std::string key_words(const model::EndpointKey& key) {
  return fmt::format("{} {}", key.at.to_string(), key.role == model::Role::kInbound ? "in" : "out");
}

Table endpoint_table(const TraceView& view) {
  const model::Picture& picture = view.picture();
  const double length_s = std::max(model::seconds(picture.window.length()), 0.001);
  const bool has_netns = picture.start.netns.size() > 1;
  const std::vector<EndpointColumn> shown_columns = view.is_page() ? all_columns() : brief_columns(picture.endpoints);
  Table table;
  table.title = Words("Endpoints, those with most failures first, then by bytes", "ENDPOINT");
  table.columns = {{"endpoint"}};
  if (has_netns) {
    table.columns.push_back({"namespace"});
    table.labels = 2;
  }
  for (const EndpointColumn& column : shown_columns) table.columns.push_back(number(column.heading));
  const std::size_t shown = std::min(picture.endpoints.size(), view.limit(10, 10, 60));
  for (std::size_t i = 0; i < shown; ++i) {
    const EndpointPicture& endpoint = picture.endpoints[i];
    Row& row = table.rows.emplace_back();
    const std::string name = key_words(endpoint.key);
    row.cells.emplace_back(name);
    if (has_netns) {
      const std::string netns = netns_words(picture, endpoint.key.netns_inode);
      row.cells.emplace_back(Words(netns.substr(netns.find(' ') + 1),
                                   elide_middle(escape_terminal(netns), kPageColumns - table.indent - columns(name))));
    }
    for (const EndpointColumn& column : shown_columns) row.cells.emplace_back(column.cell(endpoint, length_s));
  }
  table.more = left_out(picture.endpoints.size(), shown, "endpoints");
  return table;
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

// Nodes that are near to their most connections, a sentence each.
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

void add_peers(Section& section, const TraceView& view) {
  constexpr std::size_t kShown = 10;
  std::size_t shown = 0;
  for (const EndpointPicture& endpoint : view.picture().endpoints) {
    if (endpoint.peers.size() < 2 || shown++ >= kShown) continue;
    Section peers;
    peers.kind = Section::Kind::kFolded;
    peers.heading = "Peers of " + view.endpoint_name(endpoint);
    Table table;
    table.title = peers.heading.text + ", the ten with most bytes";
    table.columns = {{"address"}, number("sockets"), number("bytes sent"), number("bytes received")};
    for (const model::PeerShare& peer : endpoint.peers) {
      table.rows.push_back({{peer.address.to_string(), std::to_string(peer.sockets_seen), bytes(peer.bytes_sent),
                             bytes(peer.bytes_received)}});
    }
    peers.nodes.emplace_back(std::move(table));
    section.nodes.emplace_back(std::move(peers));
  }
}

// --- Processes ---

struct ProcessOf {
  const EndpointPicture* endpoint;
  const ProcessShare* process;
};

// Of the first finding's endpoint where several processes use it; of all endpoints where everything is told.
std::vector<ProcessOf> processes_of(const TraceView& view) {
  std::vector<ProcessOf> rows;
  const auto add = [&](const EndpointPicture& endpoint) {
    for (const ProcessShare& process : endpoint.processes) rows.push_back({&endpoint, &process});
  };
  if (view.is_page()) {
    for (const EndpointPicture& endpoint : view.picture().endpoints) add(endpoint);
    return rows;
  }
  const auto& findings = view.report.findings;
  const auto found =
      std::find_if(findings.begin(), findings.end(), [](const auto& f) { return f.endpoint.has_value(); });
  if (found != findings.end()) add(view.picture().endpoints[*found->endpoint]);
  const bool are_several = rows.size() > 1 || (rows.size() == 1 && rows[0].process->pids.size() > 1);
  return are_several ? rows : std::vector<ProcessOf>();
}

// Workers of one program in several services: the cgroup tells them apart.
bool shares_name(const ProcessOf& of) {
  return std::count_if(of.endpoint->processes.begin(), of.endpoint->processes.end(),
                       [&](const ProcessShare& other) { return other.comm == of.process->comm; }) > 1;
}

Words process_name(const ProcessShare& process) {
  const std::string pids = pid_words({process.pids.begin(), process.pids.end()});
  const std::string comm = process.comm.empty() ? "?" : process.comm;
  const std::string of = pids.empty() ? "" : fmt::format(" ({})", pids);
  return {comm + of, elide_middle(escape_terminal(comm), 20) + of};
}

Row process_row(const TraceView& view, const ProcessOf& of) {
  const ProcessShare& process = *of.process;
  Row row{{process_name(process)}};
  if (!view.is_screen()) row.cells.emplace_back(process.cgroup);
  if (view.is_page()) row.cells.emplace_back(view.endpoint_name(*of.endpoint));
  row.cells.insert(row.cells.end(),
                   {std::to_string(process.sockets_seen), std::to_string(process.sockets_open_at_end),
                    Words(fmt::format("{} / {}", bytes(process.bytes_sent), bytes(process.bytes_received)),
                          fmt::format("{}/{}", bytes(process.bytes_sent), bytes(process.bytes_received))),
                    std::to_string(process.exchanges)});
  if (view.is_screen() && !process.cgroup.empty() && shares_name(of)) {
    row.remarks.push_back(
        {"", Words(process.cgroup, "cgroup " + elide_middle(escape_terminal(process.cgroup), kPageColumns - 13))});
  }
  return row;
}

}  // namespace

Table busiest_filtered_out(const TraceView& view) {
  Table table;
  table.title = Words("Busiest endpoints that did not match", "BUSIEST THAT DID NOT MATCH");
  table.columns = {{"endpoint", Align::kLeft, 60}, number("sockets", 8), number("bytes", 12)};
  for (const model::BusyEndpoint& busy : view.picture().busiest_filtered_out) {
    table.rows.push_back({{key_words(busy.key), std::to_string(busy.sockets), bytes(busy.bytes)}});
  }
  return table;
}

void add_endpoints(Document& document, const TraceView& view) {
  const model::Picture& picture = view.picture();
  Section section = chapter("endpoints", "Endpoints");
  if (!picture.endpoints.empty()) section.nodes.emplace_back(endpoint_table(view));
  if (std::vector<std::string> remarks = connection_remarks(picture); !remarks.empty()) {
    section.nodes.emplace_back(List{std::move(remarks), "  "}, true);
  }
  if (!view.is_screen() && !picture.busiest_filtered_out.empty()) {
    section.nodes.emplace_back(busiest_filtered_out(view));
  }
  if (view.is_page()) add_peers(section, view);
  if (!section.nodes.empty()) document.body.emplace_back(std::move(section));
}

void add_processes(Document& document, const TraceView& view) {
  const std::vector<ProcessOf> processes = processes_of(view);
  if (processes.empty()) return;
  const std::size_t shown = std::min(processes.size(), view.limit(6, 6, 60));
  const std::string at = processes[0].endpoint->key.at.to_string();
  Table table;
  table.title =
      Words(view.is_page() ? "Processes by endpoint, at most ten of each" : "Processes at " + at, "PROCESSES AT " + at);
  table.columns = {{"process", Align::kLeft, 31}};
  if (!view.is_screen()) table.columns.push_back({"cgroup"});
  if (view.is_page()) table.columns.push_back({"endpoint"});
  table.columns.insert(table.columns.end(),
                       {number("sockets", 8, 1), number(Words("open at the end", "open"), 7, 1),
                        number(Words("bytes out / in", "bytes out/in"), 20, 1), number("exchanges", 10, 1)});
  for (std::size_t i = 0; i < shown; ++i) table.rows.push_back(process_row(view, processes[i]));
  table.more = left_out(processes.size(), shown, "groups of processes");
  Section section = chapter("processes", "Processes");
  section.nodes.emplace_back(std::move(table));
  document.body.emplace_back(std::move(section));
}

}  // namespace tcpdiag::report
