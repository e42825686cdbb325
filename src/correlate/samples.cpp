// SPDX-License-Identifier: Apache-2.0
// What each kind of sample adds.
#include <algorithm>
#include <string>
#include <type_traits>
#include <variant>

#include "correlate/counting.h"
#include "correlate/differences.h"
#include "correlate/endpoints.h"
#include "correlate/state.h"

namespace tcpdiag::correlate {
namespace {

class Apply {
 public:
  explicit Apply(State& state) : state_(state) {}

  void operator()(const model::TraceStart& start) {
    state_.start = start;
    state_.netns.clear();
    for (const model::NetnsInfo& netns : start.netns) state_.netns.emplace_back(netns.inode);
  }

  void operator()(const model::SocketSnapshot& snapshot) {
    advance(state_, snapshot.at);
    if (state_.probes.is_known(snapshot.socket.id.value)) return;
    if (snapshot.socket.id.value == 0 || snapshot.flow.state == model::TcpState::kClose) return;
    const bool is_new = !state_.sockets.contains(snapshot.socket.id.value);
    SocketRecord* socket = find_or_make(state_, snapshot.socket, snapshot.flow, snapshot.at, false, false);
    if (socket == nullptr) return;
    merge_ref(socket->ref, snapshot.socket);
    merge_flow(socket->flow, snapshot.flow);
    socket->flow_at = std::max(socket->flow_at, snapshot.at);
    merge_owner(socket->owner, snapshot.owner);
    follow_role(state_, *socket);
    count_flow(state_, *socket);
    socket->last_state = snapshot.flow.state;
    socket->seen_at_end = socket->seen_at_end || snapshot.moment == model::SnapshotMoment::kEnd;
    EndpointRecord& endpoint = state_.endpoints[socket->endpoint];
    endpoint.last_seen_at = std::max(endpoint.last_seen_at, snapshot.at);
    if (!is_new) return;
    add_mark(*socket, {snapshot.at, model::mark::FirstSeen{}}, state_.limits.timeline_entries);
    // Its events were lost.
    if (socket->ref.role == model::Role::kOutbound && !socket->ref.older_than_trace) {
      socket->attempt = true;
      socket->attempt_at = socket->flow.opened_at;
      if (socket->attempt_at) count(state_, endpoint, *socket->attempt_at, {.connects = 1});
      if (snapshot.flow.state == model::TcpState::kSynSent) return;
      socket->outcome = model::ConnectOutcome::kEstablished;
      count_outcome(state_, endpoint, snapshot.at, model::ConnectOutcome::kEstablished);
    }
  }

  void operator()(const model::EndpointSample& sample) {
    advance(state_, sample.at);
    const auto known = state_.endpoint_index.find(sample.key);
    const bool was_known = known != state_.endpoint_index.end();
    if (!was_known && (sample.exchanges == 0 || state_.evicted.sums.covers(sample))) return;
    const auto index = was_known ? known->second : find_or_make_endpoint(state_, sample.key, sample.at, true);
    if (!index) return;  // its sockets were counted as lost
    EndpointRecord& endpoint = state_.endpoints[*index];
    if (endpoint.sample && (sample.at < endpoint.sample->at || sample.generation < endpoint.sample->generation)) return;
    endpoint.last_seen_at = std::max(endpoint.last_seen_at, sample.at);
    model::EndpointSample sums = sums_of(endpoint, sample);
    const bool is_used = endpoint.sample && sums.exchanges > endpoint.sample->exchanges;
    if (is_used && endpoint.idle_since) find_or_make_endpoint(state_, sample.key, sample.at, true);
    if (sums.device.empty() && endpoint.sample) sums.device = endpoint.sample->device;
    add_difference(state_, endpoint, sums, begin_of_round(state_, endpoint, was_known, sample.at));
    endpoint.sample = std::move(sums);
  }

  void operator()(const model::NetnsSample& sample) {
    advance(state_, sample.at);
    const auto found = std::find_if(state_.netns.begin(), state_.netns.end(), [&sample](const NetnsRecord& netns) {
      return netns.inode() == sample.netns_inode;
    });
    if (found != state_.netns.end()) found->add(sample);
  }

  void operator()(const model::NicSample& sample) {
    advance(state_, sample.at);
    state_.nics.add(sample, series_origin(state_), state_.limits.nics);
  }

  void operator()(const model::ProcessInfo& process) {
    if (state_.processes.size() >= state_.limits.processes && !state_.processes.contains(process.pid)) {
      ++state_.loss.processes_full;
      return;
    }
    state_.processes[process.pid] = process;
    if (process.cgroup_id == 0 || process.cgroup_path.empty()) return;
    // Processes that moved leave their former cgroups behind, so there may be more of those.
    if (state_.cgroups.size() < state_.limits.processes || state_.cgroups.contains(process.cgroup_id)) {
      state_.cgroups[process.cgroup_id] = process.cgroup_path;
    } else {
      ++state_.loss.processes_full;
    }
  }

  void operator()(const model::DnsMessage& message) {
    advance(state_, message.at);
    state_.look_ups.add(message);
  }

  void operator()(const model::TraceEnd& end) {
    advance(state_, end.at);
    state_.end = end;
  }

 private:
  State& state_;
};

}  // namespace

void apply_sample(State& state, const model::Sample& sample) { std::visit(Apply(state), sample); }

}  // namespace tcpdiag::correlate
