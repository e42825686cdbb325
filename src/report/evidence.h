// SPDX-License-Identifier: Apache-2.0
// Evidence of a finding in a person's words: a table of label and value, made from the fixed keys of docs/findings.md.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/finding.h"
#include "model/report.h"

namespace tcpdiag::report {

struct EvidenceLine {
  std::string label;
  std::string value;
};

// The evidence of one finding, by key. Remembers what was asked for, so that a key nobody knows is not lost.
class EvidenceReader {
 public:
  // `report`: that the finding is of, for what stands beside it; null: there is none.
  explicit EvidenceReader(const model::Finding& finding, const model::Report* report = nullptr)
      : finding_(finding), report_(report) {}

  std::optional<double> number(std::string_view key);        // of an integer or a float
  std::optional<std::uint64_t> count(std::string_view key);  // of an integer that is not negative
  std::string text(std::string_view key);                    // empty: none
  std::string seconds(std::string_view key);                 // a `_s` key as a duration; empty: null or absent
  std::string microseconds(std::string_view key);            // a `_us` key as a duration
  bool is_set(std::string_view key);                         // of a truth value: 1, or a word other than "false", "no"
  void skip(std::initializer_list<std::string_view> keys);   // they are told elsewhere

  const model::EndpointPicture* endpoint() const;             // the finding's; null: none
  const model::Finding* beside(std::string_view code) const;  // of the same endpoint; null: none
  const model::Finding& finding() const { return finding_; }

  // What was neither asked for nor skipped and is not null, under its plain name.
  std::vector<EvidenceLine> rest() const;

 private:
  const model::EvidenceValue* find(std::string_view key);

  const model::Finding& finding_;
  const model::Report* report_;
  std::set<std::string, std::less<>> used_;
};

// `value` with words around it; empty where it is.
std::string with(std::string_view before, const std::string& value, std::string_view after = "");

// Joins its pieces with ", ", leaving out the empty ones.
std::string list_of(std::initializer_list<std::string> pieces);

// "30.0 s, all 12 within 40 ms" or "p50 4.1 s, 0.2 s .. 30.0 s"; empty when `p50` is. In seconds.
std::string spread(std::optional<double> p50_s, std::optional<double> min_s, std::optional<double> max_s,
                   std::optional<std::uint64_t> n);

// "0.01 ms, from a handshake"; empty without a floor.
std::string floor_words(std::optional<double> floor_us, std::string_view source);

// The evidence of any finding; of a code without words of its own, its keys as they are. With the report, some lines
// also tell what it knows of the finding's endpoint.
std::vector<EvidenceLine> evidence_lines(const model::Finding& finding, const model::Report* report = nullptr);

// A code's own words for its evidence; the tables stand in evidence_failures.cpp, evidence_application.cpp,
// evidence_queueing.cpp and evidence_delays.cpp.
struct EvidenceWords {
  std::string_view code;
  void (*describe)(EvidenceReader& evidence, std::vector<EvidenceLine>& out);
};
std::span<const EvidenceWords> failure_words();
std::span<const EvidenceWords> application_words();
std::span<const EvidenceWords> queueing_words();
std::span<const EvidenceWords> delay_words();

// "30 s after the request: HAProxy \"timeout server\" (documented default), ...": one line for each timer and start.
std::vector<std::string> timer_lines(const model::Finding& finding);

}  // namespace tcpdiag::report
