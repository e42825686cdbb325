// SPDX-License-Identifier: Apache-2.0
#include "diagnose/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "diagnose/registry.h"
#include "util/format.h"

namespace tcpdiag::diagnose {
namespace {

void add_value(model::Finding& finding, EvidenceKey key, model::EvidenceValue value) {
  finding.evidence.push_back({key.name, std::move(value)});
}

}  // namespace

void add(model::Finding& finding, EvidenceKey key, std::uint64_t value) {
  add_value(finding, key, static_cast<std::int64_t>(value));
}

void add(model::Finding& finding, EvidenceKey key, std::optional<std::uint64_t> value) {
  if (!value) return add_null(finding, key);
  add(finding, key, *value);
}

void add(model::Finding& finding, EvidenceKey key, std::optional<double> value) {
  if (!value) return add_null(finding, key);
  add_value(finding, key, *value);
}

void add(model::Finding& finding, EvidenceKey key, std::string value) { add_value(finding, key, std::move(value)); }

void add(model::Finding& finding, EvidenceKey key, std::vector<std::string> value) {
  add_value(finding, key, std::move(value));
}

void add(model::Finding& finding, EvidenceKey key, std::vector<model::TimerCandidate> value) {
  add_value(finding, key, std::move(value));
}

void add(model::Finding& finding, EvidenceKey key, std::vector<model::BaselineCandidate> value) {
  add_value(finding, key, std::move(value));
}

void add_null(model::Finding& finding, EvidenceKey key) { add_value(finding, key, std::monostate{}); }

void add_seconds(model::Finding& finding, EvidenceKey key, std::optional<model::Duration> value) {
  if (!value) return add_null(finding, key);
  add_value(finding, key, model::seconds(*value));
}

void add_microseconds(model::Finding& finding, EvidenceKey key, std::optional<model::Duration> value) {
  if (!value) return add_null(finding, key);
  add_value(finding, key, static_cast<std::int64_t>(model::microseconds(*value)));
}

void add_sockets(model::Finding& finding) {
  std::vector<std::string> ids;
  ids.reserve(finding.sockets.size());
  for (const std::size_t socket : finding.sockets) ids.push_back(fmt::format("s{}", socket + 1));
  add(finding, kSocketIds, std::move(ids));
}

// --- words ---

namespace {

constexpr std::size_t kShown = 6;  // of a list

std::string some_of(const std::vector<std::string>& values) {
  if (values.size() <= kShown) return join(values, ", ");
  const std::vector<std::string> first(values.begin(), values.begin() + kShown);
  return fmt::format("{} and {} more", join(first, ", "), values.size() - kShown);
}

// "64 Mbit/s: cache.t4g.micro, t3.micro, t4g.micro; which one is a guess (table of 2026-08-02)"
std::string baseline_words(const std::vector<model::BaselineCandidate>& types) {
  struct Group {
    std::uint64_t bit_per_s;
    std::vector<std::string> names;
  };
  std::vector<Group> groups;
  for (const model::BaselineCandidate& type : types) {
    if (groups.empty() || groups.back().bit_per_s != type.baseline_bit_per_s) {
      groups.push_back({type.baseline_bit_per_s, {}});
    }
    groups.back().names.push_back(type.type);
  }
  std::vector<std::string> words;
  words.reserve(groups.size());
  for (const Group& group : groups) {
    words.push_back(fmt::format("{}: {}", bit_rate(static_cast<double>(group.bit_per_s)), some_of(group.names)));
  }
  if (words.empty()) return {};
  return fmt::format("{} (table of {}; a guess from the rate)", join(words, "; "), types.front().table_date);
}

// A value whose unit stands in its key, without words: "wait_p50_s" 30.0 -> "wait p50", "30.0 s".
struct PlainValue {
  std::string_view key;

  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(std::int64_t value) const {
    if (key.ends_with("_us")) return duration(value);
    if (key.ends_with("_bytes") && value >= 0) return bytes(value);
    return std::to_string(value);
  }
  std::string operator()(double value) const {
    if (key.ends_with("_s") && !key.ends_with("per_s")) return duration(value * 1e6);
    if (key.ends_with("_pct")) return percent(value);
    return decimal(value);
  }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const std::vector<std::string>& values) const { return some_of(values); }
  std::string operator()(const std::vector<model::TimerCandidate>&) const { return {}; }  // timer_lines()
  std::string operator()(const std::vector<model::BaselineCandidate>& types) const { return baseline_words(types); }
};

std::string origin_words(std::string_view origin) {
  if (origin == "doc_default") return "its default";
  if (origin == "this_host_sysctl") return "this host's setting";
  if (origin == "example_only") return "its manual's example";
  return std::string(origin);
}

std::string counted_from_words(std::string_view from) {
  if (from == "last_data") return "after the last data";
  if (from == "inbound_request") return "after the inbound request";
  return from.empty() ? "" : fmt::format("after the {}", from);
}

// "30 s after the request: HAProxy \"timeout server\" (its default), ...": one line for each timer and start.
std::vector<std::string> timer_lines(const model::Finding& finding) {
  struct Group {
    double timer_s;
    std::string counted_from;
    std::vector<std::string> names;
  };
  std::vector<Group> groups;
  for (const model::Evidence& item : finding.evidence) {
    const auto* timers = std::get_if<std::vector<model::TimerCandidate>>(&item.value);
    if (timers == nullptr) continue;
    for (const model::TimerCandidate& timer : *timers) {
      auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
        return g.counted_from == timer.counted_from && decimal(g.timer_s) == decimal(timer.timer_s);
      });
      if (group == groups.end()) group = groups.insert(groups.end(), {timer.timer_s, timer.counted_from, {}});
      group->names.push_back(fmt::format("{} ({})", timer.name, origin_words(timer.origin)));
    }
  }
  std::vector<std::string> lines;
  for (const Group& group : groups) {
    const std::string from = counted_from_words(group.counted_from);
    lines.push_back(
        fmt::format("{} s{}{}: {}", decimal(group.timer_s), from.empty() ? "" : " ", from, join(group.names, ", ")));
  }
  if (!lines.empty()) lines.back() += ". A guess from the number alone.";
  return lines;
}

}  // namespace

const model::EvidenceValue* EvidenceReader::find(EvidenceKey key) {
  asked_for_.emplace_back(key.name);
  for (const model::Evidence& item : finding_.evidence) {
    if (item.key == key.name) return &item.value;
  }
  return nullptr;
}

std::optional<double> EvidenceReader::number(EvidenceKey key) {
  const model::EvidenceValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* integer = std::get_if<std::int64_t>(value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(value)) return *real;
  return std::nullopt;
}

std::optional<std::uint64_t> EvidenceReader::count(EvidenceKey key) {
  const model::EvidenceValue* value = find(key);
  const auto* integer = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  if (integer == nullptr || *integer < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*integer);
}

std::string EvidenceReader::text(EvidenceKey key) {
  const model::EvidenceValue* value = find(key);
  if (value == nullptr) return {};
  return std::visit(PlainValue{key.name}, *value);
}

std::vector<std::string> EvidenceReader::list(EvidenceKey key) {
  const model::EvidenceValue* value = find(key);
  const auto* texts = value == nullptr ? nullptr : std::get_if<std::vector<std::string>>(value);
  return texts == nullptr ? std::vector<std::string>() : *texts;
}

std::string EvidenceReader::seconds(EvidenceKey key) {
  const auto value = number(key);
  return value ? duration(*value * 1e6) : std::string();
}

std::string EvidenceReader::microseconds(EvidenceKey key) {
  const auto value = number(key);
  return value ? duration(*value) : std::string();
}

std::vector<std::string> EvidenceReader::together(std::initializer_list<EvidenceKey> keys) {
  std::vector<std::string> words(keys.size());
  std::vector<std::size_t> places;
  std::vector<double> known;
  std::size_t place = 0;
  for (const EvidenceKey key : keys) {
    if (const auto value = number(key)) {
      known.push_back(std::string_view(key.name).ends_with("_us") ? *value : *value * 1e6);
      places.push_back(place);
    }
    ++place;
  }
  const std::vector<std::string> texts = durations(known);
  for (std::size_t i = 0; i < texts.size(); ++i) words[places[i]] = texts[i];
  return words;
}

std::string EvidenceReader::bytes(EvidenceKey key) {
  const auto n = count(key);
  return n ? tcpdiag::bytes(*n) : std::string();
}

std::string EvidenceReader::some(EvidenceKey key, std::string_view words) {
  const auto n = count(key);
  return n && *n > 0 ? fmt::format("{} {}", *n, words) : std::string();
}

std::string EvidenceReader::p50_p99(EvidenceKey p50, EvidenceKey p99) {
  const std::vector<std::string> both = together({p50, p99});
  return list_of({with("p50 ", both[0]), with("p99 ", both[1])});
}

bool EvidenceReader::is_set(EvidenceKey key) { return count(key).value_or(0) != 0; }

void EvidenceReader::skip(std::initializer_list<EvidenceKey> keys) {
  for (const EvidenceKey key : keys) asked_for_.emplace_back(key.name);
}

const model::EndpointPicture* EvidenceReader::endpoint() const {
  if (!finding_.endpoint || *finding_.endpoint >= picture_.endpoints.size()) return nullptr;
  return &picture_.endpoints[*finding_.endpoint];
}

std::optional<EvidenceReader> EvidenceReader::beside(std::string_view code) const {
  if (!finding_.endpoint) return std::nullopt;
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const model::Finding& other) {
    return &other != &finding_ && other.code == code && other.endpoint == finding_.endpoint;
  });
  if (found == all_.end()) return std::nullopt;
  return EvidenceReader(*found, all_, picture_);
}

std::vector<std::string> EvidenceReader::not_asked_for(std::span<const EvidenceKey> keys) const {
  std::vector<std::string> names;
  for (const EvidenceKey key : keys) {
    if (std::find(asked_for_.begin(), asked_for_.end(), key.name) == asked_for_.end()) names.emplace_back(key.name);
  }
  return names;
}

std::string text_of(std::optional<std::uint64_t> n) { return n ? std::to_string(*n) : std::string(); }

std::string part_words(std::optional<std::uint64_t> part, std::optional<std::uint64_t> whole) {
  if (!part) return {};
  if (!whole) return std::to_string(*part);
  return *part == *whole ? fmt::format("all {}", *part) : fmt::format("{} of {}", *part, *whole);
}

std::string with(std::string_view before, const std::string& value, std::string_view after) {
  return value.empty() ? std::string() : fmt::format("{}{}{}", before, value, after);
}

std::string list_of(std::initializer_list<std::string> pieces) {
  std::vector<std::string> kept;
  std::copy_if(pieces.begin(), pieces.end(), std::back_inserter(kept), [](const std::string& s) { return !s.empty(); });
  return join(kept, ", ");
}

std::string spread_of(std::optional<double> p50_s, std::optional<double> min_s, std::optional<double> max_s,
                      std::optional<std::uint64_t> n) {
  if (!p50_s) return {};
  if (n == 1U || !min_s || !max_s || (!n && *min_s == *max_s)) return duration(*p50_s * 1e6);
  const std::string all = n ? fmt::format("all {}", *n) : "all of them";
  if (*max_s - *min_s <= std::max(0.1 * *p50_s, 0.001)) {
    return fmt::format("{}, {} within {}", duration(*p50_s * 1e6), all, duration((*max_s - *min_s) * 1e6));
  }
  const std::vector<std::string> three = durations({*p50_s * 1e6, *min_s * 1e6, *max_s * 1e6});
  return fmt::format("p50 {}, {} .. {}", three[0], three[1], three[2]);
}

std::string floor_words(std::optional<double> floor_us, std::string_view source) {
  if (!floor_us) return {};
  const std::string_view words = source == "handshake" ? ", from a handshake"
                                 : source == "kernel"  ? ", the kernel's smallest"
                                 : source == "option"  ? ", as given by --floor"
                                 : source == "window"  ? ", the smallest of this trace, which may have queued too"
                                                       : "";
  return duration(*floor_us) + std::string(words);
}

void describe(std::vector<model::Finding>& findings, const model::Picture& picture) {
  for (model::Finding& finding : findings) {
    const Rule* rule = find_rule(finding.code);
    if (rule == nullptr) continue;
    EvidenceReader evidence(finding, findings, picture);
    Rows rows;
    rule->word_evidence(evidence, rows);
    std::erase_if(rows, [](const model::EvidenceRow& row) { return row.value.empty(); });
    finding.rows = std::move(rows);
    finding.timers = timer_lines(finding);
    finding.family = rule->family;
    const auto of_exchanges = evidence.count(kExchangeCount);
    const auto of_connects = evidence.count(kConnectCount);
    if (finding.more_endpoints.empty()) {  // else those of all are known, and evidence is of one
      finding.impact.of_exchanges = of_exchanges;
      finding.impact.of_connects = of_connects;
    }
    for (const std::size_t cause : finding.caused_by) {
      const Rule* explains = cause < findings.size() ? find_rule(findings[cause].code) : nullptr;
      if (explains == nullptr) continue;
      const bool reported = std::any_of(explains->effects.begin(), explains->effects.end(), [&](const Effect& effect) {
        return effect.rule == rule && effect.reported_by_cause;
      });
      if (reported) finding.reported_by = cause;
    }
  }
}

}  // namespace tcpdiag::diagnose
