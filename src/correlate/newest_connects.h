// SPDX-License-Identifier: Apache-2.0
// What the connects of the last second say of each other: whether one that failed was served at another address, and
// whether a process came back to where its connection had just ended.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "model/address.h"
#include "model/time.h"

namespace tcpdiag::correlate {

struct State;
struct SocketRecord;

using ProcessAndPort = std::pair<std::uint32_t, std::uint16_t>;

struct ConnectKey {
  ProcessAndPort by;
  model::Address to;

  auto operator<=>(const ConnectKey&) const = default;
};

// A connect looks at 256 entries at most, however many there are.
struct NewestConnects {
  struct Established {
    model::MonoTime at{};
    std::uint32_t tid = 0;
  };
  using Socket = std::pair<ProcessAndPort, std::uint64_t>;

  std::map<ConnectKey, Established> established;  // the newest of each
  std::deque<std::pair<model::MonoTime, ConnectKey>> established_order;
  std::set<Socket> failed;  // refused, or given up
  std::deque<std::pair<model::MonoTime, Socket>> failed_order;
  std::set<Socket> left;  // that may have ended with a goodbye
  std::deque<std::pair<model::MonoTime, Socket>> left_order;
};

// A connect was established at `at`: those of the same process to the same port that failed within a second were served
// by it, if it went to another address as happy eyeballs does (RFC 8305): to one of the other family, or as the same
// thread's next try.
void note_established(State& state, const SocketRecord& socket, model::MonoTime at);
// The same, for one that failed after the other was established.
void note_failed_connect(State& state, SocketRecord& socket, model::MonoTime at);

// The connection ended at `at`, perhaps with a goodbye.
void note_left(State& state, const SocketRecord& socket, model::MonoTime at);
// A connect began: its process comes back to where it left within the last second.
void note_connect(State& state, const SocketRecord& socket, model::MonoTime at);

}  // namespace tcpdiag::correlate
