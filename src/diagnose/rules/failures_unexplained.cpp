// SPDX-License-Identifier: Apache-2.0
// failures-unexplained: exchanges and connects that failed, and that no other rule claims. A failure is never passed
// over: where there is no common cause, that is what the report says.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace failures_unexplained {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kExchangesFailed{"exchanges_failed"};
constexpr EvidenceKey kConnectsFailed{"connects_failed"};
constexpr EvidenceKey kEnds{"ends"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr std::array kEvidence = {kCount, kExchangesFailed, kConnectsFailed, kEnds, kWaitP50S};

bool connect_failed(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!story.outcome || socket.served_elsewhere) return false;
  switch (*story.outcome) {
    case ConnectOutcome::kEstablished:
    case ConnectOutcome::kPending:
      return false;
    case ConnectOutcome::kAbandoned:
      // An application that changes its mind has not failed.
      return story.connect_took && *story.connect_took >= kConnectGivenUp;
    default:
      return true;
  }
}

bool claims(const Case& socket) { return connect_failed(socket) || lost_exchange(socket.story); }

const char* end_words(const SocketStory& story) {
  if (story.outcome && *story.outcome != ConnectOutcome::kEstablished) return model::to_string(*story.outcome);
  switch (story.end->kind) {
    case EndKind::kResetReceived:
      return "reset by the peer";
    case EndKind::kResetSent:
      return "reset by this host";
    case EndKind::kClosedLocally:
      return "closed by this host";
    case EndKind::kClosedByPeer:
      return "closed by the peer";
    case EndKind::kTimedOut:
      return "given up by the kernel";
    case EndKind::kConnectFailed:
      break;
  }
  return "not connected";
}

// "3 closed by this host, 1 reset by the peer"
std::string ends_of(const Group& group) {
  std::map<std::string, std::uint64_t> counts;
  for (std::size_t i = 0; i < group.size(); ++i) ++counts[end_words(group.story(i))];
  std::vector<std::pair<std::string, std::uint64_t>> rows(counts.begin(), counts.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string words;
  for (const auto& [end, n] : rows) words += fmt::format("{}{} {}", words.empty() ? "" : ", ", n, end);
  return words;
}

// Clients that are gone without a word miss no answer: they come and go like this where they are mobile.
bool only_clients_vanished(const Group& group) {
  return !group.endpoint.outbound() && group.size() == group.count_if([](const SocketStory& s) {
    return s.end && s.end->kind == EndKind::kTimedOut;
  });
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kFailuresUnexplained.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  const std::uint64_t exchanges = group.count_if(lost_exchange);
  set_impact(judged, group, exchanges > 0 ? Of::kExchanges : Of::kConnects, n);
  finding.severity = only_clients_vanished(group) ? model::Severity::kNotice : model::Severity::kWarning;
  finding.impact.exchanges_failed = exchanges;
  finding.impact.connects_failed = n - exchanges;

  const Durations waits(group.collect([](const SocketStory& s) { return s.end ? s.end->wait : std::nullopt; }));
  const std::string ends = ends_of(group);
  add(finding, kCount, n);
  add(finding, kExchangesFailed, exchanges);
  add(finding, kConnectsFailed, n - exchanges);
  add(finding, kEnds, ends);
  add_seconds(finding, kWaitP50S, waits.p50());

  Grade grade(Confidence::kLow);
  grade.at_most(Confidence::kLow, "No rule knows a cause for ends like these.");
  grade.write_to(finding);

  const bool outbound = group.endpoint.outbound();
  const std::string calls = fmt::format(
      "{} to {}", number_of(n, outbound ? "call" : "request of clients", outbound ? "calls" : "requests of clients"),
      group.name());
  finding.title = fmt::format("{} failed without a common cause", calls);
  finding.explanation = fmt::format("{} failed in ways that no other finding explains: {}.", calls, ends);
  if (!waits.empty()) {
    finding.explanation += fmt::format(" They had waited {}.", spread_words(waits, std::nullopt));
  }
  add_step(finding, Whose::kUs, "look at their course, one by one: the sockets of this finding, below");
  add_step(finding, Whose::kUs, "compare them with good calls of the same endpoint", "tcpdiag diff FILE");
  finding.disproved_by = "the application's log has no failed call at these times";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  out.push_back({"failed", list_of({e.some(kExchangesFailed, "exchanges"), e.some(kConnectsFailed, "connects")})});
  out.push_back({"how they ended", e.text(kEnds)});
  out.push_back({"waited", with("", e.seconds(kWaitP50S), " (p50)")});
  e.skip({kCount});
}

}  // namespace
}  // namespace failures_unexplained

const Rule kFailuresUnexplained{
    .code = "failures-unexplained",
    .family = model::Family::kExchanges,
    .may_be_raised = false,
    .claims = failures_unexplained::claims,
    .judge = failures_unexplained::judge,
    .evidence = failures_unexplained::kEvidence,
    .word_evidence = failures_unexplained::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
