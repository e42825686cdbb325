// SPDX-License-Identifier: Apache-2.0
// Inbound requests that this host's application left waiting for model::kSlowAnswerAfter or more.
#pragma once

#include <optional>

#include "correlate/endpoint_record.h"
#include "model/event.h"

namespace tcpdiag::correlate {

struct State;

struct SlowRequest {
  model::MonoTime began{};
  model::MonoTime until{};            // its answer, the client's leaving, or the end of the trace
  std::optional<std::uint8_t> calls;  // Flow::calls_since_read
  bool ongoing = false;               // it still waits at the end of the trace

  model::Duration wait() const { return until - began; }
  bool without_call() const { return calls && *calls == 0; }
};

void add_slow_request(model::SlowAnswers& sum, const SlowRequest& request);

// The first byte of an answer leaves. Moves the socket's flow behind it; nullopt: not inbound, or the request had not
// waited that long, because it was still arriving.
std::optional<SlowRequest> slowly_answered(SocketRecord& socket, const model::Event& event);

// What its process waited for a name meanwhile. Kept is the longer one.
std::optional<model::LookUpBefore> look_up_during(const State& state, const SocketRecord& socket,
                                                  const SlowRequest& request);
void note_longer(std::optional<model::LookUpBefore>& longest, const std::optional<model::LookUpBefore>& one);

// The newest request, if it waited in vain: the client left, or it waits at `until`. In the middle of a trace only what
// the source reported it when the request was that old already: it may have been answered since, and quick answers are
// no events.
std::optional<SlowRequest> unanswered(const SocketRecord& socket, model::MonoTime until);

}  // namespace tcpdiag::correlate
