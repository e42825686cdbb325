// SPDX-License-Identifier: Apache-2.0
#include "correlate/endpoint_record.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "correlate/drops.h"
#include "correlate/ending.h"
#include "correlate/keep_limits.h"
#include "correlate/outcomes.h"
#include "correlate/slow_answer.h"

namespace tcpdiag::correlate {
namespace {

using model::ConnectOutcome;
using model::Totals;

void forget_small_peers(std::map<model::Address, PeerTally>& peers) {
  std::vector<std::pair<std::uint64_t, model::Address>> by_bytes;
  by_bytes.reserve(peers.size());
  for (const auto& [address, peer] : peers) by_bytes.emplace_back(peer.bytes_sent + peer.bytes_received, address);
  std::sort(by_bytes.begin(), by_bytes.end());
  for (std::size_t i = 0; i + kEndpointPeersKept < by_bytes.size(); ++i) peers.erase(by_bytes[i].second);
}

// Fewer samples than that say little about a socket.
constexpr std::uint32_t kRiseSamplesMin = 5;

void add_rise(Tally& tally, const model::Flow& flow) {
  if (flow.path_samples < kRiseSamplesMin) return;
  RiseTally& rise = tally.rises[model::Histogram::bucket_of(flow.path_rise_p50_us)];
  ++rise.sockets;
  rise.samples += flow.path_samples;
}

void add_floor(Tally& tally, const SocketRecord& socket) {
  const auto keep_smaller = [](std::optional<std::uint32_t>& floor, std::int64_t us) {
    if (us <= 0 || us > UINT32_MAX) return;
    const auto value = static_cast<std::uint32_t>(us);
    floor = floor ? std::min(*floor, value) : value;
  };
  const model::Flow& flow = socket.flow;
  // A SYN-ACK after a second SYN may answer the first one.
  if (flow.syn_at && flow.established_at && socket.syn_retransmits == 0) {
    keep_smaller(tally.handshake_rtt_us, model::microseconds(*flow.established_at - *flow.syn_at));
  }
  keep_smaller(tally.kernel_rtt_us, flow.rtt_min_us);
}

}  // namespace

ProcessKey place_of(const Tally& tally, const ProcessKey& counted_as) {
  const auto& table = tally.processes;
  if (table.contains(counted_as)) return counted_as;
  const auto first_by_itself = table.lower_bound({1, ""});
  const auto names = static_cast<std::size_t>(std::distance(table.begin(), first_by_itself));
  if (counted_as.first != 0 && table.size() - names < kEndpointProcessesMax) return counted_as;
  ProcessKey by_name{0, counted_as.second};
  return names < kEndpointNamesMax || table.contains(by_name) ? by_name : ProcessKey{0, kOtherProcesses};
}

void add_socket(Tally& tally, const SocketRecord& socket, const std::optional<ProcessKey>& counted_as,
                model::MonoTime until) {
  const model::Flow& flow = socket.flow;
  const bool exchange_lost = exchange_failed(socket);
  Totals& totals = tally.totals;
  ++totals.sockets_seen;
  if (socket.open()) ++totals.sockets_open_at_end;
  if (socket.attempt) {
    ++totals.connects;
    ++totals.connect_outcomes[static_cast<std::size_t>(socket.outcome.value_or(ConnectOutcome::kPending))];
  }
  for (std::size_t i = 0; i < model::kRetransmitKinds; ++i) totals.retransmits[i] += socket.retransmits[i];
  totals.retransmits_unseen += retransmits_unseen(socket);
  totals.retransmitted_segments += flow.retransmitted_segments;
  totals.resets.sent += socket.resets.sent;
  totals.resets.received += socket.resets.received;
  totals.bytes_sent += flow.bytes_sent;
  totals.bytes_received += flow.bytes_received;
  totals.exchanges += flow.exchanges;
  if (exchange_lost) ++totals.exchanges_failed;
  if (exchange_pending(socket)) ++totals.exchanges_pending;

  tally.retransmit_failed_busy += socket.retransmit_failed_busy;
  tally.retransmit_failed_other += socket.retransmit_failed_other;
  tally.out_of_order_segments += flow.out_of_order_segments;
  tally.spurious_retransmits += flow.spurious_retransmits;
  tally.segments_sent += flow.segments_sent;
  tally.segments_received += flow.segments_received;
  if (flow.exchanges > 0) tally.reused_exchanges += flow.exchanges - (socket.ref.older_than_trace ? 0 : 1);
  if (exchange_lost && !socket.end->outstanding) ++tally.responses_cut;
  // What was seen counts more than what was derived.
  if (tally.role_source == model::RoleSource::kUnknown || tally.role_source == model::RoleSource::kDerived) {
    if (socket.ref.role_source != model::RoleSource::kUnknown) tally.role_source = socket.ref.role_source;
  }
  tally.zero_window_received_us += flow.zero_window_received_us;
  tally.unread_bytes_max =
      std::max({tally.unread_bytes_max, std::uint64_t{flow.unread_bytes_max}, std::uint64_t{flow.unread_bytes}});
  add_rise(tally, flow);
  add_floor(tally, socket);
  add_outcome(tally, socket, exchange_lost);
  add_drop_impact(tally.drop_impact, socket, exchange_lost);
  if (const auto request = unanswered(socket, until)) add_slow_request(tally.slow_answers, *request);

  if (counted_as) {
    ProcessTally& process = tally.processes[place_of(tally, *counted_as)];
    ++process.sockets_seen;
    if (socket.open()) ++process.sockets_open;
    process.bytes_sent += flow.bytes_sent;
    process.bytes_received += flow.bytes_received;
    process.exchanges += flow.exchanges;
    if (socket.owner && socket.owner->cgroup_id != 0) process.cgroup_id = socket.owner->cgroup_id;
  }
  if (socket.inbound()) {
    PeerTally& peer = tally.peers[socket.ref.remote.address];
    ++peer.sockets_seen;
    peer.bytes_sent += flow.bytes_sent;
    peer.bytes_received += flow.bytes_received;
    if (tally.peers.size() > kEndpointPeersMax) forget_small_peers(tally.peers);
  }
}

}  // namespace tcpdiag::correlate
