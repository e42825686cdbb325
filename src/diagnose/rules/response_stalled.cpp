// SPDX-License-Identifier: Apache-2.0
// response-stalled: a response began and stopped in its middle, and this host gave up waiting for the rest.
//
// That it was not complete is known by what is missing: later bytes had come from behind a gap, or the application
// still waited to read when it was last looked at. Without either, silence is what a connection in a pool looks like.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/judgement.h"
#include "diagnose/mtu.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace response_stalled {
namespace {

using model::Confidence;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kSilenceP50S{"silence_p50_s"};
constexpr EvidenceKey kSilenceMinS{"silence_min_s"};
constexpr EvidenceKey kSilenceMaxS{"silence_max_s"};
constexpr EvidenceKey kResponseP50Bytes{"response_p50_bytes"};
constexpr EvidenceKey kHoleCount{"hole_count"};
constexpr EvidenceKey kHoleP50Bytes{"hole_p50_bytes"};
constexpr EvidenceKey kReaderCount{"reader_waited_count"};
constexpr EvidenceKey kLargestReceivedBytes{"largest_received_bytes"};
constexpr EvidenceKey kMssBytes{"mss_bytes"};
constexpr std::array kEvidence = {
    kCount,     kExchangeCount, kSharePct,    kSilenceP50S,          kSilenceMinS, kSilenceMaxS,    kResponseP50Bytes,
    kHoleCount, kHoleP50Bytes,  kReaderCount, kLargestReceivedBytes, kMssBytes,    kTimerCandidates};

constexpr const char* kMissing = "missing";
constexpr const char* kStopped = "stopped";

bool has_hole(const SocketStory& story) {
  return story.end->hole_for && *story.end->hole_for >= kHoleStays && story.end->hole_bytes > 0;
}

// Of a response that did not even begin in order, what came from behind the gap shows that the peer had answered.
bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!socket.endpoint.outbound() || !story.end || !lost_exchange(story)) return false;
  return story.end->stalled || (ended_here_unanswered(story) && has_hole(story));
}

std::string split(const SocketStory& story) { return has_hole(story) ? kMissing : kStopped; }

std::optional<model::Duration> silence_of(const SocketStory& story) {
  return story.end->response_silence ? story.end->response_silence : story.end->hole_for;
}

struct Figures {
  explicit Figures(const Group& group)
      : silences(group.collect(silence_of)),
        timer(find_timer(group.timed(silence_of))),
        // Of a response that a goodbye followed it is not known any more.
        bytes(group.collect([](const SocketStory& s) {
          return s.end->response_bytes > 0 ? std::optional(s.end->response_bytes) : std::nullopt;
        })),
        holes(group.collect(
            [](const SocketStory& s) { return has_hole(s) ? std::optional(s.end->hole_bytes) : std::nullopt; })),
        largest(group.collect([](const SocketStory& s) { return std::optional(s.end->largest_received); })),
        readers(group.count_if([](const SocketStory& s) { return s.end->reader_waited.has_value(); })),
        small_only(group.count_if(no_full_segment_came)),
        mss(mss_of(group.facts, group.endpoint)) {}

  Durations silences;
  std::optional<Timer> timer;
  Values<std::uint32_t> bytes;
  Values<std::uint32_t> holes;
  Values<std::uint32_t> largest;
  std::uint64_t readers;
  std::uint64_t small_only;
  double mss;
};

std::string mtu_words(const Group& group, const Figures& f) {
  if (f.small_only < group.size()) {
    return group.split == kMissing ? " Packets of full size did come on these connections: loss, not their size." : "";
  }
  return fmt::format(
      " The largest packet that came on these connections carried {}, of segments of up to {}: if small ones pass and "
      "large segments do not, the path here carries less than its ends believe (MTU), and the ICMP message that says "
      "so "
      "is lost.",
      bytes(*f.largest.max()), bytes(f.mss));
}

std::string stopped_where(const Figures& f) {
  return f.bytes.empty() ? "in the middle" : "after " + bytes(*f.bytes.p50());
}

std::string explanation(const Group& group, const Figures& f) {
  const std::uint64_t n = group.size();
  const std::string gave_up = spread_words(f.silences, f.timer);
  if (group.split == kMissing) {
    return fmt::format(
               "On {} {} of what {} had answered {} missing (p50 {}) while later bytes had come; they never did within "
               "{}. The peer's application had answered: its data stops on the way here.",
               number_of(n, "connection"), n == 1 ? "a part" : "parts", group.name(), n == 1 ? "was" : "were",
               bytes(*f.holes.p50()), gave_up) +
           mtu_words(group, f);
  }
  return fmt::format(
             "{} of {} began and stopped {}: nothing more came for {}, while this host's application still "
             "waited to read; then it gave up. No byte came from behind a gap, as it would from a peer that goes on "
             "sending over a path that loses some: its application stopped, or nothing of what it sends gets through.",
             number_of(n, "response"), group.name(), stopped_where(f) + (f.bytes.empty() ? "" : " (p50)"), gave_up) +
         mtu_words(group, f);
}

Grade grade_of(const Group& group) {
  Grade grade(Confidence::kHigh);
  if (group.split == kStopped) {
    grade.at_most(
        Confidence::kMedium,
        "A subscription or a stream that had nothing more to say ends alike, and where the data stopped is not "
        "seen from here.");
  }
  derived_step(grade, roles_derived(group), group.size(),
               "it was derived which side had connected, and so which data is a request");
  common_steps(grade, group.facts, Feed::kSockets, group.size());
  return grade;
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kResponseStalled.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  judged.split = group.split;
  set_impact(judged, group, Of::kExchanges, n);
  const Figures f(group);

  add(finding, kCount, n);
  add(finding, kExchangeCount, attempts_of(group.endpoint, Of::kExchanges, n));
  add(finding, kSharePct, finding.share_pct);
  add_seconds(finding, kSilenceP50S, f.silences.p50());
  add_seconds(finding, kSilenceMinS, f.silences.min());
  add_seconds(finding, kSilenceMaxS, f.silences.max());
  add(finding, kResponseP50Bytes, std::optional<std::uint64_t>(f.bytes.p50()));
  add(finding, kHoleCount, std::uint64_t{f.holes.size()});
  add(finding, kHoleP50Bytes, std::optional<std::uint64_t>(f.holes.p50()));
  add(finding, kReaderCount, f.readers);
  add(finding, kLargestReceivedBytes, std::optional<std::uint64_t>(f.largest.max()));
  add(finding, kMssBytes, static_cast<std::uint64_t>(f.mss));
  const TimerMatch known = match_timers(group, {{f.timer, "response", client_gives_up}});
  add(finding, kTimerCandidates, known.candidates);
  grade_of(group).write_to(finding);

  const std::string silence = spread_words(f.silences, f.timer);
  finding.title = group.split == kMissing
                      ? fmt::format("data of {} stops on the way here: bytes of {} are missing before later ones",
                                    group.name(), number_of(n, "response"))
                      : fmt::format("{} of {} stopped {}; this host gave up after {} of silence",
                                    number_of(n, "response"), group.name(), stopped_where(f), silence);
  finding.explanation = explanation(group, f) + known.words;
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kReadGaveUp, group.port());
  if (f.small_only == n) {
    add_full_size_step(finding, group.facts, group.endpoint);
  }
  if (group.split == kStopped) {
    add_step(finding, Whose::kPeer, "what does the peer's application wait for in the middle of its response?");
  } else {
    add_step(finding, Whose::kPeer, "which segments does the peer's host send again at these times, and of what size?");
  }
  finding.disproved_by = group.split == kMissing
                             ? "the missing bytes are seen to arrive (tcpdump on this host)"
                             : "the application had the whole response, and waited for something else";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  e.skip({kExchangeCount});
  out.push_back({"silence", spread_of(e.number(kSilenceP50S), e.number(kSilenceMinS), e.number(kSilenceMaxS), n)});
  out.push_back({"response", with("stopped after ", e.bytes(kResponseP50Bytes), " (p50)")});
  const std::string hole = e.bytes(kHoleP50Bytes);
  const auto holes = e.count(kHoleCount);
  if (holes.value_or(0) > 0) {
    out.push_back({"missing", list_of({with("before later bytes: ", part_words(holes, n)), with("", hole, " (p50)")})});
  }
  out.push_back({"application", with("still waited to read: ", part_words(e.count(kReaderCount), n))});
  const std::string largest = e.bytes(kLargestReceivedBytes);
  out.push_back({"largest packet", with("", largest, with(", of segments of up to ", e.bytes(kMssBytes)))});
}

// Who calls this host waits for its calls.
constexpr std::array kEffects = {Effect{&kDelayUnattributed, Shared::kProcess}};

}  // namespace
}  // namespace response_stalled

const Rule kResponseStalled{
    .code = "response-stalled",
    .family = model::Family::kExchanges,
    .claims = response_stalled::claims,
    .split = response_stalled::split,
    .judge = response_stalled::judge,
    .evidence = response_stalled::kEvidence,
    .word_evidence = response_stalled::word_evidence,
    .effects = response_stalled::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
