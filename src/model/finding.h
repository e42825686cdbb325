// SPDX-License-Identifier: Apache-2.0
// Finding: a claim with its evidence, how sure it is, what to do next and what would disprove it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/time.h"

namespace tcpdiag::model {

enum class Severity : std::uint8_t { kNotice, kWarning, kCritical };
const char* to_string(Severity severity);    // "notice", "warning", "critical"
const char* in_capitals(Severity severity);  // "NOTICE", "WARNING", "CRITICAL": for people

enum class Confidence : std::uint8_t { kLow, kMedium, kHigh };
const char* to_string(Confidence confidence);  // "low", "medium", "high"

// A known timer that fits the values seen. A match is a hint from a number alone.
struct TimerCandidate {
  std::string name;
  double timer_s = 0;
  std::string origin;  // "doc_default", "this_host_sysctl", "example_only"
  double deviation_pct = 0;
  std::string counted_from;  // "request", "last_data", "connect", "inbound_request"
};

// An instance type whose baseline bandwidth fits the ceiling that was seen. A hint from a number alone.
struct BaselineCandidate {
  std::string type;  // "t4g.micro", "cache.t4g.micro"
  std::uint64_t baseline_bit_per_s = 0;
  double deviation_pct = 0;  // of the ceiling from the baseline, on the wire
  std::string table_date;    // of the table that it is from, "2026-08-02"
};

// null, integer (counts, _us, _bytes), float (_s, _pct), text, or a list.
using EvidenceValue = std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::string>,
                                   std::vector<TimerCandidate>, std::vector<BaselineCandidate>>;

struct Evidence {
  std::string key;  // as fixed in docs/findings.md
  EvidenceValue value;
};

// The same in a person's words. Not in JSON, which has the values.
struct EvidenceRow {
  std::string label;
  std::string value;
};

// What a finding is about, as far as others must tell findings apart: which measures speak of it, what its impact is
// counted in, what a loss of events spoils of it.
enum class Family : std::uint8_t {
  kExchanges,   // failed ones
  kConnects,    // failed ones
  kReconnects,  // too many connects
  kPath,        // delay and loss between the hosts
  kHostQueue,   // delay in this host, before the network
  kReading,     // delay in this host's application, behind the network
  kCallGaps,    // time in this host's application before a call
  kListening,   // this host's accept queues
  kAllowance,   // what the cloud lets this host's devices do
  kDrops,       // packets that this host dropped
  kLookUps,     // of names, before TCP has its turn
  kLosses,      // what this trace did not see: about this tool, never a cause
};

// Of delay and loss an endpoint as a whole tells more than single sockets.
constexpr bool is_about_delay(Family family) {
  return family == Family::kPath || family == Family::kHostQueue || family == Family::kReading;
}

struct Impact {
  std::uint64_t exchanges_failed = 0;
  std::uint64_t connects_failed = 0;
  std::uint64_t exchanges_delayed = 0;
  std::optional<double> share_pct;                 // of the attempts
  std::optional<std::uint64_t> of_exchanges = {};  // what those that failed are a part of, where evidence has it
  std::optional<std::uint64_t> of_connects = {};
};

enum class Whose : std::uint8_t { kUs, kPeer, kCloud };
const char* to_string(Whose whose);  // "us", "peer", "cloud"

struct NextStep {
  std::string text;
  std::string command;  // a command line to paste; empty: none
  Whose whose = Whose::kUs;
};

struct Finding {
  std::string code;  // docs/findings.md
  Family family = Family::kExchanges;
  Severity severity = Severity::kNotice;
  Confidence confidence = Confidence::kLow;
  std::vector<std::string> confidence_reasons;   // one sentence for each step down
  std::optional<std::size_t> endpoint;           // index into Picture::endpoints
  std::vector<std::size_t> more_endpoints = {};  // of the same service: this holds of each, and is about all; ascending
  std::string device;                            // empty: none
  std::vector<std::size_t> caused_by;            // indexes into the final list of findings
  std::optional<std::size_t> reported_by;        // that of them whose rows contain what this one has to say
  std::vector<std::size_t> sockets;              // indexes into Picture::sockets
  MonoTime first_at{};
  MonoTime last_at{};
  std::uint64_t count = 0;
  std::optional<double> share_pct;
  bool ongoing = false;
  std::string title;        // one line
  std::string explanation;  // one to three sentences for an incident ticket
  std::vector<Evidence> evidence;
  std::vector<EvidenceRow> rows;    // the evidence in words
  std::vector<std::string> timers;  // known timers that fit the times seen, in words
  Impact impact;
  std::vector<std::string>
      app_messages;  // log lines that clients show for it: "\"Connection reset by peer\" (Ruby: ...)"
  std::vector<NextStep> next_steps;
  std::string disproved_by;

  // All that it is about: `endpoint`, then the further ones.
  std::vector<std::size_t> endpoints() const {
    std::vector<std::size_t> all;
    all.reserve(1 + more_endpoints.size());
    if (endpoint) all.push_back(*endpoint);
    for (const std::size_t other : more_endpoints) all.push_back(other);
    return all;
  }
};

}  // namespace tcpdiag::model
