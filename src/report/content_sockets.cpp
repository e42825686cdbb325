// SPDX-License-Identifier: Apache-2.0
// What failed: calls that failed beside good ones, and single connections.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "report/content.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::OutcomeGroup;
using model::SocketStory;

std::string reused_cell(const OutcomeGroup& group) {
  constexpr std::size_t kLongest = 12;
  if (!group.reused) return std::string(kUnknown);
  const std::string parts = fmt::format("{} of {}", *group.reused, group.count);
  if (parts.size() <= kLongest) return parts;
  return percent(100.0 * static_cast<double>(*group.reused) / static_cast<double>(group.count));
}

struct OutcomeRow {
  std::string_view label;
  std::string (*cell)(const OutcomeGroup& group);
};
constexpr std::array<OutcomeRow, 6> kOutcomeRows = {{
    {"user request -> call, p50", [](const OutcomeGroup& g) { return us_or_dash(g.app_gap_p50_us); }},
    {"request size, p50",
     [](const OutcomeGroup& g) { return g.request_p50_bytes ? bytes(*g.request_p50_bytes) : std::string(kUnknown); }},
    {"connection used before", reused_cell},
    {"idle before request, p50", [](const OutcomeGroup& g) { return us_or_dash(g.idle_before_request_p50_us); }},
    {"first byte, p50", [](const OutcomeGroup& g) { return us_or_dash(g.first_byte_p50_us); }},
    {"first byte, p99", [](const OutcomeGroup& g) { return us_or_dash(g.first_byte_p99_us); }},
}};

// Failed groups by count, at most three, then the good one. Empty where there is nothing to compare.
std::vector<const OutcomeGroup*> compared_groups(const EndpointPicture& endpoint) {
  constexpr std::size_t kFailedColumns = 3;
  std::vector<const OutcomeGroup*> groups;
  const OutcomeGroup* good = nullptr;
  for (const OutcomeGroup& group : endpoint.outcomes) {
    if (group.count == 0) continue;
    if (group.outcome == "good") {
      good = &group;
    } else {
      groups.push_back(&group);
    }
  }
  if (good == nullptr || groups.empty()) return {};
  std::stable_sort(groups.begin(), groups.end(), [](const auto* a, const auto* b) { return a->count > b->count; });
  if (groups.size() > kFailedColumns) groups.resize(kFailedColumns);
  groups.push_back(good);
  return groups;
}

// That of the first finding whose endpoint has something to compare, else the first endpoint that has; null: none has.
const EndpointPicture* compared_endpoint(const model::Report& report) {
  const auto compares = [](const EndpointPicture& endpoint) { return !compared_groups(endpoint).empty(); };
  const auto& endpoints = report.picture.endpoints;
  for (const model::Finding& finding : report.findings) {
    if (finding.endpoint && compares(endpoints[*finding.endpoint])) return &endpoints[*finding.endpoint];
  }
  const auto found = std::find_if(endpoints.begin(), endpoints.end(), compares);
  return found == endpoints.end() ? nullptr : &*found;
}

bool failed(const SocketStory& story) {
  if (story.exchanges_failed > 0) return true;
  if (!story.outcome) return false;
  return *story.outcome != model::ConnectOutcome::kEstablished && *story.outcome != model::ConnectOutcome::kPending;
}

// Indexes into Picture::sockets of all that failed or that a cause names, in the picture's order.
std::vector<std::size_t> all_failures(const model::Report& report) {
  std::set<std::size_t> chosen;
  for (const model::Finding& finding : report.findings) {
    if (finding.severity == model::Severity::kNotice) continue;
    chosen.insert(finding.sockets.begin(), finding.sockets.end());
  }
  for (std::size_t i = 0; i < report.picture.sockets.size(); ++i) {
    if (failed(report.picture.sockets[i])) chosen.insert(i);
  }
  return {chosen.begin(), chosen.end()};
}

// `limit` of them: first one example of each cause, then each cause's next, so that no cause crowds out another.
std::vector<std::size_t> chosen_failures(const model::Report& report, const std::vector<std::size_t>& all,
                                         std::size_t limit) {
  std::set<std::size_t> chosen;
  bool grown = true;
  for (std::size_t round = 0; grown; ++round) {
    grown = false;
    for (const model::Finding& finding : report.findings) {
      if (finding.severity == model::Severity::kNotice || round >= finding.sockets.size()) continue;
      grown = true;
      if (chosen.size() < limit) chosen.insert(finding.sockets[round]);
    }
  }
  for (const std::size_t i : all) {
    if (chosen.size() < limit) chosen.insert(i);
  }
  return {chosen.begin(), chosen.end()};
}

// Its requests waited although this host called nobody for them; none of them failed.
bool is_slow_answer(const SocketStory& story) { return story.no_call_wait && !failed(story); }

std::string connect_words(const SocketStory& story) {
  switch (story.outcome.value_or(model::ConnectOutcome::kPending)) {
    case model::ConnectOutcome::kRefused:
      return "refused";
    case model::ConnectOutcome::kReset:
      return "reset connect";
    case model::ConnectOutcome::kTimedOut:
    case model::ConnectOutcome::kAbandoned:
      return "no SYN-ACK";
    case model::ConnectOutcome::kUnreachable:
      return "unreachable";
    case model::ConnectOutcome::kLocalError:
      return "SYN not sent";
    case model::ConnectOutcome::kPending:
      return "no SYN-ACK yet";
    case model::ConnectOutcome::kEstablished:
      break;
  }
  return "connected";
}

}  // namespace

std::string outcome_words(const OutcomeGroup& group) {
  std::string words = group.outcome;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::optional<Comparison> failed_against_good(const model::Report& report) {
  Comparison table;
  table.endpoint = compared_endpoint(report);
  if (table.endpoint == nullptr) return std::nullopt;
  table.groups = compared_groups(*table.endpoint);
  for (const auto& [label, cell] : kOutcomeRows) {
    Comparison::Row row{label, {}};
    for (const OutcomeGroup* group : table.groups) row.cells.push_back(cell(*group));
    const bool is_known =
        std::any_of(row.cells.begin(), row.cells.end(), [](const std::string& text) { return text != kUnknown; });
    if (is_known) table.rows.push_back(std::move(row));
  }
  return table;
}

Failures failures(const model::Report& report, std::size_t limit) {
  const model::Picture& picture = report.picture;
  const std::vector<std::size_t> all = all_failures(report);
  Failures found{chosen_failures(report, all, limit), all.size()};
  std::stable_sort(found.shown.begin(), found.shown.end(), [&](std::size_t a, std::size_t b) {
    return failed_at(picture, picture.sockets[a]) < failed_at(picture, picture.sockets[b]);
  });
  return found;
}

model::MonoTime failed_at(const model::Picture& picture, const SocketStory& story) {
  if (is_slow_answer(story)) {
    const auto answer = std::find_if(story.timeline.rbegin(), story.timeline.rend(), [](const auto& entry) {
      return std::holds_alternative<model::mark::SlowAnswer>(entry.body);
    });
    if (answer != story.timeline.rend()) return answer->at;
  }
  if (story.end) return story.end->at;
  return story.closed_at.value_or(picture.window.end);
}

std::string what_happened(const SocketStory& story) {
  if (story.outcome && *story.outcome != model::ConnectOutcome::kEstablished) return connect_words(story);
  if (story.exchange_pending) return "still waiting";
  if (is_slow_answer(story)) return "slow answer";
  if (!story.end) return "open";
  switch (story.end->kind) {
    case model::EndKind::kResetReceived:
      return "reset by peer";
    case model::EndKind::kResetSent:
      return "reset by us";
    case model::EndKind::kClosedLocally:
      return story.exchanges_failed > 0 ? "we gave up" : "closed by us";
    case model::EndKind::kClosedByPeer:
      return "closed by peer";
    case model::EndKind::kTimedOut:
      return "timed out";
    case model::EndKind::kConnectFailed:
      return connect_words(story);
  }
  return "open";
}

std::string failed_after(const SocketStory& story) {
  std::optional<model::Duration> after;
  if (story.outcome && *story.outcome != model::ConnectOutcome::kEstablished) {
    after = story.connect_took;
  } else if (is_slow_answer(story)) {
    after = story.no_call_wait;
  } else if (story.end) {
    const model::SocketEnd& end = *story.end;
    after = end.wait ? end.wait : end.idle ? end.idle : end.age;
  } else {
    after = story.pending_wait;
  }
  return after ? duration(*after) : std::string(kUnknown);
}

std::pair<std::uint64_t, std::uint64_t> moved_bytes(const SocketStory& story) {
  if (!story.end || story.exchanges_failed == 0) return {story.bytes_sent, story.bytes_received};
  const model::SocketEnd& end = *story.end;
  if (story.socket.role == model::Role::kInbound) return {end.response_bytes, end.request_bytes};
  return {end.request_bytes, end.response_bytes};
}

// Of an inbound connection it is the peer's port by which its log is searched.
std::vector<std::string> socket_remarks(const SocketStory& story) {
  std::vector<std::string> remarks;
  if (story.socket.role == model::Role::kInbound) remarks.push_back("from " + story.socket.remote.to_string());
  if (story.owner && story.owner->shared) remarks.emplace_back("shared by several processes");
  return remarks;
}

}  // namespace tcpdiag::report
