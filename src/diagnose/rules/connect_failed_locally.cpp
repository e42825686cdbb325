// SPDX-License-Identifier: Apache-2.0
// connect-failed-locally: the connect failed at once, by an ICMP error, a missing neighbour, a missing local port, or a
// RST during a simultaneous open; or it waited in vain because no SYN of it ever left this host: its own firewall or a
// full table of tracked connections threw them away (tcp_connect() does not tell connect() of that).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/stats.h"
#include "diagnose/thresholds.h"
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
constexpr EvidenceKey kFailedTransmissions{"failed_transmissions"};
constexpr EvidenceKey kDropReasons{"drop_reasons"};
constexpr std::array kEvidence = {kOutcome,    kErrnoName,           kCount,      kConnectCount,
                                  kIcmpErrors, kFailedTransmissions, kDropReasons};

bool claims(const Case& socket) {
  const auto outcome = socket.story.outcome;
  return outcome == ConnectOutcome::kUnreachable || outcome == ConnectOutcome::kLocalError ||
         outcome == ConnectOutcome::kReset || no_syn_left(socket.story);
}

int error_of(const SocketStory& story) { return story.connect_error != 0 ? story.connect_error : story.syn_error; }

// Different errors call for different actions.
std::string split(const SocketStory& story) {
  const int error = no_syn_left(story) && story.syn_error != 0 ? story.syn_error : story.connect_error;
  return fmt::format("{} {}", model::to_string(*story.outcome), error);
}

bool is_over(const SocketStory& story) { return story.outcome != ConnectOutcome::kPending; }

// Why this host dropped packets on their way out, "NETFILTER_DROP 78"; before Linux 5.17 it does not say.
std::vector<std::string> drop_reasons(const Group& group) {
  std::vector<std::string> reasons;
  for (const auto& [name, count] :
       group.endpoint.picture->totals.drops[static_cast<std::size_t>(model::DropWay::kOut)]) {
    if (count.syns > 0) reasons.push_back(fmt::format("{} {}", name, count.syns));
  }
  return reasons;
}

void explain_held(model::Finding& finding, const Group& group, int error, std::uint64_t failed) {
  const auto gave_up = Durations(group.collect([](const SocketStory& s) { return s.connect_took; }));
  finding.explanation += ". No SYN ever left this host";
  if (failed > 0) {
    finding.explanation += fmt::format(": {} to send one failed{}", number_of(failed, "attempt"),
                                       error != 0 ? " with " + knowledge::errno_name(error) : std::string());
  }
  const auto reasons = drop_reasons(group);
  if (!reasons.empty()) finding.explanation += fmt::format("; the kernel's reason: {}", reasons.front());
  const bool no_neighbour = !reasons.empty() && reasons.front().starts_with("NEIGH_");
  const bool by_rule = error == EPERM || (!reasons.empty() && reasons.front().starts_with("NETFILTER_"));
  finding.explanation += no_neighbour ? ". The next hop's address did not resolve, so they waited for it in vain"
                         : by_rule    ? ". A firewall of this host (output rules) or its full table of tracked "
                                        "connections threw them away; connect() is not told and waits"
                                      : ". connect() is not told and waits";
  if (const auto longest = gave_up.max()) finding.explanation += fmt::format(", here for up to {}", duration(*longest));
  finding.explanation += ".";
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kConnectGaveUp, group.port());
  add_step(finding, Whose::kUs, "which of this host's own rules drops them: look for output chains and their counters",
           "nft list ruleset; iptables -vnL OUTPUT");
  add_step(finding, Whose::kUs, "is the table of tracked connections full",
           "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max; dmesg | grep 'table full'");
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kConnectFailedLocally.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kConnects, n);

  const ConnectOutcome outcome = *group.story(0).outcome;
  const bool held = no_syn_left(group.story(0));
  const int error = held && group.story(0).syn_error != 0 ? group.story(0).syn_error : error_of(group.story(0));
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
  std::uint64_t failed = 0;
  for (std::size_t i = 0; i < n; ++i) failed += group.story(i).failed_transmissions;
  add(finding, kFailedTransmissions, failed);
  const auto reasons = held ? drop_reasons(group) : std::vector<std::string>();
  if (reasons.empty()) {
    add_null(finding, kDropReasons);
  } else {
    add(finding, kDropReasons, reasons);
  }

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
  if (held && outcome != ConnectOutcome::kLocalError) finding.impact.connects_failed = group.count_if(is_over);
  const auto address = group.endpoint.picture->key.at.address.to_string();
  const bool by_rules = held && error != EADDRNOTAVAIL && error != ENOBUFS && error != ENOMEM;
  if (by_rules) {
    explain_held(finding, group, error, failed);
    finding.disproved_by = "a SYN of these connects is seen on this host's device (tcpdump)";
    return judged;
  }
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
  out.push_back({"failed to send", e.some(kFailedTransmissions, "SYNs, which never left this host")});
  out.push_back({"dropped here for", e.text(kDropReasons)});
}

// That no SYN left says what the drops of these connects say, and what came of them.
constexpr std::array kEffects = {Effect{&kDroppedByThisHost, Shared::kSockets}};

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
    .effects = connect_failed_locally::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
