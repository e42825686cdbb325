// SPDX-License-Identifier: Apache-2.0
// delay-unattributed: round trips take longer than the path needs, and nothing here tells the network from the peer's
// application. Said as a notice, so that nobody reads the numbers as proof of either; or answers take long, users wait,
// and no rule knows where: a warning, for the harm is certain.
#include "diagnose/rules/delay_unattributed.h"

#include <fmt/format.h>

#include <array>

#include "diagnose/delay.h"
#include "diagnose/judgement.h"
#include "diagnose/path_delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace delay_unattributed {
namespace {

using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kAmbiguousPct{"ambiguous_pct"};
constexpr EvidenceKey kFirstByteP50Us{"first_byte_p50_us"};
constexpr std::array kEvidence = {kRttFloorUs,   kRttFloorSource, kPathQueueP50Us,
                                  kAmbiguousPct, kFirstByteP50Us, kProofs};

std::string why_unknown(const model::EndpointPicture& picture, bool floor_unknown) {
  if (floor_unknown) {
    return "no round trip of this trace was much shorter, so a long path and a queue that never empties look the same";
  }
  if (picture.path_queue_in_missing == "no_timestamps") {
    return "the peer sends no TCP timestamps, which would show the way from its TCP to this host alone";
  }
  if (picture.path_queue_in_missing == "no_own_floor") {
    return "the connections were open before the trace, so their one-way time without a queue is not known";
  }
  if (picture.path_queue_in_missing == "tick_unknown") {
    return "the clock of the peer's TCP timestamps does not tick at a known rate";
  }
  return "nothing measured here is free of the peer's application";
}

void add_evidence(model::Finding& finding, const model::EndpointPicture& picture, std::optional<double> ambiguous_pct) {
  add(finding, kRttFloorUs, picture.rtt_floor_us);
  add(finding, kRttFloorSource, picture.rtt_floor_source);
  add(finding, kPathQueueP50Us, percentile(picture, model::Measure::kPathQueue, 0.50));
  add(finding, kAmbiguousPct, ambiguous_pct);
  add(finding, kFirstByteP50Us, percentile(picture, model::Measure::kFirstByte, 0.50));
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const PathDelay delay = path_delay(seconds);
  if (delay.found() || count(delay.unproven) < kEnoughObservations) return std::nullopt;
  const model::EndpointPicture& picture = seconds.picture;
  const bool floor_unknown = !delay.floor_trusted;
  Judged judged = start_delay(kDelayUnattributed.code, endpoint, seconds, delay.unproven);
  model::Finding& finding = judged.finding;
  set_delayed(judged, endpoint, delayed_exchanges(seconds, delay.unproven));
  finding.severity = model::Severity::kNotice;

  const std::uint64_t samples = seconds.sum(delay.unproven, &model::Second::path_samples);
  const std::uint64_t ambiguous = seconds.path_signs(delay.unproven).ambiguous;
  add_evidence(finding, picture, share_pct(ambiguous, samples));
  add(finding, kProofs, proofs_of(seconds, delay));

  const std::string why = why_unknown(picture, floor_unknown);
  Grade grade(model::Confidence::kLow);
  grade.at_most(model::Confidence::kLow, fmt::format("It cannot be told where the time passes: {}.", why));
  grade.write_to(finding);

  const std::string name = picture.key.at.to_string();
  const std::string rtt = duration(seconds.p50(delay.unproven, &model::Second::path_rtt_p50_us).value_or(0));
  finding.title = fmt::format("acknowledgements of {} take about {}, network or application", name, rtt);
  finding.explanation = fmt::format(
      "In {} of {} busy seconds acknowledgements from {} took about {}. Whether the network or the peer's "
      "application takes that time cannot be told: {}.",
      seconds.seconds_in(delay.unproven), delay.busy_s, name, rtt, why);
  if (picture.path_queue_in_missing == "no_timestamps") {
    add_step(finding, Whose::kPeer, "turn on TCP timestamps there and here", "sysctl net.ipv4.tcp_timestamps");
  }
  add_handshake_step(finding, seconds, delay.unproven);
  add_step(finding, Whose::kUs,
           "trace from before the delay begins, or give the round-trip time of the empty path (--floor)");
  add_step(finding, Whose::kPeer, "ask the peer for its own time per request (slow log, access log)");
  finding.disproved_by = "the peer's own log shows the same times (then it is its application)";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

void word_evidence(EvidenceReader& e, Rows& out) {
  const auto floor = e.number(kRttFloorUs);
  out.push_back({"RTT floor", floor_words(floor, e.text(kRttFloorSource))});
  const std::string queue = e.microseconds(kPathQueueP50Us);
  const auto ambiguous = e.number(kAmbiguousPct);
  out.push_back(
      {"above the floor", list_of({queue.empty() ? "" : queue + " (p50)",
                                   ambiguous ? percent(*ambiguous) + " of the ACKs rode on responses" : ""})});
  out.push_back({"first byte", e.microseconds(kFirstByteP50Us)});
  word_proofs(e, out);
}

}  // namespace
}  // namespace delay_unattributed

Judged unattributed(const Facts& facts, const EndpointFacts& endpoint, const Slow& slow) {
  const Seconds seconds(facts, endpoint);
  const model::EndpointPicture& picture = *endpoint.picture;
  Judged judged = start_delay(kDelayUnattributed.code, endpoint, seconds,
                              seconds.where([](const model::Second& second) { return second.exchanges > 0; }));
  model::Finding& finding = judged.finding;
  finding.family = kDelayUnattributed.family;
  finding.count = slow.delayed;
  judged.may_be_raised = false;
  delay_unattributed::add_evidence(finding, picture, std::nullopt);
  add(finding, kProofs, proofs_of(seconds, path_delay(seconds)));

  const bool out = endpoint.outbound();
  const std::string name = picture.key.at.to_string();
  const auto p50 = percentile(picture, model::Measure::kLastByte, 0.50);
  const auto p99 = percentile(picture, model::Measure::kLastByte, 0.99);
  const auto limit = delayed_from_us(picture);
  finding.title = fmt::format("{} of {} {} {} took longer than {}", slow.delayed, number_of(slow.exchanges, "exchange"),
                              out ? "with" : "of clients with", name, duration(limit));
  finding.explanation = fmt::format("{} of {} {} {} took longer than {} (p50 {}, p99 {}).", slow.delayed,
                                    number_of(slow.exchanges, "exchange"), out ? "with" : "of clients with", name,
                                    duration(limit), duration(p50.value_or(0)), duration(p99.value_or(0)));
  if (slow.still_waiting > 0) {
    finding.explanation += fmt::format(" {} of them {} still waiting when the trace ended.", slow.still_waiting,
                                       slow.still_waiting == 1 ? "was" : "were");
  }
  if (const auto rtt = percentile(picture, model::Measure::kRtt, 0.50)) {
    finding.explanation += fmt::format(" Round trips took {} meanwhile (p50).", duration(*rtt));
  }
  const Marks used = seconds.where([](const model::Second& s) { return s.exchanges > 0; });
  const auto handshake = out ? seconds.p50(used, &model::Second::connect_p50_us) : std::nullopt;
  const bool answers_at_once = handshake && *handshake < limit / 2;
  Grade grade(answers_at_once ? model::Confidence::kMedium : model::Confidence::kLow);
  grade.at_most(grade.value(), answers_at_once ? "That it is the peer's application follows from new connections alone."
                                               : "That users wait is measured; where the time passes is not proven.");
  grade.write_to(finding);
  if (answers_at_once) {
    finding.explanation += fmt::format(
        " New connections got their answer in {}, from the peer's kernel: what is slow is its application, or what "
        "that waits for.",
        duration(*handshake));
  } else {
    finding.explanation +=
        out ? " No proof was found that the network or this host takes that time: ask the peer first."
            : " The requests had arrived: this host's application, or what it waits for, takes that "
              "time, unless the answers wait on their way.";
  }
  add_handshake_step(finding, seconds, used);
  add_step(finding, out ? model::Whose::kPeer : model::Whose::kUs,
           out ? "ask the peer for its own time per request (slow log, access log)"
               : "look at the application's own log of slow requests, and at its calls in this report");
  finding.disproved_by =
      out ? "the peer's own log shows short times for these requests (then it is the way or this host)"
          : "these requests are meant to wait (long polling, blocking reads)";
  return judged;
}

const Rule kDelayUnattributed{
    .code = "delay-unattributed",
    .family = model::Family::kPath,
    .may_be_raised = false,
    .judge_picture = delay_unattributed::judge_picture,
    .evidence = delay_unattributed::kEvidence,
    .word_evidence = delay_unattributed::word_evidence,
};

}  // namespace tcpdiag::diagnose::rules
