// SPDX-License-Identifier: Apache-2.0
#include "diagnose/registry.h"

#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "diagnose/rules/rules.h"

namespace tcpdiag::diagnose {
namespace {

// Precedence on one socket (docs/findings.md). Why in this order: what was true before the request (the peer had
// already closed, the connection had already died) explains the failure better than what the request met; what the peer
// did explains better than what this host did after it; resets by this host are often the consequence of a timeout.
constexpr std::array<const Rule*, 24> kRules = {
    &rules::kPeerClosedBeforeReuse,
    &rules::kPeerResetAfterIdle,
    &rules::kPeerResetAwaitingResponse,
    &rules::kPeerClosedAwaitingResponse,
    &rules::kResponseTimeout,
    &rules::kFirstBytesUnanswered,
    &rules::kPeerGaveUp,
    &rules::kLocalReset,
    // Connects that never were established: apart from all of the above, and from each other by their outcome.
    &rules::kConnectRefused,
    &rules::kConnectTimeout,
    &rules::kConnectFailedLocally,
    // Of endpoints, by their seconds and histograms; no socket belongs to them.
    &rules::kThroughputCeiling,
    &rules::kPathQueueing,
    &rules::kLocalQueueing,
    &rules::kRetransmitLoss,
    &rules::kSlowReader,
    &rules::kPeerZeroWindow,
    &rules::kDelayUnattributed,
    &rules::kAppGap,
    &rules::kNoOutboundAttempt,
    &rules::kReconnectStorm,
    // Of the whole picture.
    &rules::kListenOverflow,
    &rules::kAllowanceExceeded,
    &rules::kEventsLost,
};

}  // namespace

std::span<const Rule* const> all_rules() { return kRules; }

const Rule* rule_for(const Case& socket) {
  for (const Rule* rule : kRules) {
    if (rule->claims != nullptr && rule->claims(socket)) return rule;
  }
  return nullptr;
}

std::vector<Judged> judge_all(const Facts& facts) {
  // By the rule's place, endpoint and split word: a fixed order.
  using GroupKey = std::tuple<std::size_t, std::size_t, std::string>;
  std::map<GroupKey, std::vector<std::size_t>> groups;
  for (std::size_t socket = 0; socket < facts.picture.sockets.size(); ++socket) {
    const Case here = facts.case_of(socket);
    for (std::size_t i = 0; i < kRules.size(); ++i) {
      const Rule& rule = *kRules[i];
      if (rule.claims == nullptr || !rule.claims(here)) continue;
      std::string split = rule.split != nullptr ? rule.split(here.story) : std::string();
      groups[GroupKey{i, here.story.endpoint, std::move(split)}].push_back(socket);
      break;
    }
  }

  std::vector<Judged> result;
  for (auto& [key, sockets] : groups) {
    const auto& [place, endpoint, split] = key;
    if (kRules[place]->judge == nullptr) continue;
    const Group group{facts, facts.endpoints[endpoint], std::move(sockets), split};
    if (auto judged = kRules[place]->judge(group)) result.push_back(std::move(*judged));
  }
  for (const Rule* rule : kRules) {
    if (rule->judge_picture == nullptr) continue;
    for (Judged& judged : rule->judge_picture(facts)) result.push_back(std::move(judged));
  }
  return result;
}

}  // namespace tcpdiag::diagnose
