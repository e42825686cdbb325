// SPDX-License-Identifier: Apache-2.0
#include "correlate/newest_connects.h"

#include <algorithm>
#include <chrono>

#include "correlate/connect.h"
#include "correlate/keep_limits.h"
#include "correlate/state.h"

namespace tcpdiag::correlate {
namespace {

using model::MonoTime;

// RFC 8305: two connects of one call are at most this far apart. Who comes back later than that had no call to repeat.
constexpr model::Duration kSameCall = std::chrono::seconds(1);
// A flood of failures must not be walked through for each connect that succeeds.
constexpr std::size_t kLookedAt = 256;

bool is_old(MonoTime at, MonoTime now) { return at + kSameCall < now; }

void forget(std::set<NewestConnects::Socket>& all, std::deque<std::pair<MonoTime, NewestConnects::Socket>>& order,
            MonoTime now) {
  while (!order.empty() && is_old(order.front().first, now)) {
    all.erase(order.front().second);
    order.pop_front();
  }
}

void forget(NewestConnects& connects, MonoTime now) {
  while (!connects.established_order.empty() && is_old(connects.established_order.front().first, now)) {
    const ConnectKey key = connects.established_order.front().second;
    connects.established_order.pop_front();
    const auto found = connects.established.find(key);
    if (is_old(found->second.at, now)) {
      connects.established.erase(found);
    } else {
      connects.established_order.emplace_back(found->second.at, key);
    }
  }
  forget(connects.failed, connects.failed_order, now);
  forget(connects.left, connects.left_order, now);
}

bool is_owned(const SocketRecord& socket) { return socket.owner && socket.owner->pid != 0; }

ProcessAndPort by(const SocketRecord& socket) { return {socket.owner->pid, socket.ref.remote.port}; }

bool serves(const SocketRecord& failed, const model::Address& to, std::uint32_t tid) {
  const model::Address& asked = failed.ref.remote.address;
  if (asked == to) return false;  // the same server, which took another connect
  return asked.is_v4() != to.is_v4() || (tid != 0 && tid == failed.owner->tid);
}

// False: there is no room for it.
bool add(std::set<NewestConnects::Socket>& all, std::deque<std::pair<MonoTime, NewestConnects::Socket>>& order,
         const SocketRecord& socket, MonoTime at) {
  if (order.size() >= kFailedKept) return false;
  const NewestConnects::Socket entry{by(socket), socket.ref.id.value};
  if (all.insert(entry).second) order.emplace_back(at, entry);
  return true;
}

}  // namespace

void note_established(State& state, const SocketRecord& socket, MonoTime at) {
  if (!is_owned(socket)) return;
  NewestConnects& connects = state.connects;
  forget(connects, at);
  const ConnectKey key{by(socket), socket.ref.remote.address};
  const std::uint32_t tid = socket.owner->tid;
  if (const auto found = connects.established.find(key); found != connects.established.end()) {
    found->second = {std::max(found->second.at, at), tid};
  } else if (connects.established.size() < kEstablishedKept) {
    connects.established.emplace(key, NewestConnects::Established{at, tid});
    connects.established_order.emplace_back(at, key);
  } else {
    ++state.loss.sockets_full;
  }
  std::size_t n = 0;
  for (auto failed = connects.failed.lower_bound({key.by, 0});
       failed != connects.failed.end() && failed->first == key.by && n < kLookedAt; ++failed, ++n) {
    const auto found = state.sockets.find(failed->second);
    if (found == state.sockets.end() || !found->second.outcome || !is_failure(*found->second.outcome)) continue;
    if (serves(found->second, key.to, tid)) found->second.served_elsewhere = true;
  }
}

void note_failed_connect(State& state, SocketRecord& socket, MonoTime at) {
  if (!is_owned(socket)) return;
  NewestConnects& connects = state.connects;
  forget(connects, at);
  const ProcessAndPort key = by(socket);
  std::size_t n = 0;
  for (auto other = connects.established.lower_bound({key, {}});
       other != connects.established.end() && other->first.by == key && n < kLookedAt; ++other, ++n) {
    socket.served_elsewhere = socket.served_elsewhere || serves(socket, other->first.to, other->second.tid);
  }
  if (!socket.served_elsewhere && !add(connects.failed, connects.failed_order, socket, at)) ++state.loss.sockets_full;
}

void note_left(State& state, const SocketRecord& socket, MonoTime at) {
  if (!is_owned(socket)) return;
  forget(state.connects, at);
  if (!add(state.connects.left, state.connects.left_order, socket, at)) ++state.loss.sockets_full;
}

void note_connect(State& state, const SocketRecord& socket, MonoTime at) {
  if (!is_owned(socket) || state.connects.left.empty()) return;
  NewestConnects& connects = state.connects;
  forget(connects, at);
  const ProcessAndPort key = by(socket);
  std::size_t n = 0;
  for (auto left = connects.left.lower_bound({key, 0});
       left != connects.left.end() && left->first == key && n < kLookedAt; ++left, ++n) {
    const auto found = state.sockets.find(left->second);
    if (found == state.sockets.end() || found->second.ref.remote != socket.ref.remote) continue;
    found->second.reconnected = true;
  }
}

}  // namespace tcpdiag::correlate
