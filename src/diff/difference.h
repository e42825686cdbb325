// SPDX-License-Identifier: Apache-2.0
// What differs between two runs, or between the failed and the good sockets of one, and by how much it matters.
// docs/diff.md explains how it is decided, with the sources; docs/diff.schema.json is its JSON.
//
// "Good" and "bad" are the two sides: the first and the second run, or the good and the failed sockets of one run.
// Names of processes, cgroups, hosts and devices are untrusted bytes: who shows them escapes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/report.h"

namespace tcpdiag::diff {

enum class Mode : std::uint8_t { kTwoRuns, kOneRun };
const char* to_string(Mode mode);  // "two_runs", "one_run"

// In the order in which differences are reported.
enum class Tier : std::uint8_t { kFailures, kDelays, kLoss, kTraffic, kSettings };
const char* to_string(Tier tier);  // "failures", "delays", ...

// Seen from the bad side. Traffic and settings have no better or worse: kChanged.
enum class Direction : std::uint8_t { kWorse, kBetter, kChanged };
const char* to_string(Direction direction);  // "worse", "better", "changed"

enum class ScopeKind : std::uint8_t { kRun, kEndpoint, kProcess, kNetns, kNic, kHost };
const char* to_string(ScopeKind kind);  // "run", "endpoint", ...

// What a difference is about.
struct Scope {
  ScopeKind kind = ScopeKind::kRun;
  // kEndpoint. The addresses differ where the endpoint was paired although its address had changed; one is absent where
  // it exists in one run only.
  model::Role role = model::Role::kUnknown;
  std::optional<model::SocketAddress> good_at = {};
  std::optional<model::SocketAddress> bad_at = {};
  std::string netns = {};   // name, "self", "host" or "inode 4026531840"; empty: each run traced one namespace
  std::string comm = {};    // kProcess
  std::string cgroup = {};  // kProcess: without its volatile parts (normalised_cgroup()); empty: unknown
  std::string device = {};  // kNic

  bool operator==(const Scope&) const = default;
};

// "10.0.0.1:443 (outbound)", "10.0.0.1:443 -> 10.0.0.2:443 (outbound), netns blue", "the whole run",
// "ruby in /system.slice/puma.service". Untrusted.
std::string words_for(const Scope& scope);

enum class Unit : std::uint8_t { kMicroseconds, kBytes, kCount, kPercent, kPerSecond, kBytesPerSecond, kText };
const char* to_string(Unit unit);  // "us", "bytes", "count", "pct", "per_s", "bytes_per_s", "text"

// One side of a difference. Absent: not known, or not of this kind of difference.
struct Side {
  std::optional<double> value;         // in Difference::unit; of a distribution the quantile Difference::quantile
  std::string text;                    // kText; empty: not known
  std::optional<std::uint64_t> count;  // values of a distribution, affected of a share, events of a rate
  std::optional<std::uint64_t> of;     // kPercent: attempts, segments
  std::optional<double> seconds;       // rates: the time they are of
  std::optional<model::Histogram> distribution;
  // How many independent values `count` is worth (see docs/diff.md, "Correlated values").
  std::optional<double> effective_count;
};

// A finding of one report.
struct FindingRef {
  std::size_t index = 0;  // in Report::findings
  std::string code;
  std::string title;
};

struct Difference {
  Tier tier = Tier::kTraffic;
  std::string what;      // a measure or count by its name in docs/measures.md, or a setting by the kernel's name
  std::string quantile;  // "p50", "p90", "p99": the one that `good.value` and `bad.value` are; empty: no distribution
  Scope scope;
  Unit unit = Unit::kCount;
  Direction direction = Direction::kChanged;
  Side good;
  Side bad;
  std::optional<double> ratio;     // bad / good; absent: one is 0 or unknown
  std::optional<double> absolute;  // bad - good, in `unit`; percentage points for kPercent
  // Probability that two samples of the same thing differ as much or more; absent: a fact that needs no test (a
  // setting) or no test is possible, and a reason says so.
  std::optional<double> p_value;
  // kHigh and kMedium count for the verdict; kLow is reported, but may be chance.
  model::Confidence confidence = model::Confidence::kHigh;
  std::vector<std::string> confidence_reasons;  // why not high
  std::optional<std::uint64_t> affected;        // exchanges, connects or segments by which the worse side is worse
  std::optional<double> time_lost_s;            // delays: seconds that the exchanges of the worse side waited longer
  double score = 0;                             // how much it matters, comparable within a tier
  std::optional<FindingRef> explained_by;       // a finding of the bad run
};

// Something that only one of two runs has.
enum class OnlyKind : std::uint8_t { kFinding, kEndpoint, kProcess, kPeer };
const char* to_string(OnlyKind kind);  // "finding", "endpoint", ...

struct OnlyIn {
  OnlyKind kind = OnlyKind::kEndpoint;
  bool in_bad = true;
  Scope scope;                              // kFinding: of its endpoint, or the run; kPeer: of the endpoint it talks to
  std::optional<FindingRef> finding;        // kFinding
  std::optional<model::Severity> severity;  // kFinding
  std::optional<model::Address> peer;       // kPeer
  std::uint64_t sockets_seen = 0;           // of endpoints, processes, peers
  std::uint64_t exchanges = 0;              // of endpoints and processes
  std::uint64_t bytes = 0;                  // both directions; of endpoints, processes, peers
  std::uint64_t failures = 0;               // of endpoints: exchanges and connects; of findings: their count
};

// What the answer does not cover, and why.
struct NotCompared {
  std::string what;  // "rates", "path_queue of 10.0.0.1:443", "everything"
  std::string why;   // one sentence with a hint, where there is one
};

// One run in a few words.
struct RunSummary {
  std::string recording_id;
  std::string tool_version;
  model::WallTime start_at{};
  double length_s = 0;
  bool partial = false;
  std::string hostname;
  std::string filters;  // in words
  model::Verdict verdict = model::Verdict::kNothingFound;
  std::uint64_t endpoints = 0;
  std::uint64_t sockets_seen = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t exchanges_failed = 0;
  std::uint64_t connects = 0;
  std::uint64_t connects_failed = 0;
  std::uint64_t lost = 0;  // events and samples, all causes
};

enum class Trend : std::uint8_t { kNoDifference, kWorse, kBetter, kMixed, kChanged, kNotComparable };
const char* to_string(Trend verdict);  // "no_difference", "bad_is_worse", "bad_is_better", "mixed", "changed", ...

struct Comparison {
  Mode mode = Mode::kTwoRuns;
  // Of the differences with confidence medium or high, and of findings of severity warning or more that only one run
  // has. kChanged: only traffic or settings differ.
  Trend verdict = Trend::kNoDifference;
  RunSummary good;
  RunSummary bad;                       // kOneRun: the same run
  std::vector<Difference> differences;  // low confidence last; else by tier, worse before better, score descending
  std::vector<OnlyIn> only_in;          // findings of the bad run, then of the good one, then the rest by volume
  std::vector<NotCompared> not_compared;
  std::vector<std::string> notes;  // what was paired although it is not equal, and how
  std::uint64_t endpoints_compared = 0;
  std::uint64_t tests = 0;  // statistical tests made; the thresholds of significance allow for their number
};

}  // namespace tcpdiag::diff
