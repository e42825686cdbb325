// SPDX-License-Identifier: Apache-2.0
// peer-reset-awaiting-response: the peer reset the connection while a request was unanswered or its answer under way.
//
// A worker that is killed at its time limit, a proxy whose server timeout passed, a crash: the process's socket is
// closed with the request unread or with SO_LINGER 0, and its kernel sends a RST (RFC 2525 section 2.17). A server that
// refuses an upload answers before it has all of it and closes: the RST may take the answer away before the client has
// read it (RFC 9112 section 9.6).
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
namespace peer_reset_awaiting_response {
namespace {

using model::Confidence;
using model::EndKind;
using model::Phase;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kPattern{"pattern"};
constexpr EvidenceKey kResetCount{"reset_count"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kWaitMinS{"wait_min_s"};
constexpr EvidenceKey kWaitMaxS{"wait_max_s"};
constexpr EvidenceKey kRequestAckedCount{"request_acked_count"};
constexpr EvidenceKey kRequestRetransmits{"request_retransmits"};
constexpr EvidenceKey kResponseBytesBeforeResetMax{"response_bytes_before_reset_max"};
constexpr EvidenceKey kRttDuringWaitP50Us{"rtt_during_wait_p50_us"};
constexpr std::array kEvidence = {kPattern,
                                  kResetCount,
                                  kExchangeCount,
                                  kSharePct,
                                  kWaitP50S,
                                  kWaitMinS,
                                  kWaitMaxS,
                                  kRequestAckedCount,
                                  kRequestRetransmits,
                                  kResponseBytesBeforeResetMax,
                                  kRttDuringWaitP50Us,
                                  kSinceInboundRequestP50S,
                                  kTimerCandidates,
                                  kSocketIds};

bool answered_early(const SocketStory& story) { return story.end->answered_early_bytes > 0; }
bool unanswered(const SocketStory& story) { return story.end->outstanding && !answered_early(story); }
bool acknowledged(const SocketStory& story) { return story.end->request_acked.value_or(false); }

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!socket.endpoint.outbound() || !story.end || story.end->kind != EndKind::kResetReceived) return false;
  if (answered_early(story)) return true;
  // A RST after our own FIN or RST answers data that nobody waits for any more.
  if (story.end->phase != Phase::kEstablished && story.end->phase != Phase::kAfterRemoteFin) return false;
  if (story.end->outstanding) return !died_while_idle(story);
  return story.end->in_response && !story.end->after_peer_fin;  // a response that ended with a FIN is complete
}

constexpr std::string_view kEarly = "answered_early";
std::string split(const SocketStory& story) { return std::string(answered_early(story) ? kEarly : "awaiting"); }
bool is_early(const Group& group) { return group.split == kEarly; }

std::uint64_t most_answered(const Group& group) {
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const model::SocketEnd& end = *group.story(i).end;
    most = std::max<std::uint64_t>(most, std::max(end.response_bytes, end.answered_early_bytes));
  }
  return most;
}

std::string title(const Group& group, const Durations& waits, const std::optional<Timer>& timer) {
  const std::string what = number_of(group.size(), "connection");
  if (is_early(group)) {
    return fmt::format("{} answered and reset {} while the request was still being sent", group.name(), what);
  }
  if (waits.empty()) return fmt::format("{} reset {} in the middle of a response", group.name(), what);
  return fmt::format("{} reset {} {} after a request", group.name(), what, spread_words(waits, timer));
}

std::string explanation(const Group& group, const Durations& waits, const std::optional<Timer>& timer,
                        const Durations& since) {
  const std::uint64_t n = group.size();
  const std::uint64_t waiting = group.count_if(unanswered);
  const std::uint64_t acked = group.count_if([](const SocketStory& s) { return unanswered(s) && acknowledged(s); });
  std::string text = fmt::format("{} reset {}", group.name(), number_of(waiting == 0 ? n : waiting, "connection"));
  if (is_early(group)) {
    text += fmt::format(
        " while the request was still being sent: it had already answered up to {}, before it had the whole request. "
        "The reset may have taken that answer away before the application had read it.",
        bytes(most_answered(group)));
  } else if (waiting == 0) {
    text += fmt::format(
        " in the middle of a response, less than a second after its last byte: it had already answered up to {}.",
        bytes(most_answered(group)));
  } else {
    const std::string when = spread_words(waits, timer);
    text += when.empty() ? " after a request" : fmt::format(" {} after a request", when);
    if (acked == waiting) {
      text += " that it had acknowledged in full, with no byte of a response";
    } else if (acked == 0) {
      text += " that it had not acknowledged in full";
    } else {
      text += fmt::format(", with no byte of a response ({} of {} requests were acknowledged in full)", acked, waiting);
    }
    text += waiting == n ? "." : fmt::format(", and {} in the middle of a response.", n - waiting);
  }
  text += since_inbound_words(group, since, "The reset came");
  if (timer) {
    text += fmt::format(" {} of {} waits lie within {} of each other: a timer, not load.", timer->members, timer->total,
                        duration(timer->spread()));
  }
  text += " The reset came in the name of the peer: its application, or a proxy or load balancer in front of it.";
  return text;
}

Grade grade_of(const Group& group, const Durations& waits) {
  const std::uint64_t n = group.size();
  const std::uint64_t waiting = group.count_if(unanswered);
  const std::uint64_t acked = group.count_if([](const SocketStory& s) { return unanswered(s) && acknowledged(s); });
  Grade grade(Confidence::kHigh);
  if (acked < waiting) {
    grade.at_most(Confidence::kMedium,
                  fmt::format("{} of {} requests were not seen to be acknowledged in full.", waiting - acked, waiting));
  }
  if (waits.size() < waiting) {
    grade.at_most(Confidence::kMedium,
                  fmt::format("How long {} of {} requests had waited is not known.", waiting - waits.size(), waiting));
  }
  if (waiting < n && !is_early(group)) {
    grade.at_most(
        Confidence::kMedium,
        fmt::format("In {} of {} cases response bytes had come: the response may have been complete.", n - waiting, n));
  }
  older_step(grade, group);
  common_steps(grade, group.facts, Feed::kSockets, n);
  return grade;
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kPeerResetAwaitingResponse.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kExchanges, n);

  const Durations waits(group.collect([](const SocketStory& s) { return unanswered(s) ? s.end->wait : std::nullopt; }));
  const Values<std::uint32_t> rtts(group.collect([](const SocketStory& s) { return s.end->rtt_us; }));
  const auto timer =
      find_timer(group.timed([](const SocketStory& s) { return unanswered(s) ? s.end->wait : std::nullopt; }));
  std::uint64_t retransmits = 0;
  for (std::size_t i = 0; i < n; ++i) retransmits += group.story(i).end->request_retransmits;

  add(finding, kPattern, group.split);
  add(finding, kResetCount, n);
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, n));
  add(finding, kSharePct, finding.share_pct);
  add_seconds(finding, kWaitP50S, waits.p50());
  add_seconds(finding, kWaitMinS, waits.min());
  add_seconds(finding, kWaitMaxS, waits.max());
  add(finding, kRequestAckedCount, group.count_if(acknowledged));
  add(finding, kRequestRetransmits, retransmits);
  add(finding, kResponseBytesBeforeResetMax, most_answered(group));
  add(finding, kRttDuringWaitP50Us, std::optional<std::uint64_t>(rtts.p50()));
  const Durations since = since_inbound_request(group);
  add_seconds(finding, kSinceInboundRequestP50S, since.p50());
  const TimerMatch known = match_timers(
      group, {{timer, "request", resets_request}, {since_inbound_timer(group), "inbound_request", closes_request}});
  add(finding, kTimerCandidates, known.candidates);
  add_sockets(finding);

  grade_of(group, waits).write_to(finding);
  finding.title = title(group, waits, timer);
  finding.explanation = explanation(group, waits, timer, since) + known.words;
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kReset, group.port());
  if (is_early(group)) {
    add_step(finding, Whose::kUs,
             "let the client read what has come when a write fails: the answer says why (413, 401, 429, 503 ...)");
    add_step(finding, Whose::kPeer,
             "look in the peer's log for refused requests at these times: a body that is too large, a missing right, a "
             "limit of the rate");
    add_step(finding, Whose::kPeer,
             "let it read a refused request to its end before it closes (nginx: lingering_close), or the client ask "
             "first (Expect: 100-continue)");
    finding.disproved_by =
        "the peer's log shows these requests read to their end, or the client pipelines requests larger than a segment";
    return judged;
  }
  add_step(finding, Whose::kPeer, "give the peer's owner the times and local ports of these connections");
  add_step(finding, Whose::kPeer,
           timer ? fmt::format("look there for a worker, proxy or load balancer timeout of {}, and for slow requests",
                               duration(timer->median))
                 : std::string("look there for crashes, restarts and slow requests at these times"));
  add_step(finding, Whose::kUs,
           "capture the next one: a RST whose TTL differs from the SYN-ACK's comes from in between",
           capture_command(group.endpoint.picture->key, CaptureOf::kResets));
  finding.disproved_by =
      "the peer's log shows a complete response sent at these times, or the reset's TTL differs from "
      "that of the peer's SYN-ACK (then something in between made it)";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto resets = e.count(kResetCount);
  const auto response = e.count(kResponseBytesBeforeResetMax);
  e.skip({kExchangeCount});  // in the impact
  const bool early = e.text(kPattern) == kEarly;
  // Waits are known only of requests without any response.
  const auto waits = response == 0U ? resets : std::nullopt;
  out.push_back({"wait till reset", spread_of(e.number(kWaitP50S), e.number(kWaitMinS), e.number(kWaitMaxS), waits)});
  out.push_back({"request", list_of({with("acknowledged in full: ", part_words(e.count(kRequestAckedCount), resets)),
                                     with("retransmits ", text_of(e.count(kRequestRetransmits)))})});
  if (response) {
    out.push_back({"response", early ? fmt::format("at most {}, before it had the whole request", bytes(*response))
                               : *response == 0 ? "not one byte before the reset"
                                                : fmt::format("cut: at most {} before the reset", bytes(*response))});
  }
  out.push_back({"RTT", with("", e.microseconds(kRttDuringWaitP50Us), " at the last sample before the reset (p50)")});
  add_since_inbound_row(e, out);
}

}  // namespace
}  // namespace peer_reset_awaiting_response

const Rule kPeerResetAwaitingResponse{
    .code = "peer-reset-awaiting-response",
    .family = model::Family::kExchanges,
    .claims = peer_reset_awaiting_response::claims,
    .split = peer_reset_awaiting_response::split,
    .judge = peer_reset_awaiting_response::judge,
    .evidence = peer_reset_awaiting_response::kEvidence,
    .word_evidence = peer_reset_awaiting_response::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
