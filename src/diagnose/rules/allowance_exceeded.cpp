// SPDX-License-Identifier: Apache-2.0
// allowance-exceeded: the cloud held back packets of this host, because its instance type may not send or receive more.
//
// The driver of Amazon's network cards (ENA) counts what the cloud queued or dropped, by limit; the two cannot be told
// apart by the counter. A burst shorter than a second passes the limits of a type that is far from them on average, and
// does no harm; tracked connections and link-local requests are never queued, only dropped.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "diagnose/delay.h"
#include "diagnose/rules/rules.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/baselines.h"
#include "util/format.h"

namespace tcpdiag::diagnose::rules {
namespace allowance_exceeded {
namespace {

using model::AllowanceLimit;
using model::Confidence;
using model::NicPicture;
using model::Severity;
using model::Whose;

// Evidence, in this order.
constexpr EvidenceKey kDevice{"device"};
constexpr EvidenceKey kLimit{"limit"};
constexpr EvidenceKey kDeltaPackets{"delta_packets"};
constexpr EvidenceKey kSecondsWithDelta{"seconds_with_delta"};
constexpr EvidenceKey kMaxPerS{"max_per_s"};
constexpr EvidenceKey kConntrackAvailableMin{"conntrack_available_min"};
constexpr EvidenceKey kPattern{"pattern"};
constexpr EvidenceKey kDriverReset{"driver_reset"};
constexpr std::array kEvidence = {
    kDevice, kLimit, kDeltaPackets, kSecondsWithDelta, kMaxPerS, kConntrackAvailableMin, kPattern, kDriverReset};

struct Limit {
  std::string_view name;
  bool drops;           // never queued
  const char* title;    // "eth0 exceeded what the cloud allows it to receive"
  const char* meaning;  // a sentence
  const char* hint;     // of this host
  const char* elsewhere;
};

// As the user guide of EC2, "Monitor network performance for ENA settings", and the driver's documentation have them.
constexpr std::array kLimits = {
    Limit{"bw_in", false, "to receive",
          "More bytes arrived than the bandwidth that this instance type has for receiving; what is beyond waits, and "
          "is dropped when too much waits.",
          "smaller or fewer responses to what this host asks for, spread over time",
          "an instance type with more bandwidth, or the load on more of them"},
    Limit{"bw_out", false, "to send",
          "More bytes were sent than the bandwidth that this instance type has for sending; what is beyond waits, and "
          "is dropped when too much waits.",
          "smaller or fewer responses of this host, compressed or cached nearer to those who ask",
          "an instance type with more bandwidth, or the load on more of them"},
    Limit{"pps", false, "in packets a second",
          "More packets a second, in both directions together, than this instance type may exchange; what is beyond "
          "waits, and is dropped when too much waits.",
          "fewer and larger packets: pipelining and batches instead of single requests",
          "an instance type for more packets a second, or the load on more of them"},
    Limit{
        "conntrack", true, "in tracked connections",
        "The table in which security groups track connections is full: packets of connections that are not in it are "
        "dropped, so new connections fail.",
        "fewer connections: pools, keep-alive, and no connection for each request",
        "a larger instance type, a shorter tracking timeout of idle connections at the network interface, or security "
        "group rules that need no tracking"},
    Limit{"linklocal", true, "in requests to link-local services",
          "More packets than 1024 a second went to the services that every instance asks: DNS, instance metadata and "
          "time. What is beyond is dropped, so names do not resolve and credentials do not come.",
          "a DNS cache on this host (systemd-resolved, dnsmasq), and instance metadata asked for once and kept",
          "a DNS resolver that is not the link-local one"},
};

const Limit* find_limit(std::string_view name) {
  const auto found = std::find_if(kLimits.begin(), kLimits.end(), [&](const Limit& l) { return l.name == name; });
  return found == kLimits.end() ? nullptr : &*found;
}

bool is_sustained(const AllowanceLimit& seen) {
  return seen.seconds_with_delta >= kAllowanceSeconds || seen.max_per_minute >= kAllowancePacketsPerMinute;
}

// The cells of AllowanceLimit::per_second are those of the endpoints' series. Without an endpoint nothing is linked.
std::vector<std::int64_t> seconds_of(const Facts& facts, const AllowanceLimit& seen) {
  std::vector<std::int64_t> seconds;
  const auto& endpoints = facts.picture.endpoints;
  const auto shape =
      std::find_if(endpoints.begin(), endpoints.end(), [](const auto& endpoint) { return endpoint.series.n > 0; });
  if (shape == endpoints.end()) return seconds;
  const auto cell = std::max<std::int64_t>(std::llround(shape->series.interval_s), 1);
  const auto begin = facts.picture.window.start + std::chrono::microseconds(shape->series.start_offset_us);
  for (std::size_t i = 0; i < seen.per_second.size(); ++i) {
    if (seen.per_second[i] == 0) continue;
    const std::int64_t utc = facts.utc_second(begin + std::chrono::seconds(cell * static_cast<std::int64_t>(i)));
    for (std::int64_t s = 0; s < cell; ++s) seconds.push_back(utc + s);
  }
  return seconds;
}

// What the type of this host is allowed, where the table has it.
std::string own_type_words(const Facts& facts, const Limit& limit) {
  const auto& type = facts.picture.start.host.instance_type;
  const knowledge::Baseline* row = type ? knowledge::find_baseline(*type) : nullptr;
  if (row == nullptr || (limit.name != "bw_in" && limit.name != "bw_out")) return {};
  return fmt::format(" This host is a {}: {} in each direction, {} for a while.", row->type,
                     bit_rate(static_cast<double>(row->baseline_bit_per_s)),
                     bit_rate(static_cast<double>(row->burst_bit_per_s)));
}

std::optional<Judged> judge(const Facts& facts, const NicPicture& nic, const AllowanceLimit& seen) {
  const Limit* limit = find_limit(seen.limit);
  if (seen.delta == 0 || limit == nullptr) return std::nullopt;
  const model::Window& window = facts.picture.window;
  const bool sustained = is_sustained(seen);

  Judged judged;
  model::Finding& finding = judged.finding;
  finding.code = kAllowanceExceeded.code;
  finding.device = nic.device;
  finding.count = seen.delta;
  finding.severity = sustained || limit->drops ? Severity::kWarning : Severity::kNotice;
  finding.first_at = std::clamp(seen.first_at.value_or(window.start), window.start, window.end);
  finding.last_at = std::clamp(seen.last_at.value_or(window.end), finding.first_at, window.end);
  finding.ongoing = seen.last_at && *seen.last_at + kAllowanceOngoing >= window.end;
  judged.seconds = seconds_of(facts, seen);
  judged.netns_inode = nic.netns_inode;
  judged.split = fmt::format("{:010} {} {}", nic.netns_inode, nic.device, seen.limit);

  Grade grade(Confidence::kHigh);
  common_steps(grade, facts, Feed::kCounters, seen.delta);
  grade.write_to(finding);

  add(finding, kDevice, nic.device);
  add(finding, kLimit, seen.limit);
  add(finding, kDeltaPackets, seen.delta);
  add(finding, kSecondsWithDelta, seen.seconds_with_delta);
  add(finding, kMaxPerS, std::optional(static_cast<double>(seen.max_per_s)));
  add(finding, kConntrackAvailableMin, nic.conntrack_available_min);
  add(finding, kPattern, std::string(sustained ? "sustained" : "microburst"));
  add(finding, kDriverReset, std::uint64_t{nic.driver_reset ? 1U : 0U});

  const std::string packets = number_of(seen.delta, "packet");
  finding.title = fmt::format("{} exceeded what the cloud allows it {} ({}_allowance_exceeded): {}{}", nic.device,
                              limit->title, seen.limit, packets, limit->drops ? " dropped" : "");
  finding.explanation =
      fmt::format("The cloud {} {} of {} in {} ({}). {}{}", limit->drops ? "dropped" : "queued or dropped", packets,
                  nic.device, number_of(seen.seconds_with_delta, "second"), sustained ? "sustained" : "a microburst",
                  limit->meaning, own_type_words(facts, *limit));
  if (!sustained && !limit->drops) {
    finding.explanation += " A burst like this is harmless where nobody waited in these seconds.";
  }
  if (nic.driver_reset) finding.explanation += " The driver was reset meanwhile, which sets its counters back to 0.";
  add_step(finding, Whose::kUs, limit->hint, allowance_command(nic.device));
  add_step(finding, Whose::kCloud, limit->elsewhere);
  finding.disproved_by = "the counter does not move in the seconds in which calls waited or failed";
  return judged;
}

std::vector<Judged> judge_picture(const Facts& facts) {
  std::vector<Judged> result;
  for (const NicPicture& nic : facts.picture.nics) {
    for (const AllowanceLimit& seen : nic.limits) {
      if (auto judged = judge(facts, nic, seen)) result.push_back(std::move(*judged));
    }
  }
  return result;
}

void word_evidence(EvidenceReader& e, Rows& out) {
  const std::string device = e.text(kDevice);
  const std::string limit = e.text(kLimit);
  const auto packets = e.count(kDeltaPackets);
  out.push_back({"counter", packets ? fmt::format("{} {}_allowance_exceeded +{}", device, limit, *packets) : ""});
  const auto seconds = e.count(kSecondsWithDelta);
  const auto most = e.number(kMaxPerS);
  out.push_back({"pattern", list_of({e.text(kPattern), seconds ? fmt::format("it rose in {} s", *seconds) : "",
                                     most ? fmt::format("at most {} packets a second", rate(*most)) : ""})});
  // Only where the table was full does its room matter.
  const std::string room = e.text(kConntrackAvailableMin);
  if (limit == "conntrack") out.push_back({"room left", with("for ", room, " more tracked connections at the least")});
  if (e.is_set(kDriverReset)) out.push_back({"driver", "reset during the trace: its counters began anew"});
}

// What the cloud holds back waits, and is dropped.
constexpr std::array kEffects = {Effect{&kThroughputCeiling, Shared::kDevice}, Effect{&kPathQueueing, Shared::kDevice},
                                 Effect{&kLocalQueueing, Shared::kDevice}};

}  // namespace
}  // namespace allowance_exceeded

const Rule kAllowanceExceeded{
    .code = "allowance-exceeded",
    .family = model::Family::kAllowance,
    .judge_picture = allowance_exceeded::judge_picture,
    .evidence = allowance_exceeded::kEvidence,
    .word_evidence = allowance_exceeded::word_evidence,
    .effects = allowance_exceeded::kEffects,
};

}  // namespace tcpdiag::diagnose::rules
