// SPDX-License-Identifier: Apache-2.0
// throughput-ceiling: while the path was queued, one direction carried the same bytes every second and never more. That
// is what a token bucket does (a cloud's bandwidth allowance, a shaper); the queue is what does not fit.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "diagnose/delay.h"
#include "diagnose/path_delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"

namespace tcpdiag::diagnose::rules {
namespace {

using model::Confidence;
using model::Role;
using model::Severity;
using model::Whose;

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
  const auto below = [&](const char* name, model::Duration limit) {
    const auto p50 = percentile(picture, name, 0.5);
    return p50 && *p50 < static_cast<std::uint64_t>(model::microseconds(limit));
  };
  const bool host = below("host_queue", kHostQueue);
  const bool application = below("read_wait", kReadWait);
  if (host && application) return "; the host and the application do not";
  if (host) return "; the host does not";
  return application ? "; the application does not" : "";
}

Grade grade_of(const Seconds& seconds, const PathDelay& delay, const SteadyRate& rate) {
  Grade grade(Confidence::kHigh);
  grade.at_most(Confidence::kMedium, "The rate was not compared with the limits of known instance types.");
  if (delay.full_pipe || delay.loss_alike) {
    grade.at_most(Confidence::kMedium,
                  "That the path, and not the peer's application, is slow is inferred from loss and a full pipe.");
  }
  floor_step(grade, seconds.picture);
  delay_steps(grade, seconds.facts, seconds.seconds_in(rate.seconds), "seconds at the ceiling");
  return grade;
}

Severity severity_of(const Seconds& seconds, const PathDelay& delay, std::uint64_t delayed) {
  if (is_bulk(seconds.picture)) return Severity::kNotice;
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
             seconds.picture.device.empty() ? std::string() : fmt::format("ethtool -S {}", seconds.picture.device));
  }
  if (size && *size >= 4096) {
    const double smaller = *size / 4;
    add_step(finding, Whose::kUs,
             fmt::format("smaller or fewer {}: at {} it carries about {:.0f} /s",
                         sender.responses ? "responses" : "requests", size_words(smaller),
                         rate.wire_bytes_per_s / wire_bytes(seconds, smaller, mss)));
  } else {
    add_step(finding, Whose::kUs, fmt::format("fewer {}", sender.responses ? "responses" : "requests"));
  }
  add_step(finding, Whose::kCloud, "a node with more bandwidth, or more nodes");
}

std::optional<Judged> judge(const Seconds& seconds, const EndpointFacts& endpoint) {
  const PathDelay delay = path_delay(seconds);
  if (!delay.found()) return std::nullopt;
  const auto rate = steady_rate(seconds, delay.queued);
  if (!rate) return std::nullopt;
  // The queue is in the direction that is full.
  if (delay.way && *delay.way != rate->way) return std::nullopt;
  const bool bulk = is_bulk(seconds.picture);
  if (!bulk && rate->exchanges_per_s < kCeilingExchangesPerSecond) return std::nullopt;
  const Grade grade = grade_of(seconds, delay, *rate);
  if (grade.exhausted()) return std::nullopt;

  const model::EndpointPicture& picture = seconds.picture;
  Judged judged = start_delay(kThroughputCeiling.code, endpoint, seconds, rate->seconds);
  model::Finding& finding = judged.finding;
  set_delayed(judged, endpoint, delayed_exchanges(seconds, delay.queued));
  finding.severity = severity_of(seconds, delay, judged.delayed);
  judged.may_be_critical = !bulk;
  grade.write_to(finding);

  const Sender sender = sender_of(picture, rate->way);
  const auto size = sender.responses ? picture.mean_response_bytes : picture.mean_request_bytes;
  const double mss = mss_of(seconds.facts, endpoint);
  add(finding, "direction", std::string(rate->way == Way::kIn ? "in" : "out"));
  add(finding, "ceiling_wire_bit_per_s", std::optional(8 * rate->wire_bytes_per_s));
  add(finding, "ceiling_payload_bit_per_s", std::optional(8 * rate->payload_bytes_per_s));
  add(finding, "spread_pct", std::optional(rate->spread_pct));
  add(finding, "ceiling_seconds", seconds.seconds_in(rate->seconds));
  add(finding, "exchanges_per_s", std::optional(rate->exchanges_per_s));
  add(finding, "mean_response_bytes",
      picture.mean_response_bytes
          ? std::optional(static_cast<std::uint64_t>(std::llround(*picture.mean_response_bytes)))
          : std::nullopt);
  add(finding, "possible_exchanges_per_s", possible_per_s(seconds, *rate, size, mss));
  add(finding, "baseline_candidates", std::vector<std::string>{});
  add_null(finding, "peer_type_given");

  const std::string limit = rate_words(8 * rate->wire_bytes_per_s);
  const std::string wait = about_words(delay.rise_p50_us.value_or(0));
  const char* what = sender.responses ? "responses" : "requests";
  const std::string sized = size && !bulk ? fmt::format("{} {}", size_words(*size), what) : "data";
  finding.title = fmt::format("{} at most {}", sender.subject, limit);
  finding.explanation = fmt::format("{} at most {}. Its {} wait{} about {} in a queue on the network path{}.",
                                    sender.subject, limit, sized, sized == "data" ? "s" : "", wait, not_here(picture));
  add_next_steps(finding, seconds, *rate, sender, size, mss);
  finding.disproved_by =
      "that metric stays 0 in these seconds, or another host gets more from this peer at the same time";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) { return each_endpoint(facts, judge); }

}  // namespace

const Rule kThroughputCeiling{"throughput-ceiling", nullptr, nullptr, nullptr, judge_picture};

}  // namespace tcpdiag::diagnose::rules
