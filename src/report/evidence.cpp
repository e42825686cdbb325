// SPDX-License-Identifier: Apache-2.0
#include "report/evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "util/format.h"

namespace tcpdiag::report {
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

std::string plain_label(std::string_view key) {
  for (const std::string_view unit : {"_us", "_bytes", "_pct", "_s", "_count"}) {
    if (key.ends_with(unit) && !key.ends_with("per_s")) {
      key.remove_suffix(unit.size());
      break;
    }
  }
  std::string label(key);
  std::replace(label.begin(), label.end(), '_', ' ');
  return label;
}

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

}  // namespace

const model::EvidenceValue* EvidenceReader::find(std::string_view key) {
  used_.emplace(key);
  for (const model::Evidence& item : finding_.evidence) {
    if (item.key == key) return &item.value;
  }
  return nullptr;
}

std::optional<double> EvidenceReader::number(std::string_view key) {
  const model::EvidenceValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* integer = std::get_if<std::int64_t>(value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(value)) return *real;
  return std::nullopt;
}

std::optional<std::uint64_t> EvidenceReader::count(std::string_view key) {
  const model::EvidenceValue* value = find(key);
  const auto* integer = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  if (integer == nullptr || *integer < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*integer);
}

std::string EvidenceReader::text(std::string_view key) {
  const model::EvidenceValue* value = find(key);
  if (value == nullptr) return {};
  return std::visit(PlainValue{key}, *value);
}

std::string EvidenceReader::seconds(std::string_view key) {
  const auto value = number(key);
  return value ? duration(*value * 1e6) : std::string();
}

std::string EvidenceReader::microseconds(std::string_view key) {
  const auto value = number(key);
  return value ? duration(*value) : std::string();
}

bool EvidenceReader::is_set(std::string_view key) {
  const model::EvidenceValue* value = find(key);
  if (value == nullptr) return false;
  if (const auto* integer = std::get_if<std::int64_t>(value)) return *integer != 0;
  const auto* word = std::get_if<std::string>(value);
  return word != nullptr && !word->empty() && *word != "false" && *word != "no";
}

const model::EndpointPicture* EvidenceReader::endpoint() const {
  if (report_ == nullptr || !finding_.endpoint) return nullptr;
  return &report_->picture.endpoints[*finding_.endpoint];
}

const model::Finding* EvidenceReader::beside(std::string_view code) const {
  if (report_ == nullptr || !finding_.endpoint) return nullptr;
  const auto found = std::find_if(report_->findings.begin(), report_->findings.end(), [&](const model::Finding& other) {
    return &other != &finding_ && other.code == code && other.endpoint == finding_.endpoint;
  });
  return found == report_->findings.end() ? nullptr : &*found;
}

void EvidenceReader::skip(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) used_.emplace(key);
}

std::vector<EvidenceLine> EvidenceReader::rest() const {
  std::vector<EvidenceLine> out;
  for (const model::Evidence& item : finding_.evidence) {
    if (used_.contains(item.key)) continue;
    std::string value = std::visit(PlainValue{item.key}, item.value);
    if (!value.empty()) out.push_back({plain_label(item.key), std::move(value)});
  }
  return out;
}

std::string with(std::string_view before, const std::string& value, std::string_view after) {
  return value.empty() ? std::string() : fmt::format("{}{}{}", before, value, after);
}

std::string list_of(std::initializer_list<std::string> pieces) {
  std::vector<std::string> kept;
  std::copy_if(pieces.begin(), pieces.end(), std::back_inserter(kept), [](const std::string& s) { return !s.empty(); });
  return join(kept, ", ");
}

std::string spread(std::optional<double> p50_s, std::optional<double> min_s, std::optional<double> max_s,
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

std::vector<EvidenceLine> evidence_lines(const model::Finding& finding, const model::Report* report) {
  EvidenceReader evidence(finding, report);
  evidence.skip({"sockets", "timer_candidates", "share_pct"});
  std::vector<EvidenceLine> lines;
  for (const auto words : {failure_words(), application_words(), queueing_words(), delay_words()}) {
    for (const EvidenceWords& row : words) {
      if (row.code == finding.code) row.describe(evidence, lines);
    }
  }
  std::erase_if(lines, [](const EvidenceLine& line) { return line.value.empty(); });
  for (EvidenceLine& line : evidence.rest()) lines.push_back(std::move(line));
  return lines;
}

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

}  // namespace tcpdiag::report
