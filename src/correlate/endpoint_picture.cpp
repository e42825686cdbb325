// SPDX-License-Identifier: Apache-2.0
#include "correlate/endpoint_picture.h"

#include <algorithm>
#include <tuple>

#include "correlate/features.h"
#include "correlate/floor.h"
#include "correlate/measures.h"
#include "correlate/outcomes.h"
#include "correlate/story.h"
#include "correlate/totals.h"

namespace tcpdiag::correlate {
namespace {

using model::EndpointPicture;
using model::ProcessShare;
using model::Role;

constexpr std::size_t kShown = 10;

std::uint64_t bytes_of(const ProcessShare& share) { return share.bytes_sent + share.bytes_received; }

// Processes of one name in one cgroup are one row: a pool of workers.
std::vector<ProcessShare> process_shares(const State& state, const Tally& tally) {
  std::map<std::pair<std::string, std::string>, ProcessShare> groups;
  ProcessShare others;
  others.comm = kOtherProcesses;
  for (const auto& [key, process] : tally.processes) {
    const auto& [pid, comm] = key;
    const bool is_others = pid == 0 && comm == kOtherProcesses;
    const std::string cgroup = is_others ? "" : cgroup_of(state, pid, process.cgroup_id);
    ProcessShare& share = is_others ? others : groups[{comm, cgroup}];
    share.comm = comm;
    share.cgroup = cgroup;
    if (pid != 0) share.pids.push_back(pid);  // ascending, as the map is
    share.sockets_seen += process.sockets_seen;
    share.bytes_sent += process.bytes_sent;
    share.bytes_received += process.bytes_received;
    share.exchanges += process.exchanges;
    share.sockets_open_at_end += process.sockets_open;
  }
  std::vector<ProcessShare> shares;
  shares.reserve(groups.size());
  for (auto& [name, share] : groups) shares.push_back(std::move(share));
  const auto rank = [](const ProcessShare& s) { return std::tuple(~bytes_of(s), ~s.sockets_seen, s.comm, s.cgroup); };
  std::sort(shares.begin(), shares.end(), [&rank](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (shares.size() <= kShown && others.sockets_seen == 0) return shares;
  for (std::size_t i = kShown; i < shares.size(); ++i) {
    others.sockets_seen += shares[i].sockets_seen;
    others.bytes_sent += shares[i].bytes_sent;
    others.bytes_received += shares[i].bytes_received;
    others.exchanges += shares[i].exchanges;
    others.sockets_open_at_end += shares[i].sockets_open_at_end;
  }
  shares.resize(std::min(shares.size(), kShown));
  shares.push_back(std::move(others));
  return shares;
}

std::vector<model::PeerShare> peer_shares(const Tally& tally) {
  std::vector<model::PeerShare> shares;
  shares.reserve(tally.peers.size());
  for (const auto& [address, peer] : tally.peers) {
    shares.push_back({address, peer.sockets_seen, peer.bytes_sent, peer.bytes_received});
  }
  const auto rank = [](const model::PeerShare& s) {
    return std::tuple(~(s.bytes_sent + s.bytes_received), ~s.sockets_seen, s.address);
  };
  std::sort(shares.begin(), shares.end(), [&rank](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (shares.size() > kShown) shares.resize(kShown);
  return shares;
}

model::HistogramMap histograms_of_events(const State& state, const EndpointRecord& record) {
  model::HistogramMap histograms = record.histograms;
  // Measured, though nothing may have happened: an empty histogram, not an unknown one.
  for (const Measure which : model::kAllMeasures) {
    const bool of_kernel = model::info_of(which).in_kernel;
    if (of_kernel || !model::is_of_role(which, record.key.role) || lacks_feature(state, model::to_string(which)))
      continue;
    histograms.try_emplace(which);
  }
  return histograms;
}

void set_means(EndpointPicture& endpoint, const EndpointRecord& record) {
  if (!record.sample) return;
  // The bytes are those of exchanges that are complete; without any, of none.
  const model::EndpointSample& sample = *record.sample;
  const std::uint64_t open = std::min(endpoint.totals.exchanges, endpoint.totals.sockets_open_at_end);
  const std::uint64_t timed = sample.of(Measure::kLastByte).count();
  // Each open socket may have one response that is not known to be complete; those without a delay have no last_byte.
  const std::uint64_t done = std::max({timed, sample.exchanges - std::min(sample.exchanges, open), std::uint64_t{1}});
  if (sample.exchanges == 0 || (sample.request_bytes == 0 && sample.response_bytes == 0)) return;
  endpoint.mean_request_bytes = static_cast<double>(sample.request_bytes) / static_cast<double>(done);
  endpoint.mean_response_bytes = static_cast<double>(sample.response_bytes) / static_cast<double>(done);
}

}  // namespace

EndpointPicture make_endpoint_picture(const State& state, const EndpointRecord& record, const Tally& tally,
                                      const model::Totals& zeros, model::Duration traced) {
  EndpointPicture endpoint;
  endpoint.key = record.key;
  endpoint.role_source = tally.role_source;
  endpoint.first_seen_at = record.first_seen_at;
  endpoint.last_seen_at = record.last_seen_at;

  endpoint.totals = totals_of(state, record, tally, zeros);
  endpoint.drop_impact = tally.drop_impact;
  endpoint.histograms = histograms_of_events(state, record);
  Floor floor = floor_of(state, record, tally, traced);
  endpoint.rtt_floor_us = floor.us;
  endpoint.rtt_floor_source = std::move(floor.source);
  endpoint.window_has_low_sample = floor.window_has_low_sample;
  set_measures(state, record, tally, endpoint);
  set_means(endpoint, record);
  endpoint.processes = process_shares(state, tally);
  if (record.key.role == Role::kInbound) {
    endpoint.peers = peer_shares(tally);
    endpoint.slow_answers = tally.slow_answers;
  }
  set_outcomes(record, tally, endpoint);
  if (record.key.role != Role::kInbound) endpoint.slow_connects = record.slow_connects;
  if (record.sample && record.sample->survived_silence_us > 0) {
    endpoint.survived_silence =
        std::chrono::microseconds(static_cast<std::int64_t>(record.sample->survived_silence_us));
  }
  return endpoint;
}

}  // namespace tcpdiag::correlate
