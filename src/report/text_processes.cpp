// SPDX-License-Identifier: Apache-2.0
// Who uses the endpoint that the first finding is about, and how near a node is to its most connections.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "report/format.h"
#include "report/text.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::ProcessShare;

constexpr std::size_t kRows = 6;

// That of the first finding with one; null: none has.
const EndpointPicture* top_endpoint(const model::Report& report) {
  const auto found = std::find_if(report.findings.begin(), report.findings.end(),
                                  [](const model::Finding& finding) { return finding.endpoint.has_value(); });
  return found == report.findings.end() ? nullptr : &report.picture.endpoints[*found->endpoint];
}

bool has_several(const std::vector<ProcessShare>& processes) {
  return processes.size() > 1 || (processes.size() == 1 && processes[0].pids.size() > 1);
}

std::string name_of(const ProcessShare& process) {
  const std::string pids = pid_words({process.pids.begin(), process.pids.end()});
  const std::string comm = elide_middle(process.comm.empty() ? "?" : escape_terminal(process.comm), 20);
  return pids.empty() ? "  " + comm : fmt::format("  {} ({})", comm, pids);
}

// Workers of one program in several services: the cgroup tells them apart.
bool shares_name(const std::vector<ProcessShare>& processes, const ProcessShare& process) {
  return std::count_if(processes.begin(), processes.end(),
                       [&](const ProcessShare& other) { return other.comm == process.comm; }) > 1;
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

}  // namespace

void append_processes(Page& page, const TextContext& context) {
  constexpr std::size_t kName = 31;
  const EndpointPicture* endpoint = top_endpoint(context.report);
  if (endpoint == nullptr || !has_several(endpoint->processes)) return;
  const auto row = [](std::string_view sockets, std::string_view open, std::string_view moved,
                      std::string_view exchanges) {
    return " " + pad_left(sockets, 8) + " " + pad_left(open, 7) + " " + pad_left(moved, 20) + " " +
           pad_left(exchanges, 10);
  };
  page.blank();
  named_row(page, "PROCESSES AT " + endpoint->key.at.to_string(), kName,
            row("sockets", "open", "bytes out/in", "exchanges"), Style::kHeading);
  const std::size_t shown = std::min(endpoint->processes.size(), kRows);
  for (std::size_t i = 0; i < shown; ++i) {
    const ProcessShare& process = endpoint->processes[i];
    named_row(page, name_of(process), kName,
              row(std::to_string(process.sockets_seen), std::to_string(process.sockets_open_at_end),
                  bytes(process.bytes_sent) + "/" + bytes(process.bytes_received), std::to_string(process.exchanges)));
    if (!process.cgroup.empty() && shares_name(endpoint->processes, process)) {
      page.line("      cgroup " + elide_middle(escape_terminal(process.cgroup), kPageColumns - 13));
    }
  }
  if (endpoint->processes.size() > shown) {
    page.line(fmt::format("  ... {} more in the JSON report", endpoint->processes.size() - shown));
  }
}

void append_connections(Page& page, const TextContext& context) {
  // ElastiCache's maxclients, fixed, of every node size; Redis itself has 10000 unless told otherwise.
  constexpr std::uint64_t kMostConnections = 65'000;
  for (const EndpointPicture& endpoint : context.picture().endpoints) {
    const std::uint64_t open = endpoint.totals.sockets_open_peak;
    if (open * 2 <= kMostConnections || !is_redis(endpoint)) continue;
    const double share = 100.0 * static_cast<double>(open) / static_cast<double>(kMostConnections);
    const char* whose = endpoint.key.role == model::Role::kInbound ? "" : " from this host alone";
    page.paragraph("  ", fmt::format("{}: {} connections at once{}, {} of the 65,000 that an ElastiCache node takes",
                                     endpoint.key.at.to_string(), open, whose, percent(share)));
  }
}

}  // namespace tcpdiag::report
