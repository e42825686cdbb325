// SPDX-License-Identifier: Apache-2.0
// The answer and its notes in words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/size.h"
#include "size/bit_rate.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

// In the answer; the table of types has them all.
constexpr std::size_t kTypesNamed = 4;

std::string limit_words(const size::Limit& limit) {
  const std::string rate = bit_rate(limit.bit_per_s);
  return limit.instance_type.empty() ? rate : fmt::format("{} ({})", limit.instance_type, rate);
}

std::string capacity_words(const size::Plan& plan) {
  const std::string carried = rate(*plan.capacity_per_s);
  if (!plan.in_fills_first) {
    return fmt::format("{} carries {} responses/s of {}", limit_words(*plan.limit), carried,
                       bytes(plan.traffic.response_bytes));
  }
  return fmt::format("{} carries {} requests/s of {}", limit_words(*plan.limit), carried,
                     bytes(*plan.traffic.request_bytes));
}

bool own_rate(const size::Plan& plan) {
  return plan.measured && plan.measured->mean_per_s && plan.measured->mean_per_s == plan.traffic.rate_per_s;
}

std::string comparison_words(const size::Plan& plan) {
  const std::string asked =
      fmt::format("{} {}/s", own_rate(plan) ? "the trace has" : "you ask", rate(*plan.traffic.rate_per_s));
  const double used = *plan.used_pct;
  if (plan.verdict == size::Fit::kTooMuch && used < 200) {
    return fmt::format("{}: {} too much", asked, percent(std::max(1.0, used - 100)));
  }
  if (plan.verdict == size::Fit::kTooMuch) return fmt::format("{}: {} times as much", asked, rate(used / 100));
  if (plan.verdict == size::Fit::kAtLimit) return asked + ", which is all of it: more may have been asked for";
  return fmt::format("{}: {} of it", asked, percent(used));
}

// "t4g.small (128 Mbit/s) carries 466"; empty: none does.
std::string types_words(const size::Plan& plan) {
  if (plan.types.empty()) return {};
  const size::TypeFit& best = plan.same_family ? *plan.same_family : plan.types.front();
  std::vector<std::string> names = {std::string(best.type.type)};
  if (!plan.same_family) {
    for (std::size_t i = 1; i < std::min(plan.types.size(), kTypesNamed); ++i) {
      const auto& type = plan.types[i].type;
      if (type.baseline_bit_per_s == best.type.baseline_bit_per_s) names.emplace_back(type.type);
    }
  }
  return fmt::format("{} ({}) {} {}/s", join(names, ", "), bit_rate(static_cast<double>(best.type.baseline_bit_per_s)),
                     names.size() == 1 ? "carries" : "carry", rate(best.carries_per_s));
}

constexpr const char* kNoType = "no instance type of the table carries that";

}  // namespace

std::string size_answer(const size::Plan& plan) {
  std::string answer;
  if (plan.limit) {
    answer = capacity_words(plan);
    if (plan.traffic.rate_per_s) answer += "; " + comparison_words(plan);
    if (plan.verdict != size::Fit::kTooMuch && plan.verdict != size::Fit::kAtLimit) return answer + ".";
  } else {
    const double wire = std::max(*plan.out.wire_bit_per_s, plan.in ? *plan.in->wire_bit_per_s : 0);
    answer = fmt::format("{} responses/s of {} take {} on the wire", rate(*plan.traffic.rate_per_s),
                         bytes(plan.traffic.response_bytes), bit_rate(wire));
  }
  const std::string types = types_words(plan);
  return fmt::format("{}; {}.", answer, types.empty() ? kNoType : types);
}

std::vector<std::string> size_notes(const size::Plan& plan) {
  std::vector<std::string> notes;
  if (plan.rate_is_cut) {
    notes.emplace_back(
        "The rate was measured while the link was at its limit: it is what got through, and more may have been asked "
        "for. Give that with --rate.");
  }
  if (plan.measured && !plan.measured->mean_per_s) {
    notes.emplace_back("The trace is too short to tell a rate: it needs 5 seconds of traffic, or --rate.");
  }
  if (plan.full_after_s) {
    notes.push_back(
        fmt::format("Once nothing but the baseline is left, at {}/s the queue is full after {}; then "
                    "packets are dropped and sent again.",
                    rate(*plan.traffic.rate_per_s), duration(*plan.full_after_s * 1e6)));
  }
  notes.emplace_back(plan.in
                         ? "What a node sends and what it receives have an allowance each; the tighter one decides."
                         : "The requests' size is not known, so only what the node sends was computed; give it with "
                           "--request. What it receives has an allowance of its own.");
  if (plan.limit && plan.limit->burst_bit_per_s) {
    notes.push_back(fmt::format("Up to {} is a burst on credit (typically 5 to 60 minutes): only the baseline lasts.",
                                bit_rate(static_cast<double>(*plan.limit->burst_bit_per_s))));
  }
  if (plan.out.packets_per_s) {
    notes.push_back(
        fmt::format("{}/s are {:.0f} packets/s sent{}; they have an allowance too, which is not published "
                    "(pps_allowance_exceeded counts what exceeds it).",
                    rate(*plan.traffic.rate_per_s), *plan.out.packets_per_s,
                    plan.in ? fmt::format(" and {:.0f} received", *plan.in->packets_per_s) : ""));
  }
  const bool too_many = plan.traffic.clients && *plan.traffic.clients > size::kConnectionLimit;
  notes.push_back(
      too_many ? fmt::format("{} connections are too many: an ElastiCache node takes 65000.", *plan.traffic.clients)
               : "An ElastiCache node takes 65000 connections at most, whatever its bandwidth.");
  return notes;
}

}  // namespace tcpdiag::report
