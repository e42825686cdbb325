// SPDX-License-Identifier: Apache-2.0
// Evidence of a finding: its values, under the fixed keys of docs/findings.md, and the same in a person's words.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/finding.h"
#include "model/picture.h"

namespace tcpdiag::diagnose {

// Declared once, in the file of the rule that writes and words it, so that a slip does not compile. The unit is in the
// name: _us (integer), _s and _pct (float), _bytes (integer).
struct EvidenceKey {
  const char* name;
};

// Those that mean the same in every rule.
inline constexpr EvidenceKey kComm{"comm"};
inline constexpr EvidenceKey kConnectCount{"connect_count"};    // of the endpoint: shown with the impact
inline constexpr EvidenceKey kExchangeCount{"exchange_count"};  // likewise
inline constexpr EvidenceKey kSharePct{"share_pct"};            // likewise
inline constexpr EvidenceKey kSocketIds{"sockets"};
inline constexpr EvidenceKey kTimerCandidates{"timer_candidates"};

// --- values ---

void add(model::Finding& finding, EvidenceKey key, std::uint64_t value);
void add(model::Finding& finding, EvidenceKey key, std::optional<std::uint64_t> value);
void add(model::Finding& finding, EvidenceKey key, std::optional<double> value);
void add(model::Finding& finding, EvidenceKey key, std::string value);
void add(model::Finding& finding, EvidenceKey key, std::vector<std::string> value);
void add(model::Finding& finding, EvidenceKey key, std::vector<model::TimerCandidate> value);
void add(model::Finding& finding, EvidenceKey key, std::vector<model::BaselineCandidate> value);
void add_null(model::Finding& finding, EvidenceKey key);
void add_seconds(model::Finding& finding, EvidenceKey key, std::optional<model::Duration> value);       // ends in _s
void add_microseconds(model::Finding& finding, EvidenceKey key, std::optional<model::Duration> value);  // ends in _us
// The ids of the finding's sockets are evidence too: as indexes here, the renderers write ids.
void add_sockets(model::Finding& finding);

// --- words ---

using Rows = std::vector<model::EvidenceRow>;  // those without a value are left out

// The values of one finding, by key. Remembers what was asked for.
class EvidenceReader {
 public:
  EvidenceReader(const model::Finding& finding, const std::vector<model::Finding>& all, const model::Picture& picture)
      : finding_(finding), all_(all), picture_(picture) {}

  std::optional<double> number(EvidenceKey key);        // of an integer or a float
  std::optional<std::uint64_t> count(EvidenceKey key);  // of an integer that is not negative
  std::string text(EvidenceKey key);                    // of anything; empty: none
  std::vector<std::string> list(EvidenceKey key);       // of several texts
  std::string seconds(EvidenceKey key);                 // a `_s` key as a duration; empty: null or absent
  std::string microseconds(EvidenceKey key);            // a `_us` key as a duration
  // Durations that stand beside each other, in one unit where that makes sense (durations() of util/format.h).
  std::vector<std::string> together(std::initializer_list<EvidenceKey> keys);
  std::string bytes(EvidenceKey key);
  std::string some(EvidenceKey key, std::string_view words);  // "3 by timeout"; empty where there are none
  std::string p50_p99(EvidenceKey p50, EvidenceKey p99);      // of `_us` keys: "p50 186 ms, p99 203 ms"
  bool is_set(EvidenceKey key);                               // of a truth value
  void skip(std::initializer_list<EvidenceKey> keys);         // they are shown elsewhere

  const model::EndpointPicture* endpoint() const;                     // the finding's; null: none
  std::optional<EvidenceReader> beside(std::string_view code) const;  // the finding of the same endpoint
  const model::Finding& finding() const { return finding_; }

  std::vector<std::string> not_asked_for(std::span<const EvidenceKey> keys) const;

 private:
  const model::EvidenceValue* find(EvidenceKey key);

  const model::Finding& finding_;
  const std::vector<model::Finding>& all_;
  const model::Picture& picture_;
  std::vector<std::string_view> asked_for_;
};

// `value` with words around it; empty where it is.
std::string with(std::string_view before, const std::string& value, std::string_view after = "");
// Joins its pieces with ", ", leaving out the empty ones.
std::string list_of(std::initializer_list<std::string> pieces);
// "12"; empty: not known
std::string text_of(std::optional<std::uint64_t> n);
// "all 12", "11 of 12"
std::string part_words(std::optional<std::uint64_t> part, std::optional<std::uint64_t> whole);
// "30.0 s, all 12 within 40 ms" or "p50 4.1 s, 0.20 s .. 30.0 s"; empty when `p50` is. In seconds.
std::string spread_of(std::optional<double> p50_s, std::optional<double> min_s, std::optional<double> max_s,
                      std::optional<std::uint64_t> n);
// "10 us, from a handshake"; empty without a floor.
std::string floor_words(std::optional<double> floor_us, std::string_view source);

// Fills what a report shows of findings beside their values: family, rows, timers, what the impact is a part of, and
// which cause has reported an effect. By their codes; those of no rule are left as they are.
void describe(std::vector<model::Finding>& findings, const model::Picture& picture);

}  // namespace tcpdiag::diagnose
