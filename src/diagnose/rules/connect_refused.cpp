// SPDX-License-Identifier: Apache-2.0
// connect-refused: the SYN was answered by a RST (RFC 9293 section 3.10.7.1: nobody listens there; or a firewall's
// REJECT), or the connection was refused as soon as it stood.
//
// "after_handshake": a RST within a second of the handshake, to a connection on which nothing was acknowledged: the
// accept queue is full and the listener has net.ipv4.tcp_abort_on_overflow, or a proxy has no backend. To connect()
// that is a success, so the failure shows at the first read or write. "politely": the peer accepts, says a few bytes
// ("-ERR max number of clients reached") and closes at once.
#include <fmt/format.h>

#include <array>
#include <set>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/stats.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace connect_refused {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kPattern{"pattern"};
constexpr EvidenceKey kRefusedCount{"refused_count"};
constexpr EvidenceKey kAnswerP50Us{"answer_p50_us"};
constexpr EvidenceKey kSources{"sources"};
constexpr std::array kEvidence = {kPattern, kRefusedCount, kConnectCount, kSharePct, kAnswerP50Us, kSources};

bool claims(const Case& socket) { return socket.story.outcome == ConnectOutcome::kRefused && !socket.served_elsewhere; }

bool refused_after_handshake(const SocketStory& story) {
  const model::SocketEnd& end = *story.end;
  if (end.kind != EndKind::kResetReceived || end.phase != model::Phase::kEstablished || end.after_peer_fin)
    return false;
  if (story.exchanges > 0 || end.bytes_received_total > 0) return false;
  const auto connected = connected_at(story);
  if (!connected || end.request_acked.value_or(false)) return false;
  // A request that went with the handshake and was repeated until the listener had dropped the connection.
  return end.at - *connected <= kRefusesWithin ||
         (end.outstanding && story.request_at && *story.request_at - *connected <= kRefusesWithin);
}

// The few bytes that came were said before anything was asked, or the RST of an application that had not read the
// request came right behind them.
bool refused_politely(const Case& socket) {
  const SocketStory& story = socket.story;
  const model::SocketEnd& end = *story.end;
  const auto connected = connected_to_end(story);
  if (!connected || *connected > kRefusesWithin || !socket.endpoint.has_good_exchange()) return false;
  if (end.bytes_received_total == 0 || end.bytes_received_total > kRefusalBytes) return false;
  const bool spoke_first = story.exchanges == 0 && !end.in_response;
  const bool closed = end.kind == EndKind::kClosedByPeer || end.kind == EndKind::kResetReceived;
  if (spoke_first) return closed;
  return story.exchanges == 1 && end.in_response && end.kind == EndKind::kResetReceived && !end.after_peer_fin;
}

bool claims_first(const Case& socket) {
  if (!socket.endpoint.outbound() || !socket.story.end) return false;
  return refused_after_handshake(socket.story) || refused_politely(socket);
}

std::string split(const SocketStory& story) {
  if (story.outcome == ConnectOutcome::kRefused) return "";
  return refused_after_handshake(story) ? "after_handshake" : "politely";
}

std::uint64_t established_of(const Group& group) {
  return group.endpoint.picture->totals.connect_outcomes[static_cast<std::size_t>(ConnectOutcome::kEstablished)];
}

void explain_after_handshake(model::Finding& finding, const Group& group, const Durations& answers,
                             std::uint64_t connects) {
  const std::uint64_t n = group.size();
  const std::string name = group.name();
  finding.title =
      fmt::format("{} reset {} of {} right after the handshake", name, n, number_of(connects, "new connection"));
  finding.explanation = fmt::format(
      "{} completed the handshake of {} and reset {}{}, before it had acknowledged a single byte: its accept queue is "
      "full (a listener with net.ipv4.tcp_abort_on_overflow=1), or a proxy there refuses what it cannot pass on.",
      name, number_of(n, "connection"), n == 1 ? "it" : "them",
      answers.empty() ? std::string() : fmt::format(" {} later", spread_words(answers, std::nullopt)));
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kReset, group.port());
  add_step(finding, Whose::kPeer, "on that host: does its listen queue overflow, and does it answer that by resets",
           fmt::format("nstat -az TcpExtListenOverflows; sysctl net.ipv4.tcp_abort_on_overflow; ss -ltn sport = :{}",
                       group.port()));
  add_step(finding, Whose::kPeer, "where a proxy listens there: has it a healthy backend, and connections to spare");
  add_step(finding, Whose::kUs, "connect less often: reuse connections, and wait longer between tries");
  finding.disproved_by = "the peer's application had accepted these connections (its log has them)";
}

void explain_politely(model::Finding& finding, const Group& group, std::uint64_t connects) {
  const std::uint64_t n = group.size();
  const std::string name = group.name();
  const Values<std::uint64_t> said(
      group.collect([](const SocketStory& s) { return std::optional(s.end->bytes_received_total); }));
  finding.title = fmt::format("{} turned {} of {} away", name, n, number_of(connects, "new connection"));
  finding.explanation = fmt::format(
      "{} accepted {}, said {} bytes without having been asked, and closed at once: it turns clients away in words (a "
      "limit of connections, an address that is not allowed), which the client's own log may have.",
      name, number_of(n, "connection"), said.p50().value_or(0));
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kEndOfFile, group.port());
  add_step(finding, Whose::kPeer, "compare its open connections with its limit (Redis: maxclients, INFO clients)");
  add_step(finding, Whose::kUs, "read what it said in the client's log");
  finding.disproved_by = "the protocol is one in which the server speaks once and closes";
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kConnectRefused.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kConnects, n);

  const bool at_once = group.split.empty();
  const Durations answers(
      group.collect([&](const SocketStory& s) { return at_once ? s.connect_took : connected_to_end(s); }));
  std::set<std::string> sources;
  for (std::size_t i = 0; i < n; ++i) {
    if (const auto& owner = group.story(i).owner; owner && !owner->comm.empty()) sources.insert(owner->comm);
  }
  const std::uint64_t connects = attempts_of(group.endpoint, Of::kConnects, n);

  if (at_once) {
    add_null(finding, kPattern);
  } else {
    add(finding, kPattern, group.split);
    finding.impact.exchanges_failed = group.count_if(lost_exchange);
  }
  add(finding, kRefusedCount, n);
  add(finding, kConnectCount, connects);
  add(finding, kSharePct, finding.share_pct);
  add_microseconds(finding, kAnswerP50Us, answers.p50());
  add(finding, kSources, std::vector<std::string>(sources.begin(), sources.end()));

  Grade grade(Confidence::kHigh);
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string name = group.name();
  if (group.split == "after_handshake") {
    explain_after_handshake(finding, group, answers, connects);
    return judged;
  }
  if (group.split == "politely") {
    explain_politely(finding, group, connects);
    return judged;
  }
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
  const std::string pattern = e.text(kPattern);
  out.push_back({"how", pattern == "after_handshake" ? "a reset right after the handshake"
                        : pattern == "politely"      ? "a few bytes, and a close"
                                                     : pattern});
  out.push_back({"refused", part_words(e.count(kRefusedCount), e.count(kConnectCount))});
  out.push_back({"answer after", with("", e.microseconds(kAnswerP50Us), " (p50)")});
  out.push_back({"asked by", e.text(kSources)});
}

// What such a connection had sent was sent again in vain.
constexpr std::array kEffects = {Effect{&kRetransmitLoss, Shared::kSockets}};

}  // namespace
}  // namespace connect_refused

const Rule kConnectRefused{
    .code = "connect-refused",
    .family = model::Family::kConnects,
    .claims = connect_refused::claims,
    .claims_first = connect_refused::claims_first,
    .split = connect_refused::split,
    .judge = connect_refused::judge,
    .evidence = connect_refused::kEvidence,
    .word_evidence = connect_refused::word_evidence,
    .effects = connect_refused::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
