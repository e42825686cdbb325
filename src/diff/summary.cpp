// SPDX-License-Identifier: Apache-2.0
// Summaries, words for scopes, and the names of all enums as the JSON shows them: part of the contract, never change
// one.
#include "diff/summary.h"

#include <fmt/format.h>

#include "diff/counts.h"

namespace tcpdiag::diff {

RunSummary summary_of(const model::Report& report) {
  const model::Picture& picture = report.picture;
  const Attempts attempts = sum_of(attempts_of(report));
  RunSummary out;
  out.recording_id = picture.start.recording_id;
  out.tool_version = picture.start.tool_version;
  out.start_at = picture.start.clock.to_wall(picture.window.start);
  out.length_s = model::seconds(picture.window.length());
  out.partial = picture.window.partial;
  out.hostname = picture.start.host.hostname;
  out.filters = picture.start.filters.describe();
  if (report.view && !report.view->filters.takes_everything()) {
    out.filters += "; viewed with " + report.view->filters.describe();
  }
  out.verdict = report.verdict;
  out.endpoints = picture.endpoints.size();
  out.sockets_seen = picture.totals.sockets_seen;
  out.exchanges = attempts.exchanges;
  out.exchanges_failed = attempts.exchanges_failed;
  out.connects = attempts.connects;
  out.connects_failed = attempts.connects_failed;
  out.lost = picture.loss.total();
  return out;
}

std::string words_for(const Scope& scope) {
  switch (scope.kind) {
    case ScopeKind::kRun:
      return "the whole run";
    case ScopeKind::kEndpoint: {
      const bool moved = scope.good_at && scope.bad_at && *scope.good_at != *scope.bad_at;
      const auto& at = scope.bad_at ? scope.bad_at : scope.good_at;
      std::string words = moved ? fmt::format("{} -> {}", scope.good_at->to_string(), scope.bad_at->to_string())
                                : (at ? at->to_string() : std::string());
      words += fmt::format(" ({})", model::to_string(scope.role));
      if (!scope.netns.empty()) words += fmt::format(", netns {}", scope.netns);
      return words;
    }
    case ScopeKind::kProcess:
      return scope.cgroup.empty() ? scope.comm : fmt::format("{} in {}", scope.comm, scope.cgroup);
    case ScopeKind::kNetns:
      return scope.netns.empty() ? std::string("the network namespace") : fmt::format("netns {}", scope.netns);
    case ScopeKind::kNic:
      return scope.netns.empty() ? scope.device : fmt::format("{}, netns {}", scope.device, scope.netns);
    case ScopeKind::kHost:
      return "the host";
  }
  return {};
}

const char* to_string(Mode mode) { return mode == Mode::kOneRun ? "one_run" : "two_runs"; }

const char* to_string(Tier tier) {
  switch (tier) {
    case Tier::kFailures:
      return "failures";
    case Tier::kDelays:
      return "delays";
    case Tier::kLoss:
      return "loss";
    case Tier::kTraffic:
      return "traffic";
    case Tier::kSettings:
      return "settings";
  }
  return "settings";
}

const char* to_string(Direction direction) {
  switch (direction) {
    case Direction::kWorse:
      return "worse";
    case Direction::kBetter:
      return "better";
    case Direction::kChanged:
      return "changed";
  }
  return "changed";
}

const char* to_string(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::kRun:
      return "run";
    case ScopeKind::kEndpoint:
      return "endpoint";
    case ScopeKind::kProcess:
      return "process";
    case ScopeKind::kNetns:
      return "netns";
    case ScopeKind::kNic:
      return "nic";
    case ScopeKind::kHost:
      return "host";
  }
  return "run";
}

const char* to_string(Unit unit) {
  switch (unit) {
    case Unit::kMicroseconds:
      return "us";
    case Unit::kBytes:
      return "bytes";
    case Unit::kCount:
      return "count";
    case Unit::kPercent:
      return "pct";
    case Unit::kPerSecond:
      return "per_s";
    case Unit::kBytesPerSecond:
      return "bytes_per_s";
    case Unit::kText:
      return "text";
  }
  return "count";
}

const char* to_string(OnlyKind kind) {
  switch (kind) {
    case OnlyKind::kFinding:
      return "finding";
    case OnlyKind::kEndpoint:
      return "endpoint";
    case OnlyKind::kProcess:
      return "process";
    case OnlyKind::kPeer:
      return "peer";
  }
  return "endpoint";
}

const char* to_string(Trend verdict) {
  switch (verdict) {
    case Trend::kNoDifference:
      return "no_difference";
    case Trend::kWorse:
      return "bad_is_worse";
    case Trend::kBetter:
      return "bad_is_better";
    case Trend::kMixed:
      return "mixed";
    case Trend::kChanged:
      return "changed";
    case Trend::kNotComparable:
      return "not_comparable";
  }
  return "not_comparable";
}

}  // namespace tcpdiag::diff
