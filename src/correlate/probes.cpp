// SPDX-License-Identifier: Apache-2.0
#include "correlate/probes.h"

#include <algorithm>

#include "correlate/counting.h"
#include "correlate/endpoints.h"
#include "correlate/state.h"

namespace tcpdiag::correlate {
namespace {

constexpr std::size_t kMost = 4096;

bool is_own(const State& state, const model::Event& event) {
  if (!event.owner || !state.start || event.socket.role != model::Role::kOutbound) return false;
  const auto& pids = state.start->probe_pids;
  return std::find(pids.begin(), pids.end(), event.owner->pid) != pids.end();
}

bool ends_handshake(const model::Event& event) {
  if (std::holds_alternative<model::Established>(event.body)) return true;
  const auto* change = std::get_if<model::StateChanged>(&event.body);
  return change != nullptr && change->to == model::TcpState::kEstablished;
}

}  // namespace

bool Probes::take(State& state, const model::Event& event) {
  const std::uint64_t id = event.socket.id.value;
  const bool known = sockets_.contains(id);
  if (!known && (sockets_.size() >= kMost || !is_own(state, event))) return false;
  // The endpoint was there before: it was in doubt.
  const auto index = state.endpoint_index.find(model::endpoint_of(event.socket));
  EndpointRecord* endpoint = index == state.endpoint_index.end() ? nullptr : &state.endpoints[index->second];
  if (!known) {
    sockets_.insert(id);
    ++state.told.probes;
    if (endpoint != nullptr) ++endpoint->probes.made;
  }
  if (endpoint == nullptr || !ends_handshake(event) || !event.flow.syn_at || event.at < *event.flow.syn_at) return true;
  ++endpoint->probes.answered;
  add_delay(state, *endpoint, event.at, model::Measure::kConnect,
            static_cast<std::uint64_t>(model::microseconds(event.at - *event.flow.syn_at)));
  return true;
}

}  // namespace tcpdiag::correlate
