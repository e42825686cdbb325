// SPDX-License-Identifier: Apache-2.0
// response-timeout: this host ended the connection because no response came, on an endpoint that answers otherwise.
//
// The application closed (FIN, or RST where bytes were unread or SO_LINGER is 0), or the kernel gave up retransmitting
// (RFC 1122 section 4.2.3.5, tcp_retries2, TCP_USER_TIMEOUT). Where it waited is the `side`: a request that was
// acknowledged over a flat RTT waits in the peer's application; one that was not, on the path.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "diagnose/judgement.h"
#include "diagnose/mtu.h"
#include "diagnose/rules/rules.h"
#include "diagnose/since_inbound.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace response_timeout {
namespace {

using model::Confidence;
using model::Duration;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kWaitMaxS{"wait_max_s"};
constexpr EvidenceKey kRequestAckedCount{"request_acked_count"};
constexpr EvidenceKey kUnackedCount{"unacked_count"};
constexpr EvidenceKey kRtoDuringWait{"rto_during_wait"};
constexpr EvidenceKey kSide{"side"};
constexpr EvidenceKey kReportedTwiceCount{"reported_twice_count"};
constexpr std::array kEvidence = {kCount,    kExchangeCount,      kSharePct,        kWaitP50S,
                                  kWaitMaxS, kRequestAckedCount,  kUnackedCount,    kRtoDuringWait,
                                  kSide,     kReportedTwiceCount, kTimerCandidates, kSinceInboundRequestP50S};

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!socket.endpoint.outbound() || !ended_here_unanswered(story)) return false;
  // Something to compare with: a good exchange; else, for a connection that once was answered, the same wait each time.
  const bool once_answered = story.end->bytes_received_total > 0;
  const bool by_kernel = story.end->kind == EndKind::kTimedOut;
  const bool comparable =
      socket.endpoint.has_good_exchange() || (once_answered && (by_kernel || socket.endpoint.waits_form_timer));
  if (!comparable) return false;
  if (by_kernel) return true;  // the kernel gave up: late by its own measure
  return story.end->wait && *story.end->wait >= socket.endpoint.gave_up_after;
}

enum class Side : std::uint8_t { kRemoteSlow, kPath, kPathHere, kUnclear };

bool rtt_is_flat(std::uint32_t rtt_us, std::uint64_t floor_us) {
  const auto allowed = std::max(static_cast<double>(model::microseconds(kFlatRttRise)),
                                kFlatRttFloorFactor * static_cast<double>(floor_us));
  return static_cast<double>(rtt_us) - static_cast<double>(floor_us) <= allowed;
}

Side side_of(const SocketStory& story, const EndpointFacts& endpoint) {
  const auto& end = *story.end;
  if (end.kind == EndKind::kTimedOut || end.request_rtos >= kPathRtos) return Side::kPath;
  // The peer's host had the request when the second copy came (DSACK), and its ACK of the first was lost: what it sent
  // until then did not get here.
  if (end.request_reported_twice) return Side::kPathHere;
  if (!end.request_acked) return Side::kUnclear;
  if (!*end.request_acked) return Side::kPath;
  const auto floor = endpoint.picture->rtt_floor_us;
  if (!floor || !end.rtt_us) return Side::kRemoteSlow;  // acknowledged; that the RTT is not known lowers the confidence
  return rtt_is_flat(*end.rtt_us, *floor) ? Side::kRemoteSlow : Side::kUnclear;
}

struct Sides {
  std::uint64_t remote_slow = 0;
  std::uint64_t path = 0;
  std::uint64_t path_here = 0;  // of them: on the way back
  const char* word = "mixed";
};

Sides sides_of(const Group& group) {
  Sides sides;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Side side = side_of(group.story(i), group.endpoint);
    sides.remote_slow += side == Side::kRemoteSlow ? 1U : 0U;
    sides.path += side == Side::kPath || side == Side::kPathHere ? 1U : 0U;
    sides.path_here += side == Side::kPathHere ? 1U : 0U;
  }
  const double needed = kSideAgreement * static_cast<double>(group.size());
  if (static_cast<double>(sides.remote_slow) >= needed) sides.word = "remote_slow";
  if (static_cast<double>(sides.path) >= needed) sides.word = "path";
  if (static_cast<double>(sides.path_here) >= needed) sides.word = "path_here";
  return sides;
}

bool is_side(const Sides& sides, std::string_view word) { return sides.word == word; }

bool acknowledged(const SocketStory& story) { return story.end->request_acked.value_or(false); }

bool only_small_came(const Group& group) { return group.count_if(no_full_segment_came) == group.size(); }

std::string mtu_words(const Group& group) {
  return only_small_came(group) ? " Nothing of full size ever came on these connections: large segments may not pass "
                                  "(the path here carries less than its ends believe, MTU)."
                                : "";
}

std::string explanation(const Group& group, const Durations& waits, const std::optional<Timer>& timer,
                        const Sides& sides, const Durations& since) {
  const std::uint64_t n = group.size();
  const std::uint64_t kernel = group.count_if([](const SocketStory& s) { return s.end->kind == EndKind::kTimedOut; });
  const std::uint64_t exiting = group.count_if([](const SocketStory& s) { return s.end->process_exiting; });
  const char* who = kernel == n    ? "The kernel of this host gave up"
                    : exiting == n ? "The process ended"
                                   : "The application of this host gave up";
  std::string text = fmt::format("{} after {} without a byte of a response from {}, on {}", who,
                                 spread_words(waits, timer), group.name(), number_of(n, "connection"));
  if (kernel > 0 && kernel < n) text += fmt::format(" (in {} of them the kernel gave up)", kernel);
  if (exiting > 0 && exiting < n) text += fmt::format(" (in {} of them its process was ending)", exiting);
  text += "." + since_inbound_words(group, since, "The end came");
  if (is_side(sides, "remote_slow")) {
    text += fmt::format(
        " The peer's host had acknowledged {} of {} requests in full: they arrived, and the peer's application, or "
        "what "
        "it waits for, did not answer.",
        group.count_if(acknowledged), n);
  } else if (is_side(sides, "path")) {
    text +=
        " The requests were not acknowledged, or only after repeated timeouts: the path or the peer's host, not its "
        "application.";
  } else if (is_side(sides, "path_here")) {
    text += fmt::format(
        " The peer's host had the requests at once: it reported the second copy of {} of {} as a duplicate (DSACK). "
        "Its "
        "first acknowledgement, which rides on the answer where that is quick, never came, and small packets do: it "
        "answered, or at least acknowledged, and that was lost on the way here.{}",
        sides.path_here, n, mtu_words(group));
  } else {
    const std::uint64_t unclear = n - sides.remote_slow - sides.path;
    text += fmt::format(" Where they waited is not uniform: {} with the peer's application, {} on the path{}.",
                        sides.remote_slow, sides.path,
                        unclear > 0 ? fmt::format(", {} cannot be told", unclear) : std::string());
  }
  return text;
}

void add_next_steps(model::Finding& finding, const Group& group, const Sides& sides,
                    const std::optional<Timer>& timer) {
  if (is_side(sides, "path_here") && only_small_came(group)) {
    add_full_size_step(finding, group.facts, group.endpoint);
  }
  if (!is_side(sides, "path") && !is_side(sides, "path_here")) {
    add_step(finding, Whose::kPeer, "look at the peer's slow log, CPU, locks and queue at these times");
  }
  if (!is_side(sides, "remote_slow")) {
    const auto& at = group.endpoint.picture->key.at;
    add_step(finding, Whose::kUs, "look for loss on the path, in both directions",
             fmt::format("mtr -n -T -P {} {}", at.port, at.address.to_string()));
  }
  if (timer) {
    add_step(
        finding, Whose::kUs,
        fmt::format("compare {} with the client's own read timeout; a call that may take longer needs a longer one",
                    duration(timer->median)));
  }
}

Grade grade_of(const Group& group, const Sides& sides) {
  const std::uint64_t n = group.size();
  Grade grade(Confidence::kHigh);
  if (is_side(sides, "mixed")) {
    grade.at_most(Confidence::kMedium, fmt::format("The cases do not agree on where the wait was: {} with the peer's "
                                                   "application, {} on the path, of {}.",
                                                   sides.remote_slow, sides.path, n));
  }
  if (is_side(sides, "remote_slow")) {
    const bool no_floor = !group.endpoint.picture->rtt_floor_us;
    const std::uint64_t no_rtt = group.count_if([&](const SocketStory& s) { return no_floor || !s.end->rtt_us; });
    derived_step(grade, no_rtt, n, "the round-trip time during the wait is not known");
  }
  derived_step(grade, roles_derived(group), n,
               "it was derived which side had connected, and so which data is a request");
  common_steps(grade, group.facts, Feed::kSockets, n);
  return grade;
}

// Whose clock can have run out: the kernel's where it gave up, the application's elsewhere.
TimerFits gives_up(const Group& group) {
  const std::uint64_t kernel = group.count_if([](const SocketStory& s) { return s.end->kind == EndKind::kTimedOut; });
  const bool by_kernel = kernel > 0;
  const bool by_application = kernel < group.size();
  return [by_kernel, by_application](const knowledge::KnownTimer& timer) {
    if (timer.owner == knowledge::TimerOwner::kKernel) {
      return by_kernel &&
             (timer.limit == knowledge::TimerLimit::kRequest || timer.limit == knowledge::TimerLimit::kKeepalive);
    }
    return by_application && client_gives_up(timer);
  };
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kResponseTimeout.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kExchanges, n);
  finding.ongoing = someone_still_waits(group.facts, group.endpoint);

  const Durations waits(group.collect([](const SocketStory& s) { return s.end->wait; }));
  const auto timer = find_timer(group.timed([](const SocketStory& s) { return s.end->wait; }));
  const Sides sides = sides_of(group);
  std::uint64_t rtos = 0;
  for (std::size_t i = 0; i < n; ++i) rtos += group.story(i).end->request_rtos;

  add(finding, kCount, n);
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, n));
  add(finding, kSharePct, finding.share_pct);
  add_seconds(finding, kWaitP50S, waits.p50());
  add_seconds(finding, kWaitMaxS, waits.max());
  add(finding, kRequestAckedCount, group.count_if(acknowledged));
  add(finding, kUnackedCount,
      group.count_if([](const SocketStory& s) { return s.end->request_acked && !*s.end->request_acked; }));
  add(finding, kRtoDuringWait, rtos);
  add(finding, kSide, std::string(sides.word));
  add(finding, kReportedTwiceCount, group.count_if([](const SocketStory& s) { return s.end->request_reported_twice; }));
  const Durations since = since_inbound_request(group);
  const TimerMatch known = match_timers(
      group, {{timer, "request", gives_up(group)}, {since_inbound_timer(group), "inbound_request", ends_worker}});
  add(finding, kTimerCandidates, known.candidates);
  add_seconds(finding, kSinceInboundRequestP50S, since.p50());

  grade_of(group, sides).write_to(finding);
  finding.title = fmt::format("{} gave no response to {}; this host gave up after {}", group.name(),
                              number_of(n, "request"), spread_words(waits, timer));
  finding.explanation = explanation(group, waits, timer, sides, since) + known.words;
  const bool by_kernel = 2 * group.count_if([](const SocketStory& s) { return s.end->kind == EndKind::kTimedOut; }) > n;
  finding.app_messages = knowledge::client_messages(
      by_kernel ? knowledge::CallFailure::kKernelTimedOut : knowledge::CallFailure::kReadGaveUp, group.port());
  add_next_steps(finding, group, sides, timer);
  finding.disproved_by =
      "bytes of the response reached this host before it closed (then the application was slow to read)";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  e.skip({kExchangeCount});
  const std::vector<std::string> waits = e.together({kWaitP50S, kWaitMaxS});
  out.push_back({"given up after", list_of({with("", waits[0], " (p50)"), with("at most ", waits[1])})});
  out.push_back({"request", list_of({with("acknowledged by the peer: ", part_words(e.count(kRequestAckedCount), n)),
                                     with("not: ", text_of(e.count(kUnackedCount)))})});
  out.push_back({"timeouts (RTO)", with("", e.text(kRtoDuringWait), " during the waits")});
  const std::string side = e.text(kSide);
  out.push_back({"side", side == "remote_slow" ? "the peer: it has the request and the path is well"
                         : side == "path"      ? "the path: the request did not get through"
                         : side == "path_here" ? "the path here: the peer has the request, and its answer is lost"
                         : side == "mixed"     ? "mixed: some waits at the peer, some on the path"
                                               : side});
  out.push_back({"second copy", e.some(kReportedTwiceCount, "reported as a duplicate by the peer (DSACK)")});
  add_since_inbound_row(e, out);
}

// Who calls this host waits for its calls.
constexpr std::array kEffects = {Effect{&kDelayUnattributed, Shared::kProcess}};

}  // namespace
}  // namespace response_timeout

const Rule kResponseTimeout{
    .code = "response-timeout",
    .family = model::Family::kExchanges,
    .claims = response_timeout::claims,
    .judge = response_timeout::judge,
    .evidence = response_timeout::kEvidence,
    .word_evidence = response_timeout::word_evidence,
    .effects = response_timeout::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
