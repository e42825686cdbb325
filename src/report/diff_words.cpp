// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag diff` in words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "report/diff.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using diff::Comparison;
using diff::Difference;
using diff::Side;
using diff::Unit;

constexpr std::size_t kClauses = 3;

std::string spaced(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

std::string value_words(const Difference& difference, const Side& side) {
  if (difference.unit == Unit::kText) return side.text.empty() ? "unknown" : side.text;
  if (!side.value) return "unknown";
  switch (difference.unit) {
    case Unit::kMicroseconds:
      return duration(*side.value);
    case Unit::kBytes:
      return bytes(*side.value);
    case Unit::kPercent:
      return percent(*side.value);
    case Unit::kPerSecond:
      return rate(*side.value) + "/s";
    case Unit::kBytesPerSecond:
      return bytes(*side.value) + "/s";
    default:
      return decimal(*side.value);
  }
}

// "with 10.0.0.1:443 (outbound)"; empty for the whole run.
std::string with(const diff::Scope& scope) {
  return scope.kind == diff::ScopeKind::kRun ? std::string() : " with " + diff::words_for(scope);
}

std::string outcome_words(std::string_view what) {
  if (what == "connect_outcomes.refused") return "refused";
  if (what == "connect_outcomes.timed_out") return "timed out";
  if (what == "connect_outcomes.unreachable") return "unreachable";
  if (what == "connect_outcomes.abandoned") return "abandoned";
  if (what == "connect_outcomes.reset") return "reset";
  return "failed on this host";
}

std::string clause(const Difference& d) {
  const std::string good = value_words(d, d.good);
  const std::string bad = value_words(d, d.bad);
  if (d.what == "exchanges_failed") {
    if (!d.good.value) return fmt::format("BAD fails {} of the exchanges{}, which GOOD has not", bad, with(d.scope));
    if (!d.bad.value) return fmt::format("GOOD fails {} of the exchanges{}, which BAD has not", good, with(d.scope));
    return fmt::format("BAD fails {} of the exchanges{}, GOOD {}", bad, with(d.scope), good);
  }
  if (d.what.starts_with("connect_outcomes.")) {
    const std::string outcome = outcome_words(d.what);
    if (!d.good.value) return fmt::format("{} of BAD's connects{}: {}; GOOD has none", bad, with(d.scope), outcome);
    if (!d.bad.value) return fmt::format("{} of GOOD's connects{}: {}; BAD has none", good, with(d.scope), outcome);
    return fmt::format("{} of BAD's connects{} {}, {} of GOOD's", bad, with(d.scope), outcome, good);
  }
  if (d.what == "retransmitted_segments") {
    return fmt::format("BAD sends {} of the segments{} again, GOOD {}", bad, with(d.scope), good);
  }
  if (d.what == "out_of_order_segments") {
    return fmt::format("{} of the segments{} arrive out of order in BAD, {} in GOOD", bad, with(d.scope), good);
  }
  if (d.what == "endpoint" || d.what == "process") {
    return fmt::format("{} is in {} only", diff::words_for(d.scope), d.bad.value.value_or(0) > 0 ? "BAD" : "GOOD");
  }
  const std::string quantile = d.quantile.empty() ? "" : d.quantile + " ";
  const std::string of = d.scope.kind == diff::ScopeKind::kRun ? "" : " of " + diff::words_for(d.scope);
  return fmt::format("{}{}: {}{} in BAD, {} in GOOD", spaced(d.what), of, quantile, bad, good);
}

// Of one run: where the failures sit, or what they have.
std::string outcome_clause(const Difference& d) {
  const std::string good = value_words(d, d.good);
  const std::string bad = value_words(d, d.bad);
  const std::string where = diff::words_for(d.scope);
  if (d.what == "process") return fmt::format("{} fails {}, all other processes {}", where, bad, good);
  if (d.what == "peer")
    return fmt::format("{} fails {} of its sockets with {}, all other peers {}", d.bad.text, bad, where, good);
  if (d.what == "address") return fmt::format("{} fails {}, the other addresses at this port {}", where, bad, good);
  if (d.what == "time") {
    return fmt::format("{} of the failures with {} fell into {}, with {} of its exchanges", bad, where, d.bad.text,
                       good);
  }
  if (d.what == "reused") {
    return fmt::format("{} of the failed exchanges with {} were on a connection used before, {} of the good ones", bad,
                       where, good);
  }
  if (d.what == "local_port") {
    return fmt::format("failed sockets to {} have the local ports {}, good ones {}", where, d.bad.text, d.good.text);
  }
  return fmt::format("{} of {}: {} {} where it failed, {} where it was good", spaced(d.what), where, d.quantile, bad,
                     good);
}

std::string compared_words(const Comparison& comparison) {
  return fmt::format("{} compared, {} against {}", number_of(comparison.endpoints_compared, "endpoint"),
                     number_of(comparison.good.exchanges, "exchange"), number_of(comparison.bad.exchanges, "exchange"));
}

std::string none_words(const Comparison& comparison) {
  if (comparison.mode == diff::Mode::kOneRun) {
    const std::uint64_t failures = comparison.bad.exchanges_failed + comparison.bad.connects_failed;
    if (failures == 0) return "No exchange and no connect failed: there is nothing to compare with the good ones.";
    return fmt::format("The {} that failed have nothing in common that the good ones have not.",
                       number_of(failures, "exchange or connect"));
  }
  if (comparison.verdict == diff::Trend::kNotComparable) {
    return fmt::format("The runs cannot be compared: {} has no socket.",
                       comparison.good.endpoints == 0 ? "GOOD" : "BAD");
  }
  return fmt::format("No difference that matters: {}.", compared_words(comparison));
}

}  // namespace

std::string diff_answer(const Comparison& comparison) {
  if (comparison.verdict == diff::Trend::kNotComparable) return none_words(comparison);
  std::vector<std::string> clauses;
  std::vector<const Difference*> reported;
  std::size_t left = 0;
  for (const Difference& difference : comparison.differences) {
    if (difference.confidence == model::Confidence::kLow) continue;
    // One measure for each thing: its others say the same again.
    const bool again = std::any_of(reported.begin(), reported.end(), [&](const Difference* other) {
      return other->scope == difference.scope && other->tier == difference.tier &&
             comparison.mode == diff::Mode::kTwoRuns;
    });
    if (again || clauses.size() == kClauses) {
      ++left;
      continue;
    }
    reported.push_back(&difference);
    clauses.push_back(comparison.mode == diff::Mode::kOneRun ? outcome_clause(difference) : clause(difference));
  }
  for (const diff::OnlyIn& only : comparison.only_in) {
    if (!clauses.empty() || only.kind != diff::OnlyKind::kFinding || only.severity == model::Severity::kNotice)
      continue;
    clauses.push_back(fmt::format("{} has a finding that {} has not: {}", only.in_bad ? "BAD" : "GOOD",
                                  only.in_bad ? "GOOD" : "BAD", only.finding->title));
  }
  if (clauses.empty()) return none_words(comparison);
  std::string answer = join(clauses, "; ");
  if (left > 0) answer += fmt::format("; and {}", number_of(left, "more difference"));
  return answer + ".";
}

}  // namespace tcpdiag::report
