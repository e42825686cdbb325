// SPDX-License-Identifier: Apache-2.0
// Connections that this program made itself (--probe): their handshakes are a measure of the path, and nothing else of
// them is counted.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "model/event.h"
#include "model/sample.h"

namespace tcpdiag::correlate {

struct State;

class Probes {
 public:
  // Whether it is one of theirs; it is worked off then.
  bool take(State& state, const model::Event& event);
  bool is_known(std::uint64_t socket) const { return sockets_.contains(socket); }

 private:
  std::unordered_set<std::uint64_t> sockets_;  // at most kMost: a recording may say anything
};

}  // namespace tcpdiag::correlate
