// SPDX-License-Identifier: Apache-2.0
#include "diagnose/slow_users.h"

#include <algorithm>

#include "diagnose/delay.h"
#include "diagnose/rules/delay_unattributed.h"
#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {
namespace {

using model::Severity;

struct Slow {
  std::uint64_t delayed = 0;
  std::uint64_t exchanges = 0;
};

std::optional<Slow> slow_exchanges(const model::EndpointPicture& endpoint) {
  const model::Histogram* last_byte = endpoint.measured(model::Measure::kLastByte);
  if (last_byte == nullptr || is_bulk(endpoint)) return std::nullopt;
  const Slow slow{at_least(*last_byte, delayed_from_us(endpoint) + 1), last_byte->count()};
  if (slow.delayed < kEnoughObservations) return std::nullopt;
  const bool many = static_cast<double>(slow.delayed) >= kSlowUsersShare * static_cast<double>(slow.exchanges);
  return many ? std::optional(slow) : std::nullopt;
}

}  // namespace

void tell_of_slow_users(std::vector<Judged>& findings, const Facts& facts) {
  for (const EndpointFacts& endpoint : facts.endpoints) {
    const auto slow = slow_exchanges(*endpoint.picture);
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
      findings.push_back(rules::unattributed(facts, endpoint, slow->delayed, slow->exchanges));
      of_delay = &findings.back();
    }
    of_delay->finding.severity = Severity::kWarning;
    set_delayed(*of_delay, endpoint, std::max(of_delay->delayed, slow->delayed));
  }
}

}  // namespace tcpdiag::diagnose
