// SPDX-License-Identifier: Apache-2.0
// Who talked to whom, how much: endpoints, processes, peers; and what the filters left out.
#include <algorithm>
#include <cmath>

#include "report/html.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;

constexpr std::size_t kEndpointRows = 60;
constexpr std::size_t kProcessRows = 60;

std::string or_unknown(const std::optional<std::uint64_t>& n) { return n ? std::to_string(*n) : std::string(kUnknown); }

std::uint64_t failed_connects(const model::Totals& totals) {
  std::uint64_t failed = 0;
  for (std::size_t i = 0; i < totals.connect_outcomes.size(); ++i) {
    const auto outcome = static_cast<model::ConnectOutcome>(i);
    const bool is_failure =
        outcome != model::ConnectOutcome::kEstablished && outcome != model::ConnectOutcome::kPending;
    if (is_failure) failed += totals.connect_outcomes[i];
  }
  return failed;
}

std::string mbit_per_s(std::uint64_t moved, double length_s) {
  return rate(static_cast<double>(moved) * 8 / 1e6 / length_s);
}

std::string mean_size(const std::optional<double>& mean) {
  return mean && *mean >= 0 ? bytes(*mean) : std::string(kUnknown);
}

std::vector<std::string> endpoint_cells(const HtmlContext& context, const EndpointPicture& endpoint, double length_s) {
  const model::Totals& t = endpoint.totals;
  return {context.endpoint_name(endpoint),
          std::to_string(t.sockets_seen),
          std::to_string(t.connects),
          std::to_string(failed_connects(t)),
          std::to_string(t.exchanges),
          rate(static_cast<double>(t.exchanges) / length_s),
          std::to_string(t.exchanges_failed),
          std::to_string(t.exchanges_pending),
          mean_size(endpoint.mean_request_bytes),
          mean_size(endpoint.mean_response_bytes),
          mbit_per_s(t.bytes_sent, length_s) + "/" + mbit_per_s(t.bytes_received, length_s),
          std::to_string(t.retransmitted_segments),
          or_unknown(t.out_of_order_segments),
          fmt::format("{}/{}", t.resets.sent, t.resets.received)};
}

void put_busiest_filtered_out(Html& html, const HtmlContext& context) {
  const std::vector<model::BusyEndpoint>& busiest = context.picture().busiest_filtered_out;
  if (busiest.empty()) return;
  HtmlTable table(html, "Busiest endpoints that did not match", {{"endpoint", false}, {"sockets"}, {"bytes"}});
  for (const model::BusyEndpoint& busy : busiest) {
    table.row({busy.key.to_string(), std::to_string(busy.sockets), bytes(busy.bytes)});
  }
  table.end();
}

void put_peers(Html& html, const HtmlContext& context) {
  constexpr std::size_t kShown = 10;
  std::size_t shown = 0;
  for (const EndpointPicture& endpoint : context.picture().endpoints) {
    if (endpoint.peers.size() < 2 || shown++ >= kShown) continue;
    html.put("<details><summary>Peers of {}</summary>\n", context.endpoint_name(endpoint));
    HtmlTable table(html, "Peers of " + context.endpoint_name(endpoint) + ", the ten with most bytes",
                    {{"address", false}, {"sockets"}, {"bytes sent"}, {"bytes received"}});
    for (const model::PeerShare& peer : endpoint.peers) {
      table.row({peer.address.to_string(), std::to_string(peer.sockets_seen), bytes(peer.bytes_sent),
                 bytes(peer.bytes_received)});
    }
    table.end();
    html.put("</details>\n");
  }
}

}  // namespace

void put_endpoints(Html& html, const HtmlContext& context) {
  const model::Picture& picture = context.picture();
  if (picture.endpoints.empty() && picture.busiest_filtered_out.empty()) return;
  html.put("<section id=\"endpoints\"><h2>Endpoints</h2>\n");
  if (!picture.endpoints.empty()) {
    const double length_s = std::max(model::seconds(picture.window.length()), 0.001);
    const std::size_t shown = std::min(picture.endpoints.size(), kEndpointRows);
    HtmlTable table(html, "Endpoints, those with most failures first, then by bytes",
                    {{"endpoint", false},
                     {"sockets"},
                     {"connects"},
                     {"connects failed"},
                     {"exchanges"},
                     {"exchanges/s"},
                     {"exchanges failed"},
                     {"exchanges pending"},
                     {"mean request"},
                     {"mean response"},
                     {"Mbit/s out/in"},
                     {"segments sent again"},
                     {"received out of order"},
                     {"resets sent/received"}});
    for (std::size_t i = 0; i < shown; ++i) table.row(endpoint_cells(context, picture.endpoints[i], length_s));
    table.end(picture.endpoints.size() - shown, "endpoints");
  }
  for (const std::string& remark : connection_remarks(picture)) html.put("<p>{}</p>\n", remark);
  put_busiest_filtered_out(html, context);
  put_peers(html, context);
  html.put("</section>\n");
}

void put_processes(Html& html, const HtmlContext& context) {
  struct Row {
    const EndpointPicture* endpoint;
    const model::ProcessShare* process;
  };
  std::vector<Row> rows;
  for (const EndpointPicture& endpoint : context.picture().endpoints) {
    for (const model::ProcessShare& process : endpoint.processes) rows.push_back({&endpoint, &process});
  }
  if (rows.empty()) return;
  const std::size_t shown = std::min(rows.size(), kProcessRows);
  html.put("<section id=\"processes\"><h2>Processes</h2>\n");
  HtmlTable table(html, "Processes by endpoint, at most ten of each",
                  {{"process", false},
                   {"cgroup", false},
                   {"endpoint", false},
                   {"sockets"},
                   {"open at the end"},
                   {"bytes sent"},
                   {"bytes received"},
                   {"exchanges"}});
  for (std::size_t i = 0; i < shown; ++i) {
    const model::ProcessShare& p = *rows[i].process;
    const std::string pids = pid_words({p.pids.begin(), p.pids.end()});
    table.row({(p.comm.empty() ? "?" : p.comm) + (pids.empty() ? "" : ", " + pids),
               p.cgroup.empty() ? std::string(kUnknown) : p.cgroup, context.endpoint_name(*rows[i].endpoint),
               std::to_string(p.sockets_seen), std::to_string(p.sockets_open_at_end), bytes(p.bytes_sent),
               bytes(p.bytes_received), std::to_string(p.exchanges)});
  }
  table.end(rows.size() - shown, "processes");
  html.put("</section>\n");
}

}  // namespace tcpdiag::report
