// SPDX-License-Identifier: Apache-2.0
#include "diagnose/slow_users.h"

#include <algorithm>

#include "diagnose/delay.h"
#include "diagnose/rules/delay_unattributed.h"
#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {
namespace {

using model::Severity;

// Calls that waited so long already when the trace ended. Only where calls are mostly quick: a blocking read waits on
// purpose.
std::uint64_t still_waiting(const Facts& facts, const EndpointFacts& endpoint) {
  const auto limit = delayed_from_us(*endpoint.picture);
  if (percentile(*endpoint.picture, model::Measure::kLastByte, 0.5).value_or(limit) >= limit) return 0;
  const auto& sockets = facts.picture.sockets;
  return static_cast<std::uint64_t>(std::count_if(sockets.begin(), sockets.end(), [&](const model::SocketStory& story) {
    return story.endpoint == endpoint.index && story.exchange_pending && story.pending_wait &&
           static_cast<std::uint64_t>(model::microseconds(*story.pending_wait)) > limit;
  }));
}

std::optional<rules::Slow> slow_exchanges(const Facts& facts, const EndpointFacts& endpoint) {
  const model::Histogram* last_byte = endpoint.picture->measured(model::Measure::kLastByte);
  if (last_byte == nullptr || is_bulk(*endpoint.picture)) return std::nullopt;
  const std::uint64_t waiting = still_waiting(facts, endpoint);
  const rules::Slow slow{.delayed = at_least(*last_byte, delayed_from_us(*endpoint.picture) + 1) + waiting,
                         .exchanges = last_byte->count() + waiting,
                         .still_waiting = waiting};
  if (slow.delayed < kEnoughObservations) return std::nullopt;
  const auto open = static_cast<double>(endpoint.picture->totals.sockets_open_at_end);
  const bool many = static_cast<double>(slow.delayed) >= kSlowUsersShare * static_cast<double>(slow.exchanges) ||
                    (waiting >= kEnoughObservations && static_cast<double>(waiting) >= kAllWaitShare * open);
  return many ? std::optional(slow) : std::nullopt;
}

}  // namespace

void tell_of_slow_users(std::vector<Judged>& findings, const Facts& facts) {
  for (const EndpointFacts& endpoint : facts.endpoints) {
    const auto slow = slow_exchanges(facts, endpoint);
    if (!slow) continue;
    Judged* of_delay = nullptr;
    bool is_told = false;
    for (Judged& judged : findings) {
      if (judged.finding.endpoint != endpoint.index) continue;
      is_told = is_told || judged.finding.severity > Severity::kNotice;
      if (model::is_about_delay(judged.finding.family)) of_delay = &judged;
    }
    if (is_told) continue;
    if (of_delay == nullptr) {
      findings.push_back(rules::unattributed(facts, endpoint, *slow));
      of_delay = &findings.back();
    }
    of_delay->finding.severity = Severity::kWarning;
    set_delayed(*of_delay, endpoint, std::max(of_delay->delayed, slow->delayed));
  }
}

}  // namespace tcpdiag::diagnose
