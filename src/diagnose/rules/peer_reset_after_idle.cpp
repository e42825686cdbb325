// SPDX-License-Identifier: Apache-2.0
// peer-reset-after-idle: a connection died while nothing was outstanding; the next write met a RST, or a RST came
// alone.
//
// NAT gateways and load balancers forget an idle flow and answer its next packet with a RST; servers that close with
// data pending or SO_LINGER 0 send one at once. No FIN was seen, else it is peer-closed-before-reuse.
#include <fmt/format.h>

#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace peer_reset_after_idle {
namespace {

using model::Confidence;
using model::Duration;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kResetCount{"reset_count"};
constexpr EvidenceKey kIdleP50S{"idle_p50_s"};
constexpr EvidenceKey kIdleMinS{"idle_min_s"};
constexpr EvidenceKey kIdleMaxS{"idle_max_s"};
constexpr EvidenceKey kWriteToResetP50Us{"write_to_reset_p50_us"};
constexpr EvidenceKey kReusedCount{"reused_count"};
constexpr EvidenceKey kKeepaliveOnCount{"keepalive_on_count"};
constexpr std::array kEvidence = {kResetCount,        kIdleP50S,    kIdleMinS,        kIdleMaxS,
                                  kWriteToResetP50Us, kReusedCount, kTimerCandidates, kKeepaliveOnCount};

// Silence before a reset that no write had called for. Where there never was data: since the handshake's end.
std::optional<Duration> silence_before_reset(const SocketStory& story) {
  if (story.end->idle) return story.end->idle;
  const auto connected = connected_to_end(story);
  return connected ? connected : story.end->age;
}

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!socket.endpoint.outbound() || !story.end || story.end->kind != EndKind::kResetReceived) return false;
  if (story.end->phase != model::Phase::kEstablished || story.end->after_peer_fin) return false;
  if (story.end->outstanding) return died_while_idle(story);
  const auto silence = silence_before_reset(story);
  return !story.end->in_response && silence && *silence >= kIdle;
}

bool met_a_write(const SocketStory& story) { return story.end->outstanding; }

std::optional<Duration> silence_of(const SocketStory& story) {
  return met_a_write(story) ? silence_before_request(story) : silence_before_reset(story);
}

std::optional<Judged> judge(const Group& group) {
  const std::uint64_t n = group.size();
  const std::uint64_t failed = group.count_if(met_a_write);
  // Resets in an idle pool harm nobody: one or two are not worth a word.
  if (failed == 0 && n < kEnoughObservations) return std::nullopt;

  Judged judged = start_finding(kPeerResetAfterIdle.code, group);
  model::Finding& finding = judged.finding;
  set_impact(judged, group, Of::kExchanges, failed);

  const Durations idle(group.collect(silence_of));
  const Durations answer(group.collect([](const SocketStory& s) {
    return met_a_write(s) ? (s.end->last_write_to_end ? s.end->last_write_to_end : s.end->wait) : std::nullopt;
  }));
  const auto timer = find_timer(group.timed(silence_of));
  const std::uint64_t keepalive = group.count_if([](const SocketStory& s) { return s.end->keepalive_on; });
  const std::uint64_t reused =
      group.count_if([](const SocketStory& s) { return s.exchanges > 0 || s.end->bytes_received_total > 0; });

  add(finding, kResetCount, n);
  add_seconds(finding, kIdleP50S, idle.p50());
  add_seconds(finding, kIdleMinS, idle.min());
  add_seconds(finding, kIdleMaxS, idle.max());
  add_microseconds(finding, kWriteToResetP50Us, answer.p50());
  add(finding, kReusedCount, reused);
  const TimerMatch known = match_timers(group, {{timer, "last_data", resets_idle}});
  add(finding, kTimerCandidates, known.candidates);
  add(finding, kKeepaliveOnCount, keepalive);

  Grade grade(timer ? Confidence::kHigh : Confidence::kMedium);
  if (!timer) {
    grade.at_most(Confidence::kMedium, n < kTimerMinValues
                                           ? "Too few times of silence to tell whether a timer ended them."
                                           : "The times of silence differ: no single timer ended these connections.");
  }
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string name = group.name();
  const std::string when = spread_words(idle, timer);
  finding.title = fmt::format("{} reset {} after {} of silence", name, number_of(n, "connection"), when);
  if (failed > 0) {
    finding.explanation = fmt::format(
        "On {} the first request after {} of silence was answered by a reset{}: {} had died while idle, and "
        "nobody had told this host.",
        number_of(failed, "connection"), when,
        answer.empty() ? std::string() : fmt::format(" within {}", duration(*answer.max())),
        failed == 1 ? "it" : "they");
    if (failed < n) {
      finding.explanation +=
          fmt::format(" {} reset without a request on {}.", number_of(n - failed, "more was", "more were"),
                      n - failed == 1 ? "it" : "them");
    }
  } else {
    finding.explanation = fmt::format(
        "{} were reset after {} of silence, with no request on them; the application lost nothing but the connection.",
        number_of(n, "connection"), when);
  }
  finding.explanation += fmt::format(
      " The reset came in the name of {}: the peer itself, or a NAT gateway, load balancer or firewall that had "
      "forgotten the connection.",
      name);
  finding.explanation += known.words;

  if (failed > 0) finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kReset, group.port());
  const std::string limit = timer ? duration(timer->median) : duration(*idle.min());
  add_step(finding, Whose::kUs,
           fmt::format("let the client's pool drop connections before they have been idle for {}", limit));
  add_step(
      finding, Whose::kUs,
      fmt::format("or turn TCP keepalive on in the client, with its first probe earlier than that ({} of {} had it "
                  "on)",
                  keepalive, n),
      "sysctl net.ipv4.tcp_keepalive_time");
  add_step(finding, Whose::kCloud,
           "look at the counters of what lies between: NAT gateway IdleTimeoutCount, "
           "network load balancer TCP_ELB_Reset_Count");
  finding.disproved_by =
      "connections that were never silent for 1 s are reset just as often, or the times of silence "
      "are spread widely";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto resets = e.count(kResetCount);
  out.push_back({"silence before", spread_of(e.number(kIdleP50S), e.number(kIdleMinS), e.number(kIdleMaxS), resets)});
  out.push_back({"write to reset", e.microseconds(kWriteToResetP50Us)});
  out.push_back(
      {"reused", with("", part_words(e.count(kReusedCount), resets), " connections had carried exchanges before")});
  out.push_back({"TCP keepalive", with("on at ", part_words(e.count(kKeepaliveOnCount), resets))});
}

}  // namespace
}  // namespace peer_reset_after_idle

const Rule kPeerResetAfterIdle{
    .code = "peer-reset-after-idle",
    .family = model::Family::kExchanges,
    .claims = peer_reset_after_idle::claims,
    .judge = peer_reset_after_idle::judge,
    .evidence = peer_reset_after_idle::kEvidence,
    .word_evidence = peer_reset_after_idle::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
