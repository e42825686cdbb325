// SPDX-License-Identifier: Apache-2.0
// throughput-ceiling: while the path was queued, one direction carried the same bytes every second and never more. That
// is what a token bucket does (a cloud's bandwidth allowance, a shaper); the queue is what does not fit. Or nothing was
// queued, and what does not fit was dropped: a policer.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "diagnose/delay.h"
#include "diagnose/path_delay.h"
#include "diagnose/policer.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/baselines.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace throughput_ceiling {
namespace {

using model::Confidence;
using model::Role;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kDirection{"direction"};
constexpr EvidenceKey kCeilingWireBitPerS{"ceiling_wire_bit_per_s"};
constexpr EvidenceKey kCeilingPayloadBitPerS{"ceiling_payload_bit_per_s"};
constexpr EvidenceKey kSpreadPct{"spread_pct"};
constexpr EvidenceKey kSecondsAtCeiling{"ceiling_seconds"};
constexpr EvidenceKey kExchangesPerS{"exchanges_per_s"};
constexpr EvidenceKey kMeanResponseBytes{"mean_response_bytes"};
constexpr EvidenceKey kPossibleExchangesPerS{"possible_exchanges_per_s"};
constexpr EvidenceKey kBaselineCandidates{"baseline_candidates"};
constexpr EvidenceKey kPeerTypeGiven{"peer_type_given"};
constexpr EvidenceKey kPeerTypeDeviationPct{"peer_type_deviation_pct"};
constexpr EvidenceKey kMode{"mode"};
constexpr EvidenceKey kPacketsPerS{"packets_per_s"};
constexpr EvidenceKey kLostPct{"loss_pct"};
constexpr std::array kEvidence = {kDirection,
                                  kCeilingWireBitPerS,
                                  kCeilingPayloadBitPerS,
                                  kSpreadPct,
                                  kSecondsAtCeiling,
                                  kExchangesPerS,
                                  kMeanResponseBytes,
                                  kPossibleExchangesPerS,
                                  kBaselineCandidates,
                                  kPeerTypeGiven,
                                  kPeerTypeDeviationPct,
                                  kMode,
                                  kPacketsPerS,
                                  kLostPct,
                                  kProofs};

// Who sends in this direction, and what.
struct Sender {
  bool responses;       // else requests
  std::string subject;  // "10.0.0.1:6379 sends"
};

Sender sender_of(const model::EndpointPicture& picture, Way way) {
  const std::string name = picture.key.at.to_string();
  const bool outbound = picture.key.role == Role::kOutbound;
  if (way == Way::kOut) return {!outbound, outbound ? fmt::format("This host sends {}", name) : name + " sends"};
  return {outbound, outbound ? name + " sends" : fmt::format("The clients of {} send", name)};
}

double wire_bytes(const Seconds& seconds, double payload, double mss) {
  return payload + std::max(1.0, std::ceil(payload / mss)) * seconds.picture.wire_header_bytes;
}

// A segment for each that the bucket lets through; pure ACKs the other way do not use it.
std::optional<double> possible_per_s(const Seconds& seconds, const SteadyRate& rate, std::optional<double> payload,
                                     double mss) {
  if (!payload || *payload <= 0) return std::nullopt;
  return rate.wire_bytes_per_s / wire_bytes(seconds, *payload, mss);
}

// What the path waits for and what it does not: this host and its application are named only when they were measured.
std::string not_here(const model::EndpointPicture& picture) {
  const auto below = [&](model::Measure measure, model::Duration limit) {
    const auto p50 = percentile(picture, measure, 0.5);
    return p50 && *p50 < static_cast<std::uint64_t>(model::microseconds(limit));
  };
  const bool host = below(model::Measure::kHostQueue, kHostQueue);
  const bool application = below(model::Measure::kReadWait, kReadWait);
  if (host && application) return "; the host and the application do not";
  if (host) return "; the host does not";
  return application ? "; the application does not" : "";
}

// The ceiling against the limits of known instance types. A number alone never names one: many types share each.
struct Compared {
  std::vector<model::BaselineCandidate> candidates;
  std::string given;                               // --peer-instance; empty: not given, or this is not the peer's limit
  const knowledge::Baseline* given_row = nullptr;  // null: not in the table
  std::optional<double> given_deviation_pct;

  bool given_fits() const { return given_deviation_pct && std::abs(*given_deviation_pct) <= 100 * kBaselineTolerance; }
};

// Of the rate from the baseline, in thousandths of a percent.
double deviation_pct(double bit_per_s, const knowledge::Baseline& row) {
  return std::round(1e5 * (bit_per_s / static_cast<double>(row.baseline_bit_per_s) - 1)) / 1e3;
}

Compared compare(const Seconds& seconds, const SteadyRate& rate) {
  Compared compared;
  const double bit_per_s = 8 * rate.wire_bytes_per_s;
  for (const knowledge::Baseline* row : knowledge::baselines_near(bit_per_s, kBaselineTolerance)) {
    compared.candidates.push_back({std::string(row->type), row->baseline_bit_per_s, deviation_pct(bit_per_s, *row),
                                   std::string(knowledge::baselines_date())});
  }
  // What is given is the type of the host that was connected to.
  if (seconds.picture.key.role != Role::kOutbound) return compared;
  compared.given = seconds.facts.picture.start.peer_instance;
  compared.given_row = compared.given.empty() ? nullptr : knowledge::find_baseline(compared.given);
  if (compared.given_row != nullptr) compared.given_deviation_pct = deviation_pct(bit_per_s, *compared.given_row);
  return compared;
}

std::string given_words(const Compared& compared) {
  if (compared.given.empty()) return {};
  if (compared.given_row == nullptr) {
    return fmt::format(" The type given for the peer, {}, is not in the table of {}.", compared.given,
                       knowledge::baselines_date());
  }
  return fmt::format(" The type given for the peer, {}, has {} all the time: the ceiling {} ({:+.1f} %).",
                     compared.given_row->type, bit_rate(static_cast<double>(compared.given_row->baseline_bit_per_s)),
                     compared.given_fits() ? "is that limit" : "is another limit", *compared.given_deviation_pct);
}

Grade grade_of(const Seconds& seconds, const PathDelay& delay, const SteadyRate& rate, const Compared& compared) {
  Grade grade(Confidence::kHigh);
  if (compared.given_row != nullptr && !compared.given_fits()) {
    grade.at_most(Confidence::kMedium,
                  fmt::format("The baseline of the type given for the peer is {}.",
                              bit_rate(static_cast<double>(compared.given_row->baseline_bit_per_s))));
  } else if (compared.candidates.empty()) {
    grade.at_most(Confidence::kMedium, "No known instance type has this baseline bandwidth.");
  }
  if (static_cast<double>(seconds.seconds_in(rate.seconds)) < kCeilingSecondsForBaseline) {
    grade.at_most(Confidence::kMedium, fmt::format("Seen for {} s only; {:.0f} s would show that it lasts.",
                                                   seconds.seconds_in(rate.seconds), kCeilingSecondsForBaseline));
  }
  if (!delay.found() && delay.standing_queue) {
    grade.at_most(Confidence::kMedium,
                  "That the path, and not the peer's application, is the limit is known from a short queue that stands "
                  "and drops.");
  } else if (delay.by_trains_alone() || !delay.found()) {
    grade.at_most(Confidence::kMedium,
                  "That the path, and not the peer's application, is the limit is known from the spacing of segments "
                  "alone.");
  }
  if (delay.full_pipe || delay.loss_alike) {
    grade.at_most(Confidence::kMedium,
                  "That the path, and not the peer's application, is slow is inferred from loss and a full pipe.");
  }
  if (!delay.one_way && !delay.clean && !delay.syn && delay.absent_acks && !absent_acks_are_sure(seconds, delay)) {
    grade.at_most(Confidence::kMedium,
                  "That the path, and not the peer's application, is slow is known from absent acknowledgements alone, "
                  "and the peer is not known to be a Linux host.");
  }
  floor_step(grade, seconds.picture);
  delay_steps(grade, seconds.facts, seconds.seconds_in(rate.seconds), "seconds at the ceiling");
  return grade;
}

Severity severity_of(const Seconds& seconds, const PathDelay& delay, std::uint64_t delayed) {
  if (is_bulk(seconds.picture) || !delay.found()) return Severity::kNotice;
  const auto limit = static_cast<std::uint64_t>(model::microseconds(kDelayed));
  const std::uint64_t floor = seconds.picture.rtt_floor_us.value_or(0);
  const std::uint64_t enough = std::max<std::uint64_t>(limit, (kDelayedFloors - 1) * floor);
  const bool waits = delay.rise_p50_us.value_or(0) >= enough && users_wait(seconds, delay.queued, delayed);
  return waits ? Severity::kCritical : Severity::kWarning;
}

std::string metric_of(Way way) { return way == Way::kIn ? "Out" : "In"; }

void add_next_steps(model::Finding& finding, const Seconds& seconds, const SteadyRate& rate, const Sender& sender,
                    std::optional<double> size, double mss) {
  const bool outbound = seconds.picture.key.role == Role::kOutbound;
  if (outbound) {
    add_step(finding, Whose::kCloud,
             fmt::format("CloudWatch of that node: NetworkBandwidth{}AllowanceExceeded (ElastiCache), or {} in "
                         "\"ethtool -S\" on that host (EC2)",
                         metric_of(rate.way),
                         rate.way == Way::kIn ? "bw_out_allowance_exceeded" : "bw_in_allowance_exceeded"));
  }
  if (!outbound || rate.way == Way::kOut) {
    add_step(finding, Whose::kUs, "this host's own limit: its allowance counters",
             allowance_command(seconds.picture.device));
  }
  if (size && *size >= 4096) {
    const double smaller = *size / 4;
    add_step(finding, Whose::kUs,
             fmt::format("smaller or fewer {}: at {} it carries about {:.0f} /s",
                         sender.responses ? "responses" : "requests", bytes(smaller),
                         rate.wire_bytes_per_s / wire_bytes(seconds, smaller, mss)));
  } else {
    add_step(finding, Whose::kUs, fmt::format("fewer {}", sender.responses ? "responses" : "requests"));
  }
  add_step(finding, Whose::kCloud, "a node with more bandwidth, or more nodes");
  if (near_connection_limit(seconds.picture)) add_connection_limit_step(finding, seconds.picture);
}

// What a queue and a policer have in common.
void add_evidence(model::Finding& finding, const Seconds& seconds, const SteadyRate& rate, const Compared& compared,
                  std::optional<double> possible) {
  const model::EndpointPicture& picture = seconds.picture;
  add(finding, kDirection, std::string(rate.way == Way::kIn ? "in" : "out"));
  add(finding, kCeilingWireBitPerS, std::optional(8 * rate.wire_bytes_per_s));
  add(finding, kCeilingPayloadBitPerS, std::optional(8 * rate.payload_bytes_per_s));
  add(finding, kSpreadPct, std::optional(rate.spread_pct));
  add(finding, kSecondsAtCeiling, seconds.seconds_in(rate.seconds));
  add(finding, kExchangesPerS, std::optional(rate.exchanges_per_s));
  add(finding, kMeanResponseBytes,
      picture.mean_response_bytes
          ? std::optional(static_cast<std::uint64_t>(std::llround(*picture.mean_response_bytes)))
          : std::nullopt);
  add(finding, kPossibleExchangesPerS, possible);
  add(finding, kBaselineCandidates, compared.candidates);
  if (compared.given.empty()) {
    add_null(finding, kPeerTypeGiven);
  } else {
    add(finding, kPeerTypeGiven, compared.given);
  }
  add(finding, kPeerTypeDeviationPct, compared.given_deviation_pct);
}

std::optional<Judged> judge_queue(const Seconds& seconds, const EndpointFacts& endpoint, const PathDelay& delay) {
  // Full by its trains, with a queue that nobody feels: also that is a limit.
  const bool queued = delay.found();
  const auto rate = steady_rate(seconds, queued ? delay.queued : delay.full);
  if (!rate) return std::nullopt;
  // The queue is in the direction that is full.
  if (queued ? delay.way && *delay.way != rate->way : rate->way != Way::kIn) return std::nullopt;
  const bool bulk = is_bulk(seconds.picture);
  if (!bulk && rate->exchanges_per_s < kCeilingExchangesPerSecond) return std::nullopt;
  const Compared compared = compare(seconds, *rate);
  const Grade grade = grade_of(seconds, delay, *rate, compared);
  if (grade.exhausted()) return std::nullopt;

  const model::EndpointPicture& picture = seconds.picture;
  Judged judged = start_delay(kThroughputCeiling.code, endpoint, seconds, rate->seconds);
  model::Finding& finding = judged.finding;
  if (queued) set_delayed(judged, endpoint, delayed_exchanges(seconds, delay.queued));
  finding.severity = severity_of(seconds, delay, judged.delayed);
  judged.may_be_raised = !bulk;
  // What does not fit into the queue before it is dropped there.
  judged.explains_splits = {rate->way == Way::kIn ? "in" : "out"};
  grade.write_to(finding);

  const Sender sender = sender_of(picture, rate->way);
  const auto size = sender.responses ? picture.mean_response_bytes : picture.mean_request_bytes;
  const double mss = mss_of(seconds.facts, endpoint);
  add_evidence(finding, seconds, *rate, compared, possible_per_s(seconds, *rate, size, mss));
  add(finding, kMode, std::string("queue"));
  add_null(finding, kPacketsPerS);
  add_null(finding, kLostPct);
  add(finding, kProofs, proofs_of(seconds, delay));

  const std::string limit = bit_rate(8 * rate->wire_bytes_per_s);
  const std::string wait = duration(delay.rise_p50_us.value_or(0));
  const char* what = sender.responses ? "responses" : "requests";
  const std::string sized = size && !bulk ? fmt::format("{} {}", bytes(*size), what) : "data";
  finding.title = fmt::format("{} at most {}", sender.subject, limit);
  finding.explanation = fmt::format("{} at most {}. ", sender.subject, limit);
  if (queued) {
    finding.explanation += fmt::format("Its {} wait{} about {} in a queue on the network path{}.", sized,
                                       sized == "data" ? "s" : "", wait, not_here(picture));
  } else if (delay.standing_queue) {
    finding.explanation +=
        "A short queue on the network path is always full and drops the rest: what is lost costs the time, not the "
        "wait in it.";
  } else {
    finding.explanation +=
        "What it sends at once comes one by one, at that rate: the path is full, though nothing waits for it long "
        "enough to be felt.";
  }
  finding.explanation += given_words(compared);
  add_next_steps(finding, seconds, *rate, sender, size, mss);
  finding.disproved_by =
      "that metric stays 0 in these seconds, or another host gets more from this peer at the same time";
  return judged;
}

// "67 Mbit/s"; where packets are counted, "3000 packets a second".
std::string limit_words(const Policed& policer) {
  if (policer.counts_packets) return fmt::format("{} packets a second", rate(policer.packets_per_s));
  return bit_rate(8 * policer.rate.wire_bytes_per_s);
}

Grade grade_of(const Seconds& seconds, const Policed& policer) {
  Grade grade(Confidence::kMedium);
  grade.at_most(
      Confidence::kMedium,
      fmt::format("That it is a limit is inferred from a steady rate, loss and no queue; {} is the average of a "
                  "second, and a policer with a small bucket drops bursts below its rate.",
                  limit_words(policer)));
  delay_steps(grade, seconds.facts, seconds.seconds_in(policer.rate.seconds), "seconds at the ceiling");
  return grade;
}

void add_policer_steps(model::Finding& finding, const Seconds& seconds, const Policed& policer, const Sender& sender) {
  const bool outbound = seconds.picture.key.role == Role::kOutbound;
  const bool in = policer.rate.way == Way::kIn;
  add_step(finding, Whose::kCloud,
           "which hop polices: rate limits of firewalls, links and virtual routers on the way, and a node's allowance "
           "counters (bandwidth, packets per second) in the same seconds");
  if (!outbound || !in) {
    add_step(finding, Whose::kUs, "this host's own limit: its allowance counters",
             allowance_command(seconds.picture.device));
  }
  add_step(finding, in == outbound ? Whose::kPeer : Whose::kUs,
           fmt::format("pace what is sent below that limit, so that it waits and is not lost (fq, tbf), or send {}",
                       policer.counts_packets ? "fewer, larger packets"
                       : sender.responses     ? "smaller or fewer responses"
                                              : "smaller or fewer requests"));
}

std::optional<Judged> judge_policer(const Seconds& seconds, const EndpointFacts& endpoint, const PathDelay& delay) {
  const auto policer = policed(seconds, delay);
  if (!policer) return std::nullopt;
  const SteadyRate& rate = policer->rate;
  const model::EndpointPicture& picture = seconds.picture;
  // Bursts are lost below the limit: the average is none.
  if (rate.way == Way::kOut && burst_loss(picture, policer->loss_pct.value_or(0))) return std::nullopt;
  const Grade grade = grade_of(seconds, *policer);
  if (grade.exhausted()) return std::nullopt;
  Judged judged = start_delay(kThroughputCeiling.code, endpoint, seconds, rate.seconds);
  model::Finding& finding = judged.finding;
  const std::uint64_t lost =
      rate.way == Way::kIn ? picture.totals.out_of_order_segments.value_or(0) : picture.totals.retransmitted_segments;
  set_delayed(judged, endpoint, delayed_by_loss(picture, rate.way, lost));
  finding.severity = users_wait(seconds, rate.seconds, judged.delayed) ? Severity::kCritical : Severity::kWarning;
  judged.explains_splits = {rate.way == Way::kIn ? "in" : "out"};
  grade.write_to(finding);

  const Compared compared = compare(seconds, rate);
  add_evidence(finding, seconds, rate, compared, std::nullopt);
  add(finding, kMode, std::string(policer->counts_packets ? "pps" : "police"));
  add(finding, kPacketsPerS, std::optional(policer->packets_per_s));
  add(finding, kLostPct, policer->loss_pct);
  std::vector<std::string> proofs = proofs_of(seconds, delay);
  proofs.emplace_back("steady_loss: decided");
  add(finding, kProofs, proofs);

  const Sender sender = sender_of(picture, rate.way);
  const std::string limit = limit_words(*policer);
  finding.title = fmt::format("{} at most {}: what exceeds it is dropped", sender.subject, limit);
  finding.explanation = fmt::format(
      "{} at most {} through a policer: it drops what exceeds that instead of queueing it. In {} s as much came "
      "through, {} of the segments {}, and nothing waited in a queue.",
      sender.subject, limit, seconds.seconds_in(rate.seconds), percent(policer->loss_pct.value_or(0)),
      rate.way == Way::kIn ? "came out of order, behind a gap" : "had to be sent again");
  if (judged.delayed > 0) {
    finding.explanation +=
        fmt::format(" {} took 100 ms longer than the median, till what was lost had been sent again.",
                    number_of(judged.delayed, "exchange"));
  }
  finding.explanation += given_words(compared);
  add_policer_steps(finding, seconds, *policer, sender);
  finding.disproved_by =
      "the same load on another path loses as much at another rate (then the loss is a matter of chance)";
  return judged;
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const PathDelay delay = path_delay(seconds);
  auto judged = judge_queue(seconds, endpoint, delay);
  return judged ? std::move(judged) : judge_policer(seconds, endpoint, delay);
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

std::string mean_bytes(std::string_view what, std::optional<double> value) {
  return value ? fmt::format("mean {} {}", what, bytes(*value)) : std::string();
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string mode = e.text(kMode);
  const bool polices = mode == "police" || mode == "pps";
  std::optional<EvidenceReader> queue = polices ? std::nullopt : e.beside(kPathQueueing.code);

  const auto wire = e.number(kCeilingWireBitPerS);
  const auto payload = e.number(kCeilingPayloadBitPerS);
  const auto spread = e.number(kSpreadPct);
  const auto full = e.count(kSecondsAtCeiling);
  const auto busy = queue ? queue->count(kBusySeconds) : std::nullopt;
  if (wire) {
    const std::string of = busy && full && *busy >= *full ? fmt::format(" of {}", *busy) : "";
    const std::string inside = payload ? fmt::format(" ({} payload)", bit_rate(*payload)) : "";
    const std::string steady = spread ? ", steady within " + percent(*spread) : "";
    const std::string time =
        full ? fmt::format(" in {}{} s{}", *full, of, polices ? "" : " while the queue was full") : "";
    out.push_back({e.text(kDirection) == "out" ? "sent" : "received",
                   fmt::format("{} with headers{}{}{}", bit_rate(*wire), inside, steady, time)});
  }

  const auto packets = e.number(kPacketsPerS);
  const auto lost = e.number(kLostPct);
  if (polices) {
    out.push_back({"policer", list_of({packets ? rate(*packets) + " packets/s came through" : "",
                                       lost ? percent(*lost) + " were lost" : "", "nothing queued"})});
  }

  const auto served = e.number(kExchangesPerS);
  const auto response = e.number(kMeanResponseBytes);
  const model::EndpointPicture* endpoint = e.endpoint();
  out.push_back(
      {"exchanges", list_of({served ? rate(*served) + " /s" : "",
                             mean_bytes("request", endpoint == nullptr ? std::nullopt : endpoint->mean_request_bytes),
                             mean_bytes("response", response)})});
  if (queue) {
    word_path_queue(*queue, out);
  } else if (endpoint != nullptr && endpoint->rtt_floor_us) {
    out.push_back({"RTT floor", floor_words(static_cast<double>(*endpoint->rtt_floor_us), endpoint->rtt_floor_source)});
  }

  out.push_back({"fits baseline", e.text(kBaselineCandidates)});
  const auto deviation = e.number(kPeerTypeDeviationPct);
  out.push_back(
      {"peer's type", with("", e.text(kPeerTypeGiven),
                           deviation ? fmt::format(", as given; the rate is {:+.1f} % from its baseline", *deviation)
                                     : std::string(", as given"))});
  if (const auto possible = e.number(kPossibleExchangesPerS)) {
    out.push_back({"carries", fmt::format("{} responses/s of this size{}", rate(*possible),
                                          served ? fmt::format("; {} were served", rate(*served)) : "")});
  }
  word_proofs(e, out);
}

// A limit fills the queue before it. That queue is part of its own evidence. What fits into no queue is lost.
constexpr std::array kEffects = {Effect{&kPathQueueing, Shared::kEndpoint, true},
                                 Effect{&kRetransmitLoss, Shared::kSplit}};

}  // namespace
}  // namespace throughput_ceiling

const Rule kThroughputCeiling{
    .code = "throughput-ceiling",
    .family = model::Family::kPath,
    .judge_picture = throughput_ceiling::judge_picture,
    .evidence = throughput_ceiling::kEvidence,
    .word_evidence = throughput_ceiling::word_evidence,
    .effects = throughput_ceiling::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
