// SPDX-License-Identifier: Apache-2.0
// path-queueing: segments waited in a queue of the network path between the two hosts, not in either of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/delay.h"
#include "diagnose/path_delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace path_queueing {
namespace {

using model::Confidence;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kPathQueueInP50Us{"path_queue_in_p50_us"};
constexpr EvidenceKey kPathQueueInP99Us{"path_queue_in_p99_us"};
constexpr EvidenceKey kPathQueueP99Us{"path_queue_p99_us"};
constexpr EvidenceKey kQueuedSeconds{"queued_seconds"};
constexpr EvidenceKey kLongestRunS{"longest_run_s"};
constexpr EvidenceKey kPattern{"pattern"};
constexpr EvidenceKey kFlows{"flows"};
constexpr EvidenceKey kAgreeingFlowsPct{"flows_agree_pct"};
constexpr EvidenceKey kSynRttP50Us{"syn_rtt_p50_us"};
constexpr EvidenceKey kDirection{"direction"};
constexpr EvidenceKey kAcksAwaitedCount{"acks_awaited_count"};
constexpr EvidenceKey kAcksApartCount{"acks_apart_count"};
constexpr std::array kEvidence = {
    kRttFloorUs,    kRttFloorSource, kPathQueueInP50Us, kPathQueueInP99Us, kPathQueueP50Us, kPathQueueP99Us,
    kQueuedSeconds, kBusySeconds,    kLongestRunS,      kPattern,          kFlows,          kAgreeingFlowsPct,
    kSynRttP50Us,   kDirection,      kAcksAwaitedCount, kAcksApartCount,   kProofs};

bool is_sustained(const Seconds& seconds, const PathDelay& delay) {
  if (static_cast<double>(delay.queued_s) < kQueuedForWarning) return false;
  return seconds.longest_run_s(delay.queued) >= kSustainedRun ||
         static_cast<double>(delay.queued_s) >= kSustainedShare * static_cast<double>(delay.busy_s);
}

// Queued seconds in which half of the samples rose by 100 ms and by 4 floors: such exchanges take over 5 floors.
Marks waited(const Seconds& seconds, const PathDelay& delay) {
  const std::uint64_t floor = seconds.picture.rtt_floor_us.value_or(0);
  const std::uint64_t rise =
      std::max<std::uint64_t>(static_cast<std::uint64_t>(model::microseconds(kDelayed)), (kDelayedFloors - 1) * floor);
  Marks marks = seconds.none();
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const model::Second& second = seconds[i];
    const bool one_way = second.path_queue_in_p50_us.value_or(0) >= rise;
    const bool round_trip = second.path_rtt_p50_us.value_or(0) >= floor + rise;
    marks[i] = delay.queued[i] && (one_way || round_trip);
  }
  return marks;
}

const char* way_word(const PathDelay& delay) {
  if (!delay.way) return "unknown";
  return *delay.way == Way::kIn ? "in" : "out";
}

Grade grade_of(const Seconds& seconds, const PathDelay& delay) {
  Grade grade(Confidence::kHigh);
  const auto& agree = seconds.picture.flows_agree_pct;
  const bool beyond_delayed_ack =
      delay.rise_p50_us.value_or(0) > static_cast<std::uint64_t>(model::microseconds(kDelayedAckMost));
  if (delay.full_pipe) {
    grade.at_most(Confidence::kMedium,
                  "No sample could tell the path from the peer's application by itself; it is inferred from a pipe "
                  "that is full to the byte, loses segments and delays acknowledgements by more than a kernel does.");
  } else if (delay.loss_alike) {
    grade.at_most(Confidence::kMedium,
                  "No sample could tell the path from the peer's application by itself; it is inferred from the loss "
                  "that came and went with the delay.");
  } else if (delay.by_trains_alone()) {
    grade.at_most(
        Confidence::kMedium,
        "That the path, and not the peer's application, is slow is known from the spacing of segments alone.");
  } else if (!delay.one_way &&
             !((delay.clean || delay.syn || absent_acks_are_sure(seconds, delay)) && beyond_delayed_ack)) {
    grade.at_most(Confidence::kMedium,
                  "Neither the peer's timestamps nor an acknowledgement without data or a handshake show it beyond the "
                  "time for which a kernel may delay an acknowledgement.");
  }
  if (!agree) {
    grade.at_most(Confidence::kMedium, "Too few samples for each connection to see whether all of them were delayed.");
  } else if (*agree < kFlowsAgreePct) {
    grade.at_most(Confidence::kMedium, fmt::format("Only {} of the connections were delayed alike.", percent(*agree)));
  }
  if (delay.syn_flat) {
    grade.step_down("Handshakes in the same seconds were as fast as on an empty path.");
  }
  floor_step(grade, seconds.picture);
  delay_steps(grade, seconds.facts, delay.queued_s, "queued seconds");
  return grade;
}

Severity severity_of(const Seconds& seconds, const PathDelay& delay, const Judged& judged,
                     const EndpointFacts& endpoint, bool sustained) {
  if (is_bulk(seconds.picture)) return Severity::kNotice;
  if (users_wait(seconds, waited(seconds, delay), judged.delayed)) return Severity::kCritical;
  if (static_cast<double>(delay.queued_s) < kQueuedForWarning) return Severity::kNotice;
  const bool hurt = seconds.sum(delay.queued, &model::Second::retransmits_rto) > 0 ||
                    failures_in(seconds.facts, endpoint, judged.seconds) > 0;
  return sustained || hurt ? Severity::kWarning : Severity::kNotice;
}

void add_evidence(model::Finding& finding, const Seconds& seconds, const PathDelay& delay, bool sustained) {
  const model::EndpointPicture& picture = seconds.picture;
  add(finding, kRttFloorUs, picture.rtt_floor_us);
  add(finding, kRttFloorSource, picture.rtt_floor_source);
  add(finding, kPathQueueInP50Us, percentile(picture, model::Measure::kPathQueueIn, 0.50));
  add(finding, kPathQueueInP99Us, percentile(picture, model::Measure::kPathQueueIn, 0.99));
  add(finding, kPathQueueP50Us, percentile(picture, model::Measure::kPathQueue, 0.50));
  add(finding, kPathQueueP99Us, percentile(picture, model::Measure::kPathQueue, 0.99));
  add(finding, kQueuedSeconds, delay.queued_s);
  add(finding, kBusySeconds, delay.busy_s);
  add(finding, kLongestRunS, std::optional(seconds.longest_run_s(delay.queued)));
  add(finding, kPattern, std::string(sustained ? "sustained" : "microburst"));
  add(finding, kFlows, picture.flows);
  add(finding, kAgreeingFlowsPct, picture.flows_agree_pct);
  add(finding, kSynRttP50Us, delay.syn_rtt_p50_us);
  add(finding, kDirection, std::string(way_word(delay)));
  add(finding, kAcksAwaitedCount, delay.signs.acks_awaited);
  add(finding, kAcksApartCount, delay.signs.acks_apart);
  add(finding, kProofs, proofs_of(seconds, delay));
}

std::string proof_words(const PathDelay& delay) {
  if (delay.one_way) {
    return "The peer's TCP timestamps show it one way, after its application had answered.";
  }
  if (delay.syn) return "Handshakes, which need no application, were delayed alike.";
  if (delay.clean) return "Acknowledgements that waited for no application were delayed alike.";
  if (delay.absent_acks) {
    return fmt::format(
        "{} of {} acknowledgements came apart from an answer: a slow application is acknowledged apart, after 40 ms.",
        delay.signs.acks_apart == 0 ? "None" : std::to_string(delay.signs.acks_apart), delay.signs.acks_awaited);
  }
  if (delay.trains) {
    return fmt::format(
        "What the peer sent at once came one by one, at {}: as much as came in all, so the path was full ({} trains).",
        bit_rate(8e6 * delay.signs.bytes_per_us()), delay.signs.trains);
  }
  if (delay.beyond_delayed_ack) return "No kernel holds an acknowledgement back for so long.";
  if (delay.loss_alike) return "Segments were lost in the same seconds, and hardly in others.";
  return "The pipe was full in the same seconds and lost segments; a slow application loses none.";
}

void add_next_steps(model::Finding& finding, const Seconds& seconds, const PathDelay& delay) {
  if (!delay.way || *delay.way == Way::kIn) {
    add_step(finding, Whose::kCloud,
             "is the peer's side at its limit: its bandwidth and allowance metrics in the same seconds");
  }
  if (!delay.way || *delay.way == Way::kOut) {
    add_step(finding, Whose::kUs, "is this host at its limit: its own allowance counters",
             allowance_command(seconds.picture.device));
  }
  if (finding.confidence != Confidence::kHigh) add_handshake_step(finding, seconds, delay.queued);
  if (in_container(seconds.facts.picture, seconds.picture)) {
    add_step(finding, Whose::kUs, "on the host outside of this container: backlog and drops of its uplink",
             "tc -s qdisc");
  }
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const PathDelay delay = path_delay(seconds);
  if (!delay.found()) return std::nullopt;
  const bool sustained = is_sustained(seconds, delay);
  Judged judged = start_delay(kPathQueueing.code, endpoint, seconds, delay.queued);
  model::Finding& finding = judged.finding;
  set_delayed(judged, endpoint, delayed_exchanges(seconds, delay.queued));
  finding.severity = severity_of(seconds, delay, judged, endpoint, sustained);
  judged.may_be_raised = !is_bulk(seconds.picture);
  const Grade grade = grade_of(seconds, delay);
  if (grade.exhausted()) return std::nullopt;
  grade.write_to(finding);
  add_evidence(finding, seconds, delay, sustained);

  const std::string name = endpoint.picture->key.at.to_string();
  const std::string wait = duration(delay.rise_p50_us.value_or(0));
  const char* where = !delay.way               ? "between this host and "
                      : *delay.way == Way::kIn ? "towards this host from "
                                               : "from this host towards ";
  finding.title = fmt::format("segments wait about {} in a queue on the network path {}{}", wait, where, name);
  finding.explanation = fmt::format(
      "Segments {}{} waited about {} in a queue on the network path, in {} of {} busy seconds ({}). {}", where, name,
      wait, delay.queued_s, delay.busy_s, sustained ? "sustained" : "a microburst", proof_words(delay));
  add_next_steps(finding, seconds, delay);
  finding.disproved_by =
      "connects in the same seconds take no longer than on an empty path (then it is a delayed acknowledgement or a "
      "slow application of the peer)";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

// "sustained (58 of 60 s)", "microburst (9 of 60 s, 2 s in a row)"
std::string pattern_words(EvidenceReader& e) {
  const std::string pattern = e.text(kPattern);
  const auto queued = e.number(kQueuedSeconds);
  const auto busy = e.count(kBusySeconds);
  const auto run = e.number(kLongestRunS);
  const std::string of = busy ? fmt::format(" of {}", *busy) : "";
  const std::string seconds = queued ? fmt::format("{:.0f}{} s", *queued, of) : "";
  const std::string in_a_row = run && queued && *run < *queued ? fmt::format("{:.0f} s in a row", *run) : "";
  if (pattern.empty()) return list_of({with("in ", seconds), in_a_row});
  return pattern + with(" (", list_of({seconds, in_a_row}), ")");
}

void word_evidence(EvidenceReader& e, Rows& out) {
  word_path_queue(e, out);
  const std::string in = e.p50_p99(kPathQueueInP50Us, kPathQueueInP99Us);
  out.push_back({"one way in", with("", in, ", by the peer's TCP timestamps")});
  const auto awaited = e.count(kAcksAwaitedCount);
  const std::string apart = part_words(e.count(kAcksApartCount), awaited);
  out.push_back({"ACKs apart", awaited > 0U ? apart + " that a slow application would cause" : std::string()});
  out.push_back({"SYN RTT", with("p50 ", e.microseconds(kSynRttP50Us), " in these seconds")});
  const auto flows = e.count(kFlows);
  const auto agree = e.number(kAgreeingFlowsPct);
  out.push_back({"sockets", list_of({flows ? fmt::format("{} measured", *flows) : "",
                                     agree ? percent(*agree) + " of them see the same queue" : ""})});
  const std::string direction = e.text(kDirection);
  out.push_back({"direction", direction == "in"    ? "towards this host"
                              : direction == "out" ? "from this host"
                                                   : direction});
  word_proofs(e, out);
}

// A full queue drops, and a long one makes calls wait.
constexpr std::array kEffects = {Effect{&kRetransmitLoss, Shared::kEndpoint},
                                 Effect{&kResponseTimeout, Shared::kEndpoint}};

}  // namespace
}  // namespace path_queueing

void word_proofs(EvidenceReader& e, Rows& out) {
  std::string decided;
  std::string not_usable;
  for (std::string proof : e.list(kProofs)) {
    std::ranges::replace(proof, '_', ' ');
    const std::size_t colon = proof.find(": ");
    if (colon == std::string::npos) continue;
    const std::string name = proof.substr(0, colon);
    const std::string stand = proof.substr(colon + 2);
    std::string& list = stand == "decided" ? decided : not_usable;
    list += (list.empty() ? "" : ", ") + name + (stand == "decided" ? "" : " (" + stand + ")");
  }
  out.push_back({"proof", decided});
  out.push_back({"no proof by", not_usable});
}

void word_path_queue(EvidenceReader& e, Rows& out) {
  const std::string queue = e.p50_p99(kPathQueueP50Us, path_queueing::kPathQueueP99Us);
  const std::string pattern = path_queueing::pattern_words(e);
  out.push_back({"path queue", list_of({queue, pattern})});
  const auto floor = e.number(kRttFloorUs);
  out.push_back({"RTT floor", floor_words(floor, e.text(kRttFloorSource))});
}

const Rule kPathQueueing{
    .code = "path-queueing",
    .family = model::Family::kPath,
    .judge_picture = path_queueing::judge_picture,
    .evidence = path_queueing::kEvidence,
    .word_evidence = path_queueing::word_evidence,
    .effects = path_queueing::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
