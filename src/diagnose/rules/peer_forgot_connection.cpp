// SPDX-License-Identifier: Apache-2.0
// peer-forgot-connection: what answers at the peer's address no longer knows the connection.
//
// Three patterns. "reset": bytes that were never acknowledged are repeated, and a RST is the answer (RFC 9293
// section 3.10.7.1): the peer was restarted, another host took its address, or a NAT or load balancer lost its state.
// Had the peer's application closed, the first copy would have met that RST. "keepalive": the same answer to a
// keepalive probe, with nothing outstanding: no FIN or RST had told of an end. "silent_drop": the first request after a
// long silence gets no ACK at all while requests with less silence before them are answered: something between forgets
// idle connections and drops their packets without a word (RFC 5382 section 5 asks for 124 minutes, many have minutes).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace peer_forgot_connection {
namespace {

using model::Confidence;
using model::Duration;
using model::EndKind;
using model::MonoTime;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kPattern{"pattern"};
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kSilenceMinS{"silence_min_s"};
constexpr EvidenceKey kSilenceMaxS{"silence_max_s"};
constexpr EvidenceKey kSurvivedSilenceS{"survived_silence_s"};
constexpr EvidenceKey kSinceAckP50S{"since_ack_p50_s"};
constexpr EvidenceKey kRetransmitToResetP50Us{"retransmit_to_reset_p50_us"};
constexpr EvidenceKey kOnsetSpreadS{"onset_spread_s"};
constexpr EvidenceKey kUnackedBytes{"unacked_bytes"};
constexpr EvidenceKey kKeepaliveOnCount{"keepalive_on_count"};
constexpr std::array kEvidence = {
    kPattern,          kCount,           kExchangeCount,          kSilenceMinS,  kSilenceMaxS,
    kSurvivedSilenceS, kSinceAckP50S,    kRetransmitToResetP50Us, kOnsetSpreadS, kUnackedBytes,
    kTimerCandidates,  kKeepaliveOnCount};

constexpr std::string_view kKeepalive = "keepalive";
constexpr std::string_view kSilentDrop = "silent_drop";

// It had heard of the peer before, so there was something to forget.
bool was_known(const SocketStory& story) {
  return story.exchanges > 0 || story.socket.older_than_trace || story.end->bytes_received_total > 0;
}

bool answers_repetition(const SocketStory& story) {
  const auto& end = *story.end;
  if (end.kind != EndKind::kResetReceived || end.phase != model::Phase::kEstablished || end.after_peer_fin)
    return false;
  return end.outstanding && end.answered_early_bytes == 0 && !end.request_acked.value_or(false) &&
         end.request_retransmits > 0 && end.retransmit_to_end.has_value() && was_known(story);
}

// Any ACK of the peer would have set the count of probes to 0.
bool answers_keepalive(const SocketStory& story) {
  const auto& end = *story.end;
  return end.kind == EndKind::kResetReceived && end.phase == model::Phase::kEstablished && !end.after_peer_fin &&
         !end.outstanding && end.unacked_bytes == 0 && end.keepalive_on && end.probes_unanswered > 0 &&
         was_known(story);
}

bool dropped_after_silence(const Case& socket) {
  const SocketStory& story = socket.story;
  if (socket.peer_vanished || !socket.endpoint.has_good_exchange()) return false;
  if (!ended_here_unanswered(story) || !request_meets_silence(story) || !was_known(story)) return false;
  const auto silence = silence_before_request(story);
  const auto& survived = socket.endpoint.picture->survived_silence;
  return silence && *silence >= kIdle && survived && *silence > *survived;
}

bool claims(const Case& socket) {
  if (!socket.endpoint.outbound() || !socket.story.end) return false;
  return answers_repetition(socket.story) || answers_keepalive(socket.story) || dropped_after_silence(socket);
}

std::string split(const SocketStory& story) {
  if (answers_repetition(story)) return "reset";
  return std::string(answers_keepalive(story) ? kKeepalive : kSilentDrop);
}

std::optional<Duration> silence_before_end(const SocketStory& story) { return story.end->idle; }

// Since when the peer is silent: the first byte that it never acknowledged.
std::optional<MonoTime> silent_since(const SocketStory& story) {
  return story.end->outstanding ? story.request_at : std::nullopt;
}

std::optional<Duration> onset_spread(const Group& group) {
  const Values<MonoTime> since(group.collect(silent_since));
  if (since.empty()) return std::nullopt;
  return *since.max() - *since.min();
}

std::string clock_words(const Group& group) {
  const Values<MonoTime> since(group.collect(silent_since));
  return since.empty() ? std::string() : clock_time(group.facts.picture.start.clock.to_wall(*since.min()));
}

// What answers there is not what the connection was made to.
void ask_what_changed(model::Finding& finding, const Group& group, const std::string& when) {
  add_step(finding, Whose::kPeer, fmt::format("was {} restarted, replaced or failed over {}", group.name(), when));
  add_step(finding, Whose::kCloud, "did a NAT gateway, load balancer or firewall in between change at that time");
  finding.disproved_by = "the peer's process, host and address were the same all the time, with these connections open";
}

void explain_keepalive(model::Finding& finding, const Group& group, const Durations& silence) {
  const std::string what = number_of(group.size(), "connection");
  finding.title = fmt::format("{} no longer knew {} when a keepalive probe came", group.name(), what);
  finding.explanation = fmt::format(
      "{} answered a keepalive probe by a reset on {}, {} after the last data: it had neither closed nor reset them, "
      "so "
      "what answers there no longer knew them. A restart, a failover to another host at this address, or a NAT gateway "
      "or load balancer that lost its state. No request was on its way.",
      group.name(), what, spread_words(silence, std::nullopt));
  ask_what_changed(finding, group, "in that silence");
  add_step(finding, Whose::kUs,
           "whoever waits on such a connection without asking (a subscriber, a replica) reads ECONNRESET: see that it "
           "connects anew");
}

void explain_reset(model::Finding& finding, const Group& group, const Durations& since, const Durations& answers) {
  const std::uint64_t n = group.size();
  const std::string name = group.name();
  const auto spread = onset_spread(group);
  finding.title = fmt::format("{} no longer knew {}", name, number_of(n, "connection"));
  finding.explanation = fmt::format(
      "{} answered by a reset, but not before bytes that it had never acknowledged were sent again: what answers there "
      "no longer knew {}.",
      name, number_of(n, "connection"));
  if (!since.empty()) {
    finding.explanation += fmt::format(
        " The resets came {} after the first of these bytes{}.", spread_words(since, std::nullopt),
        answers.empty() ? std::string() : fmt::format(", {} after a repetition", spread_words(answers, std::nullopt)));
  }
  if (n > 1 && spread && *spread <= kVanishedWithin) {
    finding.explanation += fmt::format(" All of them lost their peer within {}, from {} UTC on: one event.",
                                       duration(*spread), clock_words(group));
  }
  finding.explanation +=
      " A restart, a failover to another host at this address, or a NAT gateway or load balancer that lost its state; "
      "the waits follow this host's own repetitions.";
  ask_what_changed(finding, group, fmt::format("at {} UTC", clock_words(group)));
  add_step(
      finding, Whose::kUs,
      "let the client close a connection whose call has timed out, and set TCP_USER_TIMEOUT or a keepalive, so that "
      "it connects anew at once");
}

void explain_silence(model::Finding& finding, const Group& group, const Durations& silence) {
  const std::uint64_t n = group.size();
  const model::EndpointPicture& endpoint = *group.endpoint.picture;
  const std::uint64_t good = group.endpoint.good_exchanges;
  finding.title = fmt::format("connections to {} die in silence: {} got no ACK", group.name(),
                              number_of(n, "first request", "first requests"));
  finding.explanation = fmt::format(
      "On {} the first request after {} of silence got no ACK at all, however often it was sent again; {} with at most "
      "{} of silence before them were answered.",
      number_of(n, "connection"), spread_words(silence, std::nullopt), number_of(good, "exchange"),
      duration(*endpoint.survived_silence));
  finding.explanation += fmt::format(
      " Something between forgets idle connections after {} to {} and drops their packets without a word: a NAT, a "
      "load balancer or a firewall.",
      duration(*endpoint.survived_silence), duration(*silence.min()));
  add_step(finding, Whose::kUs,
           fmt::format("let the client's pool drop connections before they have been idle for {}",
                       duration(*endpoint.survived_silence)));
  add_step(finding, Whose::kUs, "or turn TCP keepalive on in the client, with its first probe earlier than that",
           "sysctl net.ipv4.tcp_keepalive_time");
  add_step(finding, Whose::kCloud,
           "ask for the idle timeout of what lies between (NAT gateway, network load balancer, conntrack)");
  finding.disproved_by =
      "requests that follow another one at once fail just as often, or a longer silence was survived";
}

Grade grade_of(const Group& group) {
  Grade grade(Confidence::kHigh);
  if (group.split == kSilentDrop) {
    grade.at_most(Confidence::kMedium,
                  "That a packet was dropped in between is concluded from silence: a path that broke looks alike.");
  } else {
    older_step(grade, group);
  }
  common_steps(grade, group.facts, Feed::kSockets, group.size());
  return grade;
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kPeerForgotConnection.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  const bool by_keepalive = group.split == kKeepalive, by_silence = group.split == kSilentDrop;
  set_impact(judged, group, Of::kExchanges, by_keepalive ? 0 : n);

  const Durations silence(group.collect(by_keepalive ? silence_before_end : silence_before_request));
  const Durations since(group.collect([](const SocketStory& s) {
    const auto from = silent_since(s);
    return from ? std::optional(s.end->at - *from) : std::nullopt;
  }));
  const Durations answers(group.collect([](const SocketStory& s) { return s.end->retransmit_to_end; }));
  std::uint64_t unacked = 0;
  for (std::size_t i = 0; i < n; ++i) unacked += group.story(i).request_unacked_bytes;

  add(finding, kPattern, group.split);
  add(finding, kCount, n);
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, by_keepalive ? 0 : n));
  add_seconds(finding, kSilenceMinS, silence.min());
  add_seconds(finding, kSilenceMaxS, silence.max());
  add_seconds(finding, kSurvivedSilenceS, group.endpoint.picture->survived_silence);
  add_seconds(finding, kSinceAckP50S, since.p50());
  add_microseconds(finding, kRetransmitToResetP50Us, answers.p50());
  add_seconds(finding, kOnsetSpreadS, onset_spread(group));
  add(finding, kUnackedBytes, unacked);
  const auto timer = by_silence ? find_timer(group.timed(silence_before_request)) : std::nullopt;
  add(finding, kTimerCandidates, match_timers(group, {{timer, "last_data", resets_idle}}).candidates);
  add(finding, kKeepaliveOnCount, group.count_if([](const SocketStory& s) { return s.end->keepalive_on; }));

  grade_of(group).write_to(finding);
  if (by_keepalive) {
    explain_keepalive(finding, group, silence);
    return judged;
  }
  if (by_silence) {
    explain_silence(finding, group, silence);
  } else {
    explain_reset(finding, group, since, answers);
  }
  finding.app_messages = knowledge::client_messages(
      by_silence ? knowledge::CallFailure::kReadGaveUp : knowledge::CallFailure::kReset, group.port());
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  e.skip({kExchangeCount});
  const std::string pattern = e.text(kPattern), answer = e.microseconds(kRetransmitToResetP50Us);
  out.push_back({"answer", pattern == kSilentDrop ? "none at all"
                           : pattern == kKeepalive
                               ? "a reset, to a keepalive probe"
                               : fmt::format("a reset, {} after bytes were sent again (p50)", answer)});
  const std::vector<std::string> silence = e.together({kSilenceMinS, kSilenceMaxS});
  out.push_back(
      {"silence before", silence[0].empty() ? std::string() : fmt::format("{} to {}", silence[0], silence[1])});
  out.push_back({"silence survived", with("", e.seconds(kSurvivedSilenceS), " at most")});
  out.push_back({"no ACK", with("for ", e.seconds(kSinceAckP50S), " (p50)")});
  out.push_back({"began", with("within ", e.seconds(kOnsetSpreadS), " on all of them")});
  out.push_back({"not acknowledged", e.bytes(kUnackedBytes)});
  out.push_back({"TCP keepalive", with("on at ", part_words(e.count(kKeepaliveOnCount), n))});
}

// What was sent again into nowhere is no loss on the path.
constexpr std::array kEffects = {Effect{&kRetransmitLoss, Shared::kSockets}};

}  // namespace
}  // namespace peer_forgot_connection

const Rule kPeerForgotConnection{
    .code = "peer-forgot-connection",
    .family = model::Family::kExchanges,
    .claims = peer_forgot_connection::claims,
    .split = peer_forgot_connection::split,
    .judge = peer_forgot_connection::judge,
    .evidence = peer_forgot_connection::kEvidence,
    .word_evidence = peer_forgot_connection::word_evidence,
    .effects = peer_forgot_connection::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
