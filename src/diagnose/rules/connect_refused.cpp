// SPDX-License-Identifier: Apache-2.0
// connect-refused: the SYN was answered by a RST (RFC 9293 section 3.10.7.1: nobody listens there; or a firewall's
// REJECT, or a listener with tcp_abort_on_overflow).
#include <fmt/format.h>

#include <array>
#include <set>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace connect_refused {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kRefusedCount{"refused_count"};
constexpr EvidenceKey kAnswerP50Us{"answer_p50_us"};
constexpr EvidenceKey kSources{"sources"};
constexpr std::array kEvidence = {kRefusedCount, kConnectCount, kSharePct, kAnswerP50Us, kSources};

bool claims(const Case& socket) { return socket.story.outcome == ConnectOutcome::kRefused && !socket.served_elsewhere; }

std::uint64_t established_of(const Group& group) {
  return group.endpoint.picture->totals.connect_outcomes[static_cast<std::size_t>(ConnectOutcome::kEstablished)];
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kConnectRefused.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kConnects, n);

  const Durations answers(group.collect([](const SocketStory& s) { return s.connect_took; }));
  std::set<std::string> sources;
  for (std::size_t i = 0; i < n; ++i) {
    if (const auto& owner = group.story(i).owner; owner && !owner->comm.empty()) sources.insert(owner->comm);
  }
  const std::uint64_t connects = attempts_of(group.endpoint, Of::kConnects, n);

  add(finding, kRefusedCount, n);
  add(finding, kConnectCount, connects);
  add(finding, kSharePct, finding.share_pct);
  add_microseconds(finding, kAnswerP50Us, answers.p50());
  add(finding, kSources, std::vector<std::string>(sources.begin(), sources.end()));

  Grade grade(Confidence::kHigh);
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string name = group.name();
  finding.title = fmt::format("{} refused {} of {}", name, n, number_of(connects, "connect"));
  const std::uint64_t by_icmp = group.count_if([](const SocketStory& s) { return s.icmp_errors > 0; });
  finding.explanation = fmt::format("{} answered {} with {}", name, number_of(n, "connect"),
                                    by_icmp == 0   ? "a reset"
                                    : by_icmp == n ? "an ICMP message (port unreachable)"
                                                   : "a reset or an ICMP message (port unreachable)");
  if (const auto took = answers.p50()) finding.explanation += fmt::format(", {} after the SYN (p50)", duration(*took));
  finding.explanation += ".";
  if (const std::uint64_t ok = established_of(group); ok > 0) {
    finding.explanation += fmt::format(
        " {} to the same address and port succeeded: the service comes and goes, its queue overflows, or several hosts "
        "answer there.",
        number_of(ok, "other connect", "other connects"));
  } else {
    finding.explanation += " No connect to it succeeded: nothing listens on that port there, or a firewall rejects it.";
  }
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kConnectRefused, group.port());
  add_step(finding, Whose::kPeer, "on that host: is something listening on the port",
           fmt::format("ss -ltn sport = :{}", group.port()));
  add_step(finding, Whose::kPeer, "is there a firewall or security tool that rejects with a reset");
  add_step(finding, Whose::kUs, "is the configured address and port the right one");
  finding.disproved_by = "a SYN-ACK from the same address and port in the same second";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  out.push_back({"refused", part_words(e.count(kRefusedCount), e.count(kConnectCount))});
  out.push_back({"answer after", with("", e.microseconds(kAnswerP50Us), " (p50)")});
  out.push_back({"asked by", e.text(kSources)});
}

}  // namespace
}  // namespace connect_refused

const Rule kConnectRefused{
    .code = "connect-refused",
    .family = model::Family::kConnects,
    .claims = connect_refused::claims,
    .judge = connect_refused::judge,
    .evidence = connect_refused::kEvidence,
    .word_evidence = connect_refused::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
