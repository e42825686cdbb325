// SPDX-License-Identifier: Apache-2.0
#include "session/slice/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tcpdiag::session {
namespace {

using model::TcpState;

TcpState state_after(const model::Event& event) {
  if (const auto* change = std::get_if<model::StateChanged>(&event.body)) return change->to;
  if (std::holds_alternative<model::Established>(event.body)) return TcpState::kEstablished;
  if (std::holds_alternative<model::ConnectStarted>(event.body)) return TcpState::kSynSent;
  return event.flow.state;
}

// Ports and addresses come late (the local port is chosen after SYN_SENT) and go early (both are 0 at CLOSE).
void add_known(model::SocketRef& known, const model::SocketRef& observed) {
  const auto fill = [](model::SocketAddress& into, const model::SocketAddress& from) {
    if (into.port == 0) into.port = from.port;
    if (into.address.is_unspecified()) into.address = from.address;
  };
  fill(known.local, observed.local);
  fill(known.remote, observed.remote);
  if (!known.cookie) known.cookie = observed.cookie;
  if (known.netns_inode == 0) known.netns_inode = observed.netns_inode;
  if (known.role == model::Role::kUnknown && observed.role != model::Role::kUnknown) {
    known.role = observed.role;
    known.role_source = observed.role_source;
  }
}

// Seen at work is more than found in the process table, and the first one more than those that use it too.
void add_owner(std::optional<model::Owner>& known, const std::optional<model::Owner>& observed) {
  using model::OwnerSource;
  if (!observed || observed->pid == 0) return;
  const auto is_seen = [](const model::Owner& owner) {
    return owner.source == OwnerSource::kOwner || owner.source == OwnerSource::kReader;
  };
  const bool shared = observed->shared || (known && known->shared);
  if (!known || (!is_seen(*known) && is_seen(*observed))) known = observed;
  known->shared = shared;
}

}  // namespace

bool has_connection(const model::Event& event) {
  return event.socket.id.value != 0 && event.flow.state != TcpState::kListen &&
         event.flow.state != TcpState::kNewSynRecv && !std::holds_alternative<model::SynAckRetransmitted>(event.body);
}

ConnectionNumber Numbering::of(model::SocketId id, bool begins) {
  const auto [found, is_new] = newest_.try_emplace(id.value, count_);
  if (is_new) return count_++;
  if (begins) found->second = count_++;
  return found->second;
}

ConnectionNumber Numbering::of(const model::Event& event) {
  return of(event.socket.id, std::holds_alternative<model::ConnectStarted>(event.body));
}

ConnectionNumber Numbering::of(const model::SocketSnapshot& snapshot) { return of(snapshot.socket.id, false); }

void Index::note_owner(Connection& connection, const model::Owner& owner) {
  const auto next = static_cast<std::uint32_t>(owners.size());
  const std::string key = fmt::format("{} {} {}", owner.pid, owner.cgroup_id, owner.comm);
  const auto [found, is_new] = owner_index_.try_emplace(key, next);
  if (is_new) owners.push_back(owner);
  auto& of_connection = connection.owners;
  if (std::ranges::find(of_connection, found->second) == of_connection.end()) of_connection.push_back(found->second);
}

void Index::note_standing(Connection& connection, const Observation& observed) {
  for (auto [moment, standing] : {std::pair(part_.from, &connection.at_from), std::pair(part_.to, &connection.at_to)}) {
    if (!moment || observed.at < *moment || *standing || !connection.newest) continue;
    *standing = std::make_unique<Standing>(*connection.newest);
    (*standing)->after = observed.flow;
  }
  const std::optional<model::MonoTime> last = part_.to ? part_.to : part_.from;
  if (!last || observed.at >= *last || observed.is_over || connection.over_at) {
    connection.newest.reset();
    return;
  }
  if (!connection.newest) connection.newest = std::make_unique<Standing>();
  connection.newest->before = observed.flow;
  connection.newest->state = observed.state_after;
  add_owner(connection.newest->owner, observed.owner);
}

void Index::observe(ConnectionNumber number, const Observation& observed) {
  if (number == connections.size()) {
    Connection& made = connections.emplace_back();
    made.socket = observed.socket;
    made.first_at = observed.at;
    made.last_at = observed.at;
  }
  Connection& connection = connections[number];
  add_known(connection.socket, observed.socket);
  connection.last_at = std::max(connection.last_at, observed.at);
  connection.bytes = std::max(connection.bytes, observed.flow.bytes_sent_total + observed.flow.bytes_received_total);
  if (observed.owner && observed.owner->pid != 0) note_owner(connection, *observed.owner);
  note_standing(connection, observed);
  if (observed.is_over && !connection.over_at) connection.over_at = observed.at;
}

void Index::on_event(const model::Event& event) {
  if (!has_connection(event)) return;
  const TcpState after = state_after(event);
  const bool is_over = after == TcpState::kClose || std::holds_alternative<model::Destroyed>(event.body);
  observe(numbering_.of(event), {event.at, event.socket, event.flow, event.owner, after, is_over});
}

void Index::on_sample(const model::Sample& sample) {
  if (const auto* first = std::get_if<model::TraceStart>(&sample)) {
    start = *first;
    const auto moment = [first](const std::optional<model::WallTime>& wall) {
      return wall ? to_mono(first->clock, *wall) : std::nullopt;
    };
    part_ = {moment(view_.from), moment(view_.to)};
  } else if (const auto* last = std::get_if<model::TraceEnd>(&sample)) {
    end = *last;
  } else if (const auto* process = std::get_if<model::ProcessInfo>(&sample)) {
    processes.add(*process);
  } else if (const auto* message = std::get_if<model::DnsMessage>(&sample)) {
    constexpr std::size_t kMost = 4096;
    if (message->owner && asked.size() < kMost) asked.try_emplace(message->owner->pid, *message);
  } else if (const auto* snapshot = std::get_if<model::SocketSnapshot>(&sample)) {
    if (snapshot->socket.id.value == 0) return;
    const ConnectionNumber number = numbering_.of(*snapshot);
    const bool is_over = snapshot->flow.state == TcpState::kClose;
    observe(number, {snapshot->at, snapshot->socket, snapshot->flow, snapshot->owner, snapshot->flow.state, is_over});
    if (snapshot->moment == model::SnapshotMoment::kEnd) connections[number].last_snapshot_at = snapshot->at;
  }
}

// Where events were lost, a socket of which nothing came any more, not even at the end, has closed at some time.
bool Index::was_open_at(const Connection& connection, model::MonoTime t) const {
  if (connection.first_at >= t || (connection.over_at && *connection.over_at < t)) return false;
  if (connection.last_at >= t) return true;
  if (connection.last_snapshot_at) return false;  // its namespace was let go
  return !end || end->loss.ring_full == 0;
}

}  // namespace tcpdiag::session
