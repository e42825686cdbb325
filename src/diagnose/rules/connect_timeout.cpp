// SPDX-License-Identifier: Apache-2.0
// connect-timeout: SYNs went out and nothing at all came back.
//
// The kernel retransmits the SYN (RFC 6298; since 6.5 first in a linear row, tcp_syn_linear_timeouts) until
// tcp_syn_retries is used up: timed_out. Most applications give up before: abandoned. What still tries when the trace
// ends counts as failing after 3 s, so that a short trace of a black hole speaks.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "diagnose/judgement.h"
#include "diagnose/nics.h"
#include "diagnose/rules/rules.h"
#include "diagnose/since_inbound.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace connect_timeout {
namespace {

using model::Confidence;
using model::ConnectOutcome;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kTimedOutCount{"timed_out_count"};
constexpr EvidenceKey kAbandonedCount{"abandoned_count"};
constexpr EvidenceKey kOngoingCount{"ongoing_count"};
constexpr EvidenceKey kSynsSentP50Count{"syns_sent_p50_count"};
constexpr EvidenceKey kGaveUpAfterP50S{"gave_up_after_p50_s"};
constexpr EvidenceKey kIcmpErrors{"icmp_errors"};
constexpr EvidenceKey kOtherConnectsOkSameEndpoint{"other_connects_ok_same_endpoint"};
constexpr EvidenceKey kConntrackAllowanceDelta{"conntrack_allowance_delta"};
constexpr EvidenceKey kSynScheduleS{"syn_schedule_s"};
constexpr EvidenceKey kLateSynAckCount{"late_syn_ack_count"};
constexpr EvidenceKey kLateSynAckP50S{"late_syn_ack_p50_s"};
constexpr std::array kEvidence = {
    kTimedOutCount,           kAbandonedCount,  kOngoingCount,    kConnectCount,
    kSynsSentP50Count,        kGaveUpAfterP50S, kIcmpErrors,      kOtherConnectsOkSameEndpoint,
    kConntrackAllowanceDelta, kSynScheduleS,    kLateSynAckCount, kLateSynAckP50S,
    kSinceInboundRequestP50S, kTimerCandidates};

// It had waited for longer than the path takes. A program that ends takes its connects with it, some within a round
// trip.
bool met_by_late_syn_ack(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!story.late_syn_ack || !story.connect_took) return false;
  const auto floor_us = static_cast<std::int64_t>(socket.endpoint.picture->rtt_floor_us.value_or(0));
  return *story.connect_took >=
         std::max<model::Duration>(kAnswerToWriteAtLeast, std::chrono::microseconds(2 * floor_us));
}

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!story.outcome) return false;
  switch (*story.outcome) {
    case ConnectOutcome::kTimedOut:
      return story.syns_sent > 0;  // the kernel gives up only after its retransmissions
    case ConnectOutcome::kAbandoned:
      if (story.syns_sent == 0 || socket.served_elsewhere) return false;
      return story.syns_sent >= kConnectMinSyns || (story.connect_took && *story.connect_took >= kConnectGivenUp) ||
             met_by_late_syn_ack(socket);
    case ConnectOutcome::kPending:
      return story.syns_sent >= kConnectMinSyns && story.connect_took && *story.connect_took >= kConnectPending;
    default:
      return false;
  }
}

std::uint64_t established(const model::Totals& totals) {
  return totals.connect_outcomes[static_cast<std::size_t>(ConnectOutcome::kEstablished)];
}

std::uint64_t with_outcome(const Group& group, ConnectOutcome outcome) {
  return group.count_if([&](const SocketStory& s) { return s.outcome == outcome; });
}

std::optional<model::Duration> gave_up_after(const SocketStory& story) {
  return story.outcome == ConnectOutcome::kPending ? std::nullopt : story.connect_took;
}

// Of a typical connection: one that sent as many SYNs as the median.
std::string typical_schedule(const Group& group, std::optional<std::uint32_t> syns_p50) {
  if (syns_p50 < kConnectMinSyns) return {};
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group.story(i).syns_sent != syns_p50) continue;
    if (std::string schedule = syn_schedule(group.story(i)); !schedule.empty()) return schedule;
  }
  return {};
}

Grade grade_of(const Group& group, std::uint64_t ok_here, std::uint64_t ok_anywhere) {
  Grade grade(Confidence::kHigh);
  if (ok_here == 0 && ok_anywhere == 0) {
    grade.at_most(Confidence::kMedium,
                  "No connect from this host succeeded in this time: the fault may be at this host's end.");
  }
  common_steps(grade, group.facts, Feed::kSockets, group.size());
  return grade;
}

// Whose clock can have run out: the kernel's where it gave up, the application's elsewhere.
TimerFits gives_up(bool by_kernel, bool by_application) {
  return [by_kernel, by_application](const knowledge::KnownTimer& timer) {
    if (timer.limit != knowledge::TimerLimit::kConnect) return false;
    return timer.owner == knowledge::TimerOwner::kKernel ? by_kernel : by_application;
  };
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kConnectTimeout.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  const std::uint64_t timed_out = with_outcome(group, ConnectOutcome::kTimedOut);
  const std::uint64_t abandoned = with_outcome(group, ConnectOutcome::kAbandoned);
  const std::uint64_t ongoing = with_outcome(group, ConnectOutcome::kPending);
  // Severity and share count those that still try; the impact names what has failed.
  set_impact(judged, group, Of::kConnects, n);
  finding.impact.connects_failed = timed_out + abandoned;
  finding.ongoing = ongoing > 0;
  if (finding.ongoing) finding.last_at = std::max(finding.last_at, group.facts.picture.window.end);

  const Durations gave_up(group.collect(gave_up_after));
  const auto timer = find_timer(group.timed(gave_up_after));
  const Values<std::uint32_t> syns(
      group.collect([](const SocketStory& s) { return std::optional<std::uint32_t>(s.syns_sent); }));
  std::uint64_t icmp = 0;
  for (std::size_t i = 0; i < n; ++i) icmp += group.story(i).icmp_errors;
  const std::uint64_t ok_here = established(group.endpoint.picture->totals);
  const std::uint64_t ok_anywhere = established(group.facts.picture.totals);
  const std::uint64_t connects = attempts_of(group.endpoint, Of::kConnects, n);

  add(finding, kTimedOutCount, timed_out);
  add(finding, kAbandonedCount, abandoned);
  add(finding, kOngoingCount, ongoing);
  add(finding, kConnectCount, connects);
  add(finding, kSynsSentP50Count, std::optional<std::uint64_t>(syns.p50()));
  add_seconds(finding, kGaveUpAfterP50S, gave_up.p50());
  add(finding, kIcmpErrors, icmp);
  add(finding, kOtherConnectsOkSameEndpoint, ok_here);
  const auto untracked = conntrack_exceeded(group.facts.picture, *group.endpoint.picture);
  add(finding, kConntrackAllowanceDelta, untracked);
  const std::string schedule = typical_schedule(group, syns.p50());
  if (schedule.empty()) {
    add_null(finding, kSynScheduleS);
  } else {
    add(finding, kSynScheduleS, schedule);
  }
  const Durations late(group.collect([](const SocketStory& s) { return s.late_syn_ack; }));
  add(finding, kLateSynAckCount, late.size());
  add_seconds(finding, kLateSynAckP50S, late.p50());
  const Durations since = since_inbound_request(group);
  add_seconds(finding, kSinceInboundRequestP50S, since.p50());
  const TimerMatch known = match_timers(group, {{timer, "connect", gives_up(timed_out > 0, abandoned > 0)},
                                                {since_inbound_timer(group), "inbound_request", ends_worker}});
  add(finding, kTimerCandidates, known.candidates);

  grade_of(group, ok_here, ok_anywhere).write_to(finding);

  const std::string name = group.name();
  const std::string when = spread_words(gave_up, timer);
  finding.title = fmt::format("{} of {} to {} got no answer", n, number_of(connects, "connect"), name);
  if (!when.empty()) finding.title += fmt::format("; given up after {}", when);
  finding.explanation = fmt::format("{} to {} got no answer at all to {} each (p50)", number_of(n, "connect"), name,
                                    number_of(syns.p50().value_or(0), "SYN"));
  if (abandoned > 0) finding.explanation += fmt::format("; the application gave up {} of them", abandoned);
  if (timed_out > 0) finding.explanation += fmt::format("; the kernel gave up {}", timed_out);
  if (!when.empty()) finding.explanation += fmt::format(", after {}", when);
  if (ongoing > 0) finding.explanation += fmt::format("; {} still tried when the trace ended", ongoing);
  if (!schedule.empty()) finding.explanation += fmt::format("; typical: SYNs at {} s", schedule);
  finding.explanation += icmp == 0 ? ". No ICMP error came." : fmt::format(". {} ICMP errors came.", icmp);
  if (!late.empty()) {
    finding.explanation += fmt::format(
        " To {} of them the SYN-ACK came after all, {} after the application had given up: this host answered it by a "
        "reset. The peer is slow to answer, or the limit is too short.",
        late.size(), spread_words(late, std::nullopt));
  }
  finding.explanation += since_inbound_words(group, since, "The end came");
  if (ok_here > 0) {
    finding.explanation +=
        fmt::format(" {} to the same address and port succeeded in this time.", number_of(ok_here, "connect"));
  } else if (ok_anywhere > 0) {
    finding.explanation += " No connect to it succeeded, connects to other endpoints did.";
  } else {
    finding.explanation += " No connect of this host succeeded in this time.";
  }

  finding.explanation += known.words;
  finding.app_messages = knowledge::client_messages(
      timed_out > abandoned ? knowledge::CallFailure::kConnectTimedOut : knowledge::CallFailure::kConnectGaveUp,
      group.port());
  const auto& key = group.endpoint.picture->key;
  add_step(finding, Whose::kCloud,
           "check security group, network ACL and route of both sides for this address and port");
  if (untracked.value_or(0) > 0) {
    add_step(finding, Whose::kUs,
             "this host's own table of tracked connections was full (conntrack_allowance_exceeded): fewer connections, "
             "or a larger instance type",
             allowance_command(group.endpoint.picture->device));
  }
  add_step(finding, Whose::kPeer, "on that host: does its listen queue overflow", "nstat -az TcpExtListenOverflows");
  add_step(finding, Whose::kUs, "does a SYN-ACK reach this host", capture_command(key, CaptureOf::kSynAcks));
  if (ok_here == 0 && ok_anywhere == 0) {
    add_step(finding, Whose::kUs, "is this host's own route and link in order",
             fmt::format("ip route get {}", key.at.address.to_string()));
  }
  finding.disproved_by = "a SYN-ACK reaches this host's network card (then this host drops it)";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string timed_out = e.some(kTimedOutCount, "given up by the kernel");
  const std::string abandoned = e.some(kAbandonedCount, "given up by the application");
  const std::string ongoing = e.some(kOngoingCount, "still trying at the end");
  out.push_back({"no answer", list_of({timed_out, abandoned, ongoing})});
  e.skip({kConnectCount});  // in the impact
  out.push_back({"gave up after", with("", e.seconds(kGaveUpAfterP50S), " (p50)")});
  const auto late = e.count(kLateSynAckCount);
  out.push_back({"SYNs sent", list_of({with("", e.text(kSynsSentP50Count), " each (p50)"),
                                       late.value_or(0) == 0 ? std::string("SYN-ACKs 0") : std::string(),
                                       with("ICMP errors ", e.text(kIcmpErrors))})});
  out.push_back({"SYNs at", with("", e.text(kSynScheduleS), " s (typical)")});
  out.push_back({"SYN-ACKs too late", list_of({e.some(kLateSynAckCount, "connects"),
                                               with("", e.seconds(kLateSynAckP50S), " after the end (p50)")})});
  add_since_inbound_row(e, out);
  out.push_back({"other connects", with("", e.text(kOtherConnectsOkSameEndpoint), " to the same endpoint answered")});
  out.push_back({"own NIC limit", with("conntrack allowance exceeded +", e.text(kConntrackAllowanceDelta))});
}

}  // namespace
}  // namespace connect_timeout

const Rule kConnectTimeout{
    .code = "connect-timeout",
    .family = model::Family::kConnects,
    .claims = connect_timeout::claims,
    .judge = connect_timeout::judge,
    .evidence = connect_timeout::kEvidence,
    .word_evidence = connect_timeout::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
