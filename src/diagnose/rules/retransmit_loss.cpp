// SPDX-License-Identifier: Apache-2.0
// retransmit-loss: segments were lost on the path. From this host: what it sent again; towards it: what filled a hole
// in what had come and was stamped after it (engine/hole.h).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/mtu.h"
#include "diagnose/path_delay.h"
#include "diagnose/policer.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "model/retransmit.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace retransmit_loss {
namespace {

using model::Confidence;
using model::RetransmitKind;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kDirection{"direction"};
constexpr EvidenceKey kRetransmittedSegments{"retransmitted_segments"};
constexpr EvidenceKey kSentSegments{"sent_segments"};
constexpr EvidenceKey kSegmentsLostPct{"loss_pct"};
constexpr EvidenceKey kRtoCount{"rto_count"};
constexpr EvidenceKey kFastCount{"fast_count"};
constexpr EvidenceKey kTlpCount{"tlp_count"};
constexpr EvidenceKey kSynCount{"syn_count"};
constexpr EvidenceKey kSpuriousCount{"spurious_count"};
constexpr EvidenceKey kRetransmitFailuresBusy{"retransmit_failures_busy"};
constexpr EvidenceKey kOutOfOrderSegments{"out_of_order_segments"};
constexpr EvidenceKey kRecoveredSegments{"recovered_in"};
constexpr EvidenceKey kReorderedSegments{"reordered_in"};
constexpr EvidenceKey kOnlySmallArrive{"only_small_arrive_count"};
constexpr EvidenceKey kRetransmitDelayP50Us{"retransmit_delay_p50_us"};
constexpr EvidenceKey kRecoveryP99Us{"recovery_p99_us"};
constexpr EvidenceKey kLostAgainPct{"lost_again_pct"};
constexpr std::array kEvidence = {kDirection,
                                  kRetransmittedSegments,
                                  kSentSegments,
                                  kSegmentsLostPct,
                                  kRtoCount,
                                  kFastCount,
                                  kTlpCount,
                                  kSynCount,
                                  kSpuriousCount,
                                  kRetransmitFailuresBusy,
                                  kOutOfOrderSegments,
                                  kRecoveredSegments,
                                  kReorderedSegments,
                                  kOnlySmallArrive,
                                  kRetransmitDelayP50Us,
                                  kRecoveryP99Us,
                                  kLostAgainPct};

enum class Towards : std::uint8_t { kPeer, kUs };

std::uint64_t events_of(const model::Totals& totals, RetransmitKind kind) {
  return totals.retransmits[static_cast<std::size_t>(kind)];
}

struct Loss {
  Towards towards = Towards::kPeer;
  std::uint64_t segments = 0;       // lost
  std::optional<std::uint64_t> of;  // segments sent or received
  std::optional<double> pct;
  std::uint64_t timeouts = 0;

  bool by_timeouts() const { return timeouts >= kTimeoutsOfLoss; }
  bool counts() const { return by_timeouts() || (segments >= kLostSegments && pct.value_or(0) >= kLossPct); }
};

// The kernel counts segments sent with pure ACKs, which are never sent again. Those with data: as many as the bytes
// fill, at least one for each exchange, and what was sent again.
std::optional<std::uint64_t> data_segments(const Facts& facts, const EndpointFacts& endpoint) {
  const model::Totals& totals = endpoint.picture->totals;
  if (!totals.segments_sent) return std::nullopt;
  const auto full = static_cast<std::uint64_t>(static_cast<double>(totals.bytes_sent) / mss_of(facts, endpoint));
  return std::min(*totals.segments_sent, std::max(full, totals.exchanges) + totals.retransmitted_segments);
}

// SYNs are the business of connect-timeout, repeated SYN-ACKs that of whoever does not answer them: of a flood, nobody.
// DSACKs say that a segment had arrived after all.
Loss outgoing(const Facts& facts, const EndpointFacts& endpoint) {
  const model::Totals& totals = endpoint.picture->totals;
  Loss loss;
  const std::uint64_t not_lost = events_of(totals, RetransmitKind::kSyn) + events_of(totals, RetransmitKind::kSynAck) +
                                 totals.spurious_retransmits.value_or(0);
  loss.segments = totals.retransmitted_segments - std::min(totals.retransmitted_segments, not_lost);
  loss.of = data_segments(facts, endpoint);
  loss.timeouts = events_of(totals, RetransmitKind::kRto);
  if (loss.of) loss.pct = share_pct(loss.segments, *loss.of);
  return loss;
}

Loss incoming(const model::Totals& totals) {
  Loss loss;
  loss.towards = Towards::kUs;
  loss.segments = totals.recovered_in.value_or(0);
  loss.of = totals.segments_received;
  if (loss.of) loss.pct = share_pct(loss.segments, *loss.of);
  return loss;
}

bool mostly_spurious(const model::Totals& totals) {
  const std::uint64_t spurious = totals.spurious_retransmits.value_or(0);
  return spurious > 0 &&
         static_cast<double>(spurious) >= kSpuriousShare * static_cast<double>(totals.retransmitted_segments);
}

Marks seconds_of(const Seconds& seconds, const Loss& loss) {
  if (loss.towards == Towards::kUs) {
    return seconds.where([](const model::Second& s) { return s.out_of_order > 0; });
  }
  const Marks timeouts = seconds.where([](const model::Second& s) { return s.retransmits_rto > 0; });
  return either(timeouts, seconds.series_where(model::SeriesId::kRetransmits, [](std::int64_t n) { return n > 0; }));
}

// Exchanges that failed while this host retransmitted their request.
std::uint64_t failed_by_it(const Facts& facts, const EndpointFacts& endpoint) {
  return static_cast<std::uint64_t>(
      std::count_if(facts.picture.sockets.begin(), facts.picture.sockets.end(), [&](const model::SocketStory& story) {
        return story.endpoint == endpoint.index && lost_exchange(story) &&
               (story.end->request_rtos > 0 || story.end->kind == model::EndKind::kTimedOut);
      }));
}

std::uint64_t only_small_arrive(const Facts& facts, const EndpointFacts& endpoint) {
  const auto& sockets = facts.picture.sockets;
  return static_cast<std::uint64_t>(std::count_if(sockets.begin(), sockets.end(), [&](const model::SocketStory& s) {
    return s.endpoint == endpoint.index && no_full_segment_arrived(facts, s);
  }));
}

Severity severity_of(const Seconds& seconds, const EndpointFacts& endpoint, const Loss& loss) {
  if (loss.towards == Towards::kUs) return is_bulk(seconds.picture) ? Severity::kNotice : Severity::kWarning;
  const std::uint64_t failed = failed_by_it(seconds.facts, endpoint);
  // A bulk transfer finds the limit of its path by losing segments.
  if (is_bulk(seconds.picture) && failed == 0 && loss.timeouts < kTimeoutsOfLoss) return Severity::kNotice;
  return std::max(Severity::kWarning, common_severity(failed, attempts_of(endpoint, Of::kExchanges, failed)));
}

Grade grade_of(const Seconds& seconds, const Loss& loss) {
  const model::Totals& totals = seconds.picture.totals;
  Grade grade(Confidence::kHigh);
  if (loss.towards == Towards::kUs) {
    if (seconds.picture.path_queue_in_missing == "no_timestamps") {
      grade.at_most(Confidence::kMedium, "Without TCP timestamps it is told by time alone that they were sent again.");
    }
  } else if (mostly_spurious(totals)) {
    grade.at_most(Confidence::kLow,
                  "Most of what was sent again had arrived after all: reordering or delay, not loss.");
  } else if (!totals.retransmit_failures.busy) {
    grade.at_most(Confidence::kMedium,
                  "This kernel does not tell whether retransmissions found their first copy still in this host.");
  } else if (*totals.retransmit_failures.busy > 0) {
    grade.at_most(Confidence::kMedium, fmt::format("In {} the first copy had not left this host.",
                                                   number_of(*totals.retransmit_failures.busy, "case")));
  }
  const auto& sent = totals.segments_sent;
  if (loss.towards == Towards::kPeer && !loss.by_timeouts() && sent && loss.of && *loss.of < *sent) {
    grade.step_down("How many segments carried data is worked out from bytes and exchanges.");
  }
  common_steps(grade, seconds.facts, Feed::kDelays, std::max<std::uint64_t>(loss.segments, loss.timeouts));
  return grade;
}

void add_evidence(model::Finding& finding, const model::EndpointPicture& picture, const Loss& loss,
                  std::uint64_t only_small) {
  const model::Totals& totals = picture.totals;
  const bool out = loss.towards == Towards::kPeer;
  model::Histogram delays;
  for (const auto kind : {RetransmitKind::kRto, RetransmitKind::kFast, RetransmitKind::kTlp, RetransmitKind::kOther}) {
    if (const model::Histogram* delay = picture.measured(model::delay_of(kind))) delays.merge(*delay);
  }
  add(finding, kDirection, std::string(out ? "out" : "in"));
  add(finding, kRetransmittedSegments, totals.retransmitted_segments);
  add(finding, kSentSegments, out ? loss.of : totals.segments_sent);
  add(finding, kSegmentsLostPct, loss.pct);
  add(finding, kRtoCount, events_of(totals, RetransmitKind::kRto));
  add(finding, kFastCount, events_of(totals, RetransmitKind::kFast));
  add(finding, kTlpCount, events_of(totals, RetransmitKind::kTlp));
  add(finding, kSynCount, events_of(totals, RetransmitKind::kSyn));
  add(finding, kSpuriousCount, totals.spurious_retransmits);
  add(finding, kRetransmitFailuresBusy, totals.retransmit_failures.busy);
  add(finding, kOutOfOrderSegments, totals.out_of_order_segments);
  add(finding, kRecoveredSegments, totals.recovered_in);
  add(finding, kReorderedSegments, totals.reordered_in);
  add(finding, kOnlySmallArrive, out ? std::optional(only_small) : std::nullopt);
  add(finding, kRetransmitDelayP50Us, delays.percentile(0.5));
  add(finding, kRecoveryP99Us, percentile(picture, model::Measure::kRecovery, 0.99));
  const auto bursts = out ? burst_loss(picture, loss.pct.value_or(0)) : std::nullopt;
  add(finding, kLostAgainPct, bursts ? share_pct(bursts->lost_again, bursts->sent_again) : std::nullopt);
}

// One exchange waited for each segment that was sent again 100 ms or more after the first time; of those that the peer
// sent again the times are not known.
std::uint64_t delayed_by(const model::EndpointPicture& picture, const Loss& loss) {
  if (loss.towards == Towards::kUs) return delayed_by_loss(picture, Way::kIn, loss.segments);
  std::uint64_t late = 0;
  for (const auto kind : {RetransmitKind::kRto, RetransmitKind::kFast, RetransmitKind::kTlp, RetransmitKind::kOther}) {
    const model::Histogram* delay = picture.measured(model::delay_of(kind));
    if (delay != nullptr) late += at_least(*delay, static_cast<std::uint64_t>(model::microseconds(kDelayed)));
  }
  return delayed_by_loss(picture, Way::kOut, late);
}

// Loss by chance hits what is sent again as it hits what is sent first.
std::string burst_words(const Seconds& seconds, const Loss& loss) {
  const auto bursts = burst_loss(seconds.picture, loss.pct.value_or(0));
  if (!bursts || 2 * path_delay(seconds).queued_s > seconds.busy_s()) return {};
  return fmt::format(
      " Of what was sent again {} was lost again; chance takes the same part of both. So packets that come at once are "
      "dropped, not queued: a policer (so many packets or bytes a second) or a buffer of a few packets does that, or a "
      "path that fails for moments.",
      percent(share_pct(bursts->lost_again, bursts->sent_again).value_or(0)));
}

// Of its own retransmissions, all but those of handshakes.
void place_on_sockets(Judged& judged, const Facts& facts, const EndpointFacts& endpoint) {
  const auto of = [](const model::RetransmitCounts& counts) {
    std::uint64_t sum = 0;
    for (const auto kind :
         {RetransmitKind::kRto, RetransmitKind::kFast, RetransmitKind::kTlp, RetransmitKind::kOther}) {
      sum += counts[static_cast<std::size_t>(kind)];
    }
    return sum;
  };
  judged.on_all = of(endpoint.picture->totals.retransmits);
  for (std::size_t i = 0; i < facts.picture.sockets.size(); ++i) {
    const model::SocketStory& story = facts.picture.sockets[i];
    if (story.endpoint != endpoint.index) continue;
    if (const std::uint64_t n = of(story.retransmits); n > 0) judged.on_sockets.emplace_back(i, n);
  }
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint, const Loss& loss) {
  if (!loss.counts()) return std::nullopt;
  const bool out = loss.towards == Towards::kPeer;
  const model::EndpointPicture& picture = seconds.picture;
  Judged judged = start_delay(kRetransmitLoss.code, endpoint, seconds, seconds_of(seconds, loss));
  model::Finding& finding = judged.finding;
  judged.split = out ? "out" : "in";
  if (out) place_on_sockets(judged, seconds.facts, endpoint);
  finding.count = std::max<std::uint64_t>(std::max(loss.segments, loss.timeouts), 1);
  finding.severity = severity_of(seconds, endpoint, loss);
  judged.may_be_raised = finding.severity > Severity::kNotice;
  grade_of(seconds, loss).write_to(finding);
  const std::uint64_t only_small = out ? only_small_arrive(seconds.facts, endpoint) : 0;
  add_evidence(finding, picture, loss, only_small);
  if (!is_bulk(picture)) set_delayed(judged, endpoint, delayed_by(picture, loss));

  const std::string name = picture.key.at.to_string();
  const std::string share = loss.pct ? fmt::format(" ({})", percent(*loss.pct)) : std::string();
  const std::string part = loss.of ? fmt::format("{} of {}", loss.segments, number_of(*loss.of, "segment"))
                                   : number_of(loss.segments, "segment");
  if (out) {
    finding.title = fmt::format("segments to {} are lost{}", name, share);
    finding.explanation = fmt::format("This host had to send {}{} to {} again", part, share, name);
    if (loss.timeouts > 0) {
      finding.explanation += fmt::format(", {} only after a timeout", number_of(loss.timeouts, "time"));
    }
    finding.explanation += "." + burst_words(seconds, loss);
    if (mostly_spurious(picture.totals)) {
      finding.explanation += " Most of that had arrived after all (DSACK): it was late or out of order, not lost.";
    }
    if (only_small > 0) {
      finding.explanation += fmt::format(
          " On {} no segment of full size was acknowledged, whatever often it was sent, while small ones were: the "
          "path "
          "carries less than its ends believe (MTU), and the ICMP message that says so is lost.",
          number_of(only_small, "connection"));
      add_full_size_step(finding, seconds.facts, endpoint);
    }
  } else {
    finding.title = fmt::format("segments from {} are lost{}", name, share);
    finding.explanation = fmt::format(
        "{}{} from {} came only after later ones, as second copies: they had been lost on the way, and the peer sent "
        "them again.",
        part, share, name);
    if (picture.totals.reordered_in.value_or(0) > 0) {
      finding.explanation += fmt::format(" Another {} came out of order and were not lost.",
                                         number_of(*picture.totals.reordered_in, "segment"));
    }
  }
  const auto& at = picture.key.at;
  add_step(finding, Whose::kUs, "look for loss on the path, in both directions",
           endpoint.outbound() ? fmt::format("mtr -n -T -P {} {}", at.port, at.address.to_string()) : std::string());
  add_step(finding, Whose::kUs, "drops and errors of this host's own device",
           picture.device.empty() ? std::string() : fmt::format("ip -s link show dev {}", picture.device));
  add_step(finding, Whose::kPeer, "drops at the peer's side, and its bandwidth metrics (OutAllowance in a cloud)");
  finding.disproved_by =
      out ? "the peer reports as many duplicate segments (DSACK) as were sent again: none was lost; or "
            "they never left this host"
          : "a capture at the peer shows that it sent none of them twice";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const EndpointFacts& endpoint : facts.endpoints) {
    const Seconds seconds(facts, endpoint);
    for (const Loss& loss : {outgoing(facts, endpoint), incoming(endpoint.picture->totals)}) {
      if (auto judged = judge(seconds, endpoint, loss)) result.push_back(std::move(*judged));
    }
  }
  return result;
}

// Loss towards this host: what it sent again itself says nothing of it.
void word_loss_in(EvidenceReader& e, Rows& out) {
  const auto recovered = e.count(kRecoveredSegments);
  const auto loss = e.number(kSegmentsLostPct);
  out.push_back({"direction", "towards this host"});
  if (recovered) {
    out.push_back({"sent again", fmt::format("{} segments came as second copies{}", *recovered,
                                             loss ? fmt::format(" ({})", percent(*loss)) : "")});
  }
  out.push_back({"out of order", e.some(kOutOfOrderSegments, "segments received")});
  out.push_back({"merely late", e.some(kReorderedSegments, "segments")});
  e.skip({kOnlySmallArrive});
  e.skip({kRetransmittedSegments, kSentSegments, kRtoCount, kFastCount, kTlpCount, kSynCount, kSpuriousCount,
          kRetransmitFailuresBusy, kRetransmitDelayP50Us, kRecoveryP99Us, kLostAgainPct});
}

void word_loss_out(EvidenceReader& e, Rows& out) {
  const auto lost = e.count(kRetransmittedSegments);
  const auto sent = e.count(kSentSegments);
  const auto loss = e.number(kSegmentsLostPct);
  const std::string direction = e.text(kDirection);
  out.push_back({"direction", direction == "out" ? "from this host" : direction});
  if (lost) {
    out.push_back({"retransmitted", fmt::format("{}{}{}", *lost, sent ? fmt::format(" of {} segments", *sent) : "",
                                                loss ? fmt::format(" ({})", percent(*loss)) : "")});
  }
  const std::string rto = e.some(kRtoCount, "by timeout");
  const std::string fast = e.some(kFastCount, "fast");
  const std::string tlp = e.some(kTlpCount, "tail probes");
  const std::string syn = e.some(kSynCount, "SYN");
  out.push_back({"kinds", list_of({rto, fast, tlp, syn})});
  out.push_back({"spurious", e.some(kSpuriousCount, "had arrived after all (DSACK)")});
  if (const auto again = e.number(kLostAgainPct)) {
    out.push_back({"bursts", percent(*again) + " of what timers sent again was lost again"});
  }
  out.push_back(
      {"never left here", e.some(kRetransmitFailuresBusy, "retransmissions found the first copy still here")});
  out.push_back({"out of order", e.some(kOutOfOrderSegments, "segments received")});
  out.push_back({"only small ones arrive", e.some(kOnlySmallArrive, "connections")});
  e.skip({kRecoveredSegments, kReorderedSegments});
  const std::vector<std::string> delays = e.together({kRetransmitDelayP50Us, kRecoveryP99Us});
  out.push_back({"delay", list_of({with("", delays[0], " till the retransmission (p50)"),
                                   with("", delays[1], " till repaired (p99)")})});
}

void word_evidence(EvidenceReader& e, Rows& out) {
  if (e.text(kDirection) == "in") {
    word_loss_in(e, out);
  } else {
    word_loss_out(e, out);
  }
}

// A call waits for what is sent again.
constexpr std::array kEffects = {Effect{&kResponseTimeout, Shared::kEndpoint},
                                 Effect{&kPeerResetAwaitingResponse, Shared::kEndpoint},
                                 Effect{&kSlowConnect, Shared::kEndpoint}};

}  // namespace
}  // namespace retransmit_loss

const Rule kRetransmitLoss{
    .code = "retransmit-loss",
    .family = model::Family::kPath,
    .judge_picture = retransmit_loss::judge_picture,
    .evidence = retransmit_loss::kEvidence,
    .word_evidence = retransmit_loss::word_evidence,
    .effects = retransmit_loss::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
