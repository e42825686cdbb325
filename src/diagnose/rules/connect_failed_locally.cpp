// SPDX-License-Identifier: Apache-2.0
// connect-failed-locally: the connect failed at once, by an ICMP error, a missing neighbour, a missing local port, or a
// RST during a simultaneous open.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "knowledge/errno_names.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace connect_failed_locally {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kOutcome{"outcome"};
constexpr EvidenceKey kErrnoName{"errno_name"};
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kIcmpErrors{"icmp_errors"};
constexpr std::array kEvidence = {kOutcome, kErrnoName, kCount, kConnectCount, kIcmpErrors};

bool claims(const Case& socket) {
  const auto outcome = socket.story.outcome;
  return outcome == ConnectOutcome::kUnreachable || outcome == ConnectOutcome::kLocalError ||
         outcome == ConnectOutcome::kReset;
}

// Different errors call for different actions.
std::string split(const SocketStory& story) {
  return fmt::format("{} {}", model::to_string(*story.outcome), story.connect_error);
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kConnectFailedLocally.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kConnects, n);

  const ConnectOutcome outcome = *group.story(0).outcome;
  const int error = group.story(0).connect_error;
  std::uint64_t icmp = 0;
  for (std::size_t i = 0; i < n; ++i) icmp += group.story(i).icmp_errors;
  const std::uint64_t connects = attempts_of(group.endpoint, Of::kConnects, n);

  add(finding, kOutcome, std::string(model::to_string(outcome)));
  if (error != 0) {
    add(finding, kErrnoName, knowledge::errno_name(error));
  } else {
    add_null(finding, kErrnoName);
  }
  add(finding, kCount, n);
  add(finding, kConnectCount, connects);
  add(finding, kIcmpErrors, icmp);

  Grade grade(Confidence::kHigh);
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string name = group.name();
  finding.title = fmt::format("{} of {} to {} failed", n, number_of(connects, "connect"), name);
  finding.title += error != 0 ? fmt::format(" with {}", knowledge::errno_name(error))
                              : fmt::format(": {}", model::to_string(outcome));
  finding.explanation = fmt::format("{} to {} failed", number_of(n, "connect"), name);
  if (const auto words = knowledge::errno_words(error); !words.empty()) {
    finding.explanation += fmt::format(": {} ({})", words, knowledge::errno_name(error));
  }
  const auto address = group.endpoint.picture->key.at.address.to_string();
  switch (outcome) {
    case ConnectOutcome::kLocalError:
      finding.explanation += ". No SYN left this host.";
      finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kConnectLocal, group.port());
      add_step(finding, Whose::kUs, "are there free local ports for this destination, and how many are in TIME_WAIT",
               fmt::format("sysctl net.ipv4.ip_local_port_range; ss -tan state time-wait dst {} | wc -l", address));
      break;
    case ConnectOutcome::kReset:
      finding.explanation += ". The reset came during a simultaneous open.";
      finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kReset, group.port());
      break;
    default:
      finding.explanation += icmp > 0 ? fmt::format(". {} ICMP errors said so.", icmp) : std::string(".");
      finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kConnectUnreachable, group.port());
      break;
  }
  add_step(finding, Whose::kUs, "check route and neighbour",
           fmt::format("ip route get {0}; ip neigh show {0}", address));
  finding.disproved_by = "the same connect succeeds from this host at that time";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  out.push_back({"outcome", list_of({e.text(kOutcome), e.text(kErrnoName)})});
  out.push_back({"connects", part_words(e.count(kCount), e.count(kConnectCount))});
  out.push_back({"ICMP errors", e.text(kIcmpErrors)});
}

}  // namespace
}  // namespace connect_failed_locally

const Rule kConnectFailedLocally{
    .code = "connect-failed-locally",
    .family = model::Family::kConnects,
    .claims = connect_failed_locally::claims,
    .split = connect_failed_locally::split,
    .judge = connect_failed_locally::judge,
    .evidence = connect_failed_locally::kEvidence,
    .word_evidence = connect_failed_locally::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
