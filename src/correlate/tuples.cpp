// SPDX-License-Identifier: Apache-2.0
#include "correlate/tuples.h"

namespace tcpdiag::correlate {
namespace {

void mix(std::uint64_t& hash, std::uint64_t value) {  // FNV-1a
  constexpr std::uint64_t kPrime = 1099511628211U;
  hash = (hash ^ value) * kPrime;
}

std::uint64_t hash_of(const model::SocketRef& ref) {
  std::uint64_t hash = 14695981039346656037U;
  for (const model::SocketAddress* end : {&ref.local, &ref.remote}) {
    for (const std::uint8_t byte : end->address.bytes) mix(hash, byte);
    mix(hash, end->port & 0xffU);
    mix(hash, std::uint64_t{end->port} >> 8U);
  }
  mix(hash, ref.netns_inode);
  return hash;
}

bool is_same(const model::SocketRef& a, const model::SocketRef& b) {
  return a.local == b.local && a.remote == b.remote && a.netns_inode == b.netns_inode;
}

}  // namespace

void index_tuple(State& state, SocketRecord& socket) {
  if (socket.tuple != 0 || socket.ref.local.port == 0) return;
  socket.tuple = hash_of(socket.ref);
  state.by_tuple[socket.tuple] = socket.ref.id.value;  // addresses that are used again: the newest socket
  if (!socket.inbound()) state.by_local[{socket.ref.netns_inode, socket.ref.local}] = socket.ref.id.value;
}

void forget_tuple(State& state, const SocketRecord& socket) {
  if (socket.tuple == 0) return;
  const auto found = state.by_tuple.find(socket.tuple);
  if (found != state.by_tuple.end() && found->second == socket.ref.id.value) state.by_tuple.erase(found);
  const auto local = state.by_local.find({socket.ref.netns_inode, socket.ref.local});
  if (local != state.by_local.end() && local->second == socket.ref.id.value) state.by_local.erase(local);
}

SocketRecord* find_by_tuple(State& state, const model::SocketRef& ref) {
  const auto found = state.by_tuple.find(hash_of(ref));
  if (found == state.by_tuple.end()) return nullptr;
  const auto socket = state.sockets.find(found->second);
  return socket != state.sockets.end() && is_same(socket->second.ref, ref) ? &socket->second : nullptr;
}

SocketRecord* find_by_local(State& state, const model::SocketRef& ref) {
  const auto found = state.by_local.find({ref.netns_inode, ref.local});
  if (found == state.by_local.end()) return nullptr;
  const auto socket = state.sockets.find(found->second);
  return socket != state.sockets.end() ? &socket->second : nullptr;
}

}  // namespace tcpdiag::correlate
