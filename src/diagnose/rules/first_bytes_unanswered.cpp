// SPDX-License-Identifier: Apache-2.0
// first-bytes-unanswered: the connection was established, our first bytes left, and not one byte ever came back.
//
// A TLS handshake that is never answered, a proxy without a backend, a listener whose process does not accept: the
// peer's kernel completes the handshake and acknowledges on its own (the accept queue). Where not even the ACK came, a
// path with a smaller MTU may swallow the first full segment (RFC 2923 section 2.1).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/judgement.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer_candidates.h"
#include "diagnose/words.h"
#include "knowledge/client_messages.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace first_bytes_unanswered {
namespace {

using model::Confidence;
using model::EndKind;
using model::SocketStory;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kCount{"count"};
constexpr EvidenceKey kWaitP50S{"wait_p50_s"};
constexpr EvidenceKey kFirstSentP50Bytes{"first_sent_p50_bytes"};
constexpr EvidenceKey kAckedCount{"acked_count"};
constexpr EvidenceKey kLargestUnackedSegmentBytes{"largest_unacked_segment_bytes"};
constexpr std::array kEvidence = {
    kCount, kWaitP50S, kFirstSentP50Bytes, kAckedCount, kLargestUnackedSegmentBytes, kTimerCandidates};

bool claims(const Case& socket) {
  const SocketStory& story = socket.story;
  if (!socket.endpoint.outbound() || !ended_here_unanswered(story)) return false;
  if (story.end->bytes_received_total > 0) return false;
  return story.end->kind == EndKind::kTimedOut || (story.end->wait && *story.end->wait >= kGaveUpAfter);
}

bool acknowledged(const SocketStory& story) { return story.end->request_acked.value_or(false); }

// The largest segment that can be on its way without an ACK: what is unacknowledged, cut at the segment size.
std::uint64_t largest_unacked_segment(const SocketStory& story) {
  const auto& end = *story.end;
  if (end.request_acked.value_or(false)) return 0;
  return end.mss > 0 ? std::min(end.unacked_bytes, end.mss) : end.unacked_bytes;
}

bool someone_still_waits(const Group& group) {
  return std::any_of(group.facts.picture.sockets.begin(), group.facts.picture.sockets.end(), [&](const SocketStory& s) {
    return s.endpoint == group.endpoint.index && s.exchange_pending && s.exchanges == 0 && s.bytes_received == 0 &&
           s.pending_wait && *s.pending_wait >= kGaveUpAfter;
  });
}

std::optional<Judged> judge(const Group& group) {
  Judged judged = start_finding(kFirstBytesUnanswered.code, group);
  model::Finding& finding = judged.finding;
  const std::uint64_t n = group.size();
  set_impact(judged, group, Of::kExchanges, n);
  finding.ongoing = someone_still_waits(group);

  const Durations waits(group.collect([](const SocketStory& s) { return s.end->wait; }));
  const auto timer = find_timer(group.timed([](const SocketStory& s) { return s.end->wait; }));
  const Values<std::uint32_t> sizes(
      group.collect([](const SocketStory& s) { return std::optional<std::uint32_t>(s.end->request_bytes); }));
  const std::uint64_t acked = group.count_if(acknowledged);
  std::uint64_t largest_unacked = 0;
  std::uint64_t large = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t segment = largest_unacked_segment(group.story(i));
    largest_unacked = std::max(largest_unacked, segment);
    large += segment > kMtuSuspectBytes ? 1U : 0U;
  }
  // Every unacknowledged first flight was a large segment, and handshakes (small) came through.
  const bool suspect_mtu = acked < n && large == n - acked;

  add(finding, kCount, n);
  add_seconds(finding, kWaitP50S, waits.p50());
  add(finding, kFirstSentP50Bytes, std::optional<std::uint64_t>(sizes.p50()));
  add(finding, kAckedCount, acked);
  add(finding, kLargestUnackedSegmentBytes, largest_unacked);
  const TimerMatch known = match_timers(group, {{timer, "request", client_gives_up}});
  add(finding, kTimerCandidates, known.candidates);

  Grade grade(Confidence::kHigh);
  if (acked < n) {
    grade.at_most(Confidence::kMedium,
                  fmt::format("{} of {} first requests were not seen to be acknowledged: the peer's "
                              "silence and a loss on the path look alike.",
                              n - acked, n));
  }
  derived_step(grade, roles_derived(group), n, "it was derived which side had connected");
  common_steps(grade, group.facts, Feed::kSockets, n);
  grade.write_to(finding);

  const std::string when = spread_words(waits, timer);
  finding.title = fmt::format("{} accepted {} but never sent a byte; this host gave up after {}", group.name(),
                              number_of(n, "connection"), when);
  finding.explanation =
      fmt::format("On {} {} sent no byte in answer to the first {} bytes until this host gave up after {}.",
                  number_of(n, "connection"), group.name(), sizes.p50().value_or(0), when);
  if (acked == n) {
    finding.explanation +=
        " The peer's host acknowledged them, so its kernel lives and the path works: nothing behind "
        "that port answered them (a TLS handshake or request that waits in a backlog).";
  } else if (suspect_mtu) {
    finding.explanation += fmt::format(
        " Only segments of more than {} bytes stayed unacknowledged while the handshake passed: a path with a smaller "
        "MTU "
        "is likely.",
        kMtuSuspectBytes);
  } else {
    finding.explanation += fmt::format(" {} of {} were acknowledged.", acked, n);
  }

  finding.explanation += known.words;
  finding.app_messages = knowledge::client_messages(knowledge::CallFailure::kHandshakeGaveUp, group.port());
  if (acked > 0) {
    add_step(finding, Whose::kPeer, "is the process behind that port accepting: its backlog, TLS setup, and backends");
  }
  if (acked < n) {
    add_step(finding, Whose::kUs, "compare the path's MTU with the segment size",
             fmt::format("tracepath -n {}", group.endpoint.picture->key.at.address.to_string()));
  }
  finding.disproved_by =
      "bytes of the peer reach this host's network card on these connections; or the protocol is one in "
      "which the peer never sends (then nothing is wrong)";
  return judged;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto n = e.count(kCount);
  out.push_back({"waited", with("", e.seconds(kWaitP50S), " (p50) for the first byte ever")});
  const auto sent = e.count(kFirstSentP50Bytes);
  out.push_back({"sent", sent ? bytes(*sent) + " (p50)" : std::string()});
  out.push_back({"acknowledged", part_words(e.count(kAckedCount), n)});
  const auto segment = e.count(kLargestUnackedSegmentBytes);
  if (segment && *segment > 0) out.push_back({"not acknowledged", "segments of up to " + bytes(*segment)});
}

}  // namespace
}  // namespace first_bytes_unanswered

const Rule kFirstBytesUnanswered{
    .code = "first-bytes-unanswered",
    .family = model::Family::kExchanges,
    .claims = first_bytes_unanswered::claims,
    .judge = first_bytes_unanswered::judge,
    .evidence = first_bytes_unanswered::kEvidence,
    .word_evidence = first_bytes_unanswered::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
