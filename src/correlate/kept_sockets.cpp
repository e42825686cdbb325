// SPDX-License-Identifier: Apache-2.0
#include "correlate/kept_sockets.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "correlate/connect.h"
#include "correlate/ending.h"

namespace tcpdiag::correlate {
namespace {

void keep_healthy(KeptSockets& kept, SocketRecord&& socket, const Limits& limits) {
  auto& heap = kept.healthy;
  // With more_interesting() as "less", the heap's front is the least interesting one.
  if (heap.size() < limits.healthy_sockets) {
    heap.push_back(std::move(socket));
    std::push_heap(heap.begin(), heap.end(), more_interesting);
    return;
  }
  ++kept.healthy_omitted;
  if (heap.empty() || !more_interesting(socket, heap.front())) return;
  std::pop_heap(heap.begin(), heap.end(), more_interesting);
  heap.back() = std::move(socket);
  std::push_heap(heap.begin(), heap.end(), more_interesting);
}

// The oldest gives way.
void let_go(KeptSockets& kept, std::deque<SocketRecord>& from, const Limits& limits, model::Loss& loss) {
  SocketRecord oldest = std::move(from.front());
  from.pop_front();
  if (worth_of(oldest) == Worth::kSlow) {
    keep_healthy(kept, std::move(oldest), limits);
    return;
  }
  ++kept.failed_omitted;
  ++loss.sockets_full;
}

}  // namespace

std::size_t notable_limit(const Limits& limits) { return limits.failed_sockets / 2; }

std::size_t slow_limit(const Limits& limits) { return notable_limit(limits) / 2; }

Worth worth_of(const SocketRecord& socket) {
  if ((socket.outcome && is_failure(*socket.outcome)) || exchange_failed(socket)) return Worth::kFailed;
  if (socket.attempt && !socket.outcome) return Worth::kNotable;
  if (socket.end) {
    switch (socket.end->kind) {
      case model::EndKind::kResetReceived:
      case model::EndKind::kResetSent:
      case model::EndKind::kTimedOut:
        return Worth::kNotable;
      default:
        break;
    }
  } else if (exchange_pending(socket)) {
    return Worth::kNotable;
  }
  return socket.no_call_wait || socket.slow_connect ? Worth::kSlow : Worth::kHealthy;
}

bool more_interesting(const SocketRecord& a, const SocketRecord& b) {
  const auto rank = [](const SocketRecord& s) {
    return std::tuple(~s.flow.first_byte_max_us, s.first_seen_at, s.ref.id);
  };
  return rank(a) < rank(b);
}

void keep(KeptSockets& kept, SocketRecord&& socket, const Limits& limits, model::Loss& loss) {
  const auto is_full = [&] { return kept.failed.size() + kept.notable.size() >= limits.failed_sockets; };
  switch (worth_of(socket)) {
    case Worth::kFailed:
      kept.failed.push_back(std::move(socket));
      while (kept.failed.size() + kept.notable.size() > limits.failed_sockets) {
        let_go(kept, kept.notable.empty() ? kept.failed : kept.notable, limits, loss);
      }
      return;
    case Worth::kNotable:
      kept.notable.push_back(std::move(socket));
      while (!kept.notable.empty() && (kept.notable.size() > notable_limit(limits) ||
                                       kept.failed.size() + kept.notable.size() > limits.failed_sockets)) {
        let_go(kept, kept.notable, limits, loss);
      }
      return;
    case Worth::kSlow:
      if (!is_full() && kept.notable.size() < slow_limit(limits)) {
        kept.notable.push_back(std::move(socket));
        return;
      }
      [[fallthrough]];
    case Worth::kHealthy:
      keep_healthy(kept, std::move(socket), limits);
      return;
  }
}

}  // namespace tcpdiag::correlate
