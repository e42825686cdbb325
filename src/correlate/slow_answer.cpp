// SPDX-License-Identifier: Apache-2.0
#include "correlate/slow_answer.h"

#include <algorithm>

#include "correlate/ending.h"
#include "correlate/state.h"

namespace tcpdiag::correlate {
namespace {

using model::MonoTime;

// An upload whose last bytes came just now has not waited for the application, however long ago it began.
bool was_still_arriving(MonoTime first, const std::optional<MonoTime>& last, MonoTime until) {
  return last && *last - first >= model::kSlowAnswerAfter && until - *last < model::kSlowAnswerAfter;
}

bool is_slow(const RequestMark& request, MonoTime until) {
  return request.first_at && until - *request.first_at >= model::kSlowAnswerAfter &&
         !was_still_arriving(*request.first_at, request.last_at, until);
}

}  // namespace

void add_slow_request(model::SlowAnswers& sum, const SlowRequest& request) {
  if (!request.calls) {
    ++sum.unknown;
    return;
  }
  if (!request.without_call()) {
    ++sum.with_call;
    return;
  }
  ++sum.no_call;
  sum.no_call_wait_us.add(static_cast<std::uint64_t>(model::microseconds(request.wait())));
  sum.first_at = std::min(sum.first_at.value_or(request.began), request.began);
  sum.last_at = std::max(sum.last_at.value_or(request.until), request.until);
  if (request.ongoing) ++sum.ongoing;
}

std::optional<SlowRequest> slowly_answered(SocketRecord& socket, const model::Event& event) {
  if (!socket.inbound()) return std::nullopt;
  const RequestMark request = newest_request(event.flow);
  model::Flow& flow = socket.flow;
  if (flow.outstanding) {
    flow.outstanding = false;
    flow.in_response = true;
    flow.response_first_at = event.at;
    ++flow.exchanges;
  }
  if (!is_slow(request, event.at)) return std::nullopt;
  socket.slowly_answered = request.first_at;
  const SlowRequest slow{*request.first_at, event.at, request.calls_since_read, false};
  if (slow.without_call()) {
    socket.no_call_wait = std::max(socket.no_call_wait.value_or(slow.wait()), slow.wait());
  }
  return slow;
}

std::optional<model::LookUpBefore> look_up_during(const State& state, const SocketRecord& socket,
                                                  const SlowRequest& request) {
  if (!socket.owner) return std::nullopt;
  return state.look_ups.during(socket.owner->pid, request.began, request.until);
}

void note_longer(std::optional<model::LookUpBefore>& longest, const std::optional<model::LookUpBefore>& one) {
  if (one && (!longest || longest->took < one->took)) longest = one;
}

std::optional<SlowRequest> unanswered(const SocketRecord& socket, MonoTime until) {
  if (!socket.inbound()) return std::nullopt;
  if (socket.end) {
    const RequestMark& request = socket.request_at_end;
    const bool counted = socket.slowly_answered && socket.slowly_answered == request.first_at;
    if (counted || !socket.end->outstanding || !exchange_failed(socket) || !is_slow(request, socket.end->at)) {
      return std::nullopt;
    }
    return SlowRequest{*request.first_at, socket.end->at, request.calls_since_read, false};
  }
  const RequestMark request = newest_request(socket.flow);
  if (!exchange_pending(socket) || !is_slow(request, socket.flow_at)) return std::nullopt;
  return SlowRequest{*request.first_at, std::max(until, socket.flow_at), request.calls_since_read, true};
}

}  // namespace tcpdiag::correlate
