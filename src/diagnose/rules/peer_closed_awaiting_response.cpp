// SPDX-License-Identifier: Apache-2.0
// peer-closed-awaiting-response: the peer ended the connection in an orderly way (FIN) instead of answering a request.
//
// The sister of peer-reset-awaiting-response: whether a dying worker's or a proxy's close becomes a FIN or a RST only
// depends on whether it had read the request (RFC 2525 section 2.17). The client sees "end of file".
#include <fmt/format.h>

#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/since_inbound.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace peer_closed_awaiting_response {
namespace {

using model::Confidence;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCloseCount{"close_count"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kWaitMinS{"wait_min_s"};
constexpr EvidenceKey kWaitMaxS{"wait_max_s"};
constexpr EvidenceKey kRequestAckedCount{"request_acked_count"};
constexpr std::array kEvidence = {kCloseCount,        kExchangeCount,   kSharePct,
                                  kWaitP50S,          kWaitMinS,        kWaitMaxS,
                                  kRequestAckedCount, kTimerCandidates, kSinceInboundRequestP50S};

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!socket.endpoint.outbound() || !story.end || story.end->kind != EndKind::kClosedByPeer) return false;
  // A goodbye (TLS close_notify, a QUIT without an answer) is no failed exchange.
  if (!story.end->outstanding || !story.end->wait || !lost_exchange(story)) return false;
  // A protocol in which the peer never answers is closed by FIN, too; only where answers are the rule one is missing.
  return socket.endpoint.has_good_exchange() || story.end->bytes_received_total > 0;
}

bool acknowledged(const SocketStory& story) { return story.end->request_acked.value_or(false); }

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kPeerClosedAwaitingResponse.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kExchanges, n);

  const Durations waits(group.collect([](const SocketStory& s) { return s.end->wait; }));
  const auto timer = find_timer(group.timed([](const SocketStory& s) { return s.end->wait; }));
  const std::uint64_t acked = group.count_if(acknowledged);

  add(finding, kCloseCount, n);
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, n));
  add(finding, kSharePct, finding.share_pct);
  add_seconds(finding, kWaitP50S, waits.p50());
  add_seconds(finding, kWaitMinS, waits.min());
  add_seconds(finding, kWaitMaxS, waits.max());
  add(finding, kRequestAckedCount, acked);
  const Durations since = since_inbound_request(group);
  const TimerMatch known = match_timers(
      group, {{timer, "request", closes_request}, {since_inbound_timer(group), "inbound_request", closes_request}});
  add(finding, kTimerCandidates, known.candidates);
  add_seconds(finding, kSinceInboundRequestP50S, since.p50());

  // A FIN says less than a RST: some protocols leave the last message unanswered by design.
  Grade grade(timer ? Confidence::kHigh : Confidence::kMedium);
  if (!timer) {
    grade.at_most(Confidence::kMedium,
                  "No timer shows in the waits; a protocol that does not answer its last message ends like this, too.");
  }
  older_step(grade, group);
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string when = spread_words(waits, timer);
  finding.title =
      fmt::format("{} closed {} {} after a request, without an answer", group.name(), number_of(n, "connection"), when);
  finding.explanation = fmt::format(
      "{} closed {} in an orderly way (FIN) {} after a request, with no byte of a response; {} of {} requests were "
      "acknowledged in full.",
      group.name(), number_of(n, "connection"), when, acked, n);
  finding.explanation += since_inbound_words(group, since, "The close came");
  if (timer) {
    finding.explanation += fmt::format(" {} of {} waits lie within {} of each other: a timer, not load.",
                                       timer->members, timer->total, duration(timer->spread()));
  }
  finding.explanation += " Either the peer's application ended it, or a proxy or load balancer in front of it.";
  finding.explanation += known.words;
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kEndOfFile, group.port());
  add_step(finding, Whose::kPeer, "give the peer's owner the times and local ports of these connections");
  add_step(finding, Whose::kPeer,
           timer ? fmt::format("look there for a worker, proxy or load balancer timeout of {}", duration(timer->median))
                 : std::string("look there for restarts and killed workers at these times"));
  finding.disproved_by =
      "the peer's log shows that it had nothing to answer (the client's last message expects no reply)";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCloseCount);
  e.skip({kExchangeCount});
  out.push_back({"wait till close", spread_of(e.number(kWaitP50S), e.number(kWaitMinS), e.number(kWaitMaxS), n)});
  out.push_back({"request", with("acknowledged in full: ", part_words(e.count(kRequestAckedCount), n))});
  add_since_inbound_row(e, out);
}

}  // namespace
}  // namespace peer_closed_awaiting_response

const Rule kPeerClosedAwaitingResponse{
    .code = "peer-closed-awaiting-response",
    .family = model::Family::kExchanges,
    .claims = peer_closed_awaiting_response::claims,
    .judge = peer_closed_awaiting_response::judge,
    .evidence = peer_closed_awaiting_response::kEvidence,
    .word_evidence = peer_closed_awaiting_response::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
