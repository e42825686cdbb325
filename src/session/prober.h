// SPDX-License-Identifier: Apache-2.0
// --probe: new connections to endpoints of which it is in doubt whether the path or the peer's application is slow. A
// handshake is answered by the peer's kernel and waits in the same queues as everything, so its round trip decides.
//
// Who connects is a child for each traced namespace, made before privileges are given up, which can do nothing but
// that. It says nothing: the tracer sees its connections as it sees all others, knows them by their owner
// (TraceStart::probe_pids), and counts them apart.
#pragma once

#include <cstdint>
#include <vector>

#include "host/netns.h"
#include "model/endpoint.h"
#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::session {

class Prober {
 public:
  static constexpr std::size_t kMost = 30;           // connections in a trace
  static constexpr std::size_t kMostAtOnce = 4;      // in a second
  static constexpr int kPatienceMilliseconds = 900;  // before TCP sends its SYN again (RFC 6298: 1 s)

  // The process must have one thread. Errors (kNotAble): no process, or no entering of a namespace.
  static Result<Prober> start(const std::vector<host::Netns>& netns);

  std::vector<std::uint32_t> pids() const;
  // Whether probe() does anything any more.
  bool has_some_left() const { return sent_ < kMost; }
  // Connects to each, closes at once and forgets it. Those beyond the limits are left out.
  void probe(const std::vector<model::EndpointKey>& endpoints);

 private:
  struct Child {
    std::uint32_t pid = 0;
    std::uint32_t netns_inode = 0;
    Fd targets;  // where it reads whom to connect to; it ends with this
  };

  std::vector<Child> children_;
  std::size_t sent_ = 0;
};

}  // namespace tcpdiag::session
