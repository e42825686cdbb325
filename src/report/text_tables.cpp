// SPDX-License-Identifier: Apache-2.0
// The tables of the text report. Every figure has its unit, in its cell or in the heading; "-" is unknown.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "report/format.h"
#include "report/text.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using model::EndpointPicture;
using model::OutcomeGroup;
using model::SocketStory;

constexpr std::size_t kProcessColumns = 16;  // a short name and a pid of seven digits

std::string spaced(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

// --- FAILED AGAINST GOOD CALLS ---

constexpr std::size_t kOutcomeColumns = 13;  // four of them beside the labels

using Cell = std::string (*)(const OutcomeGroup&);

std::string reused_cell(const OutcomeGroup& group) {
  if (!group.reused) return std::string(kUnknown);
  const double share = 100.0 * static_cast<double>(*group.reused) / static_cast<double>(group.count);
  return first_that_fits({fmt::format("{} of {}", *group.reused, group.count), percent(share)}, kOutcomeColumns - 1);
}

// "no answer 3"; of the two the number is what must be read whole.
std::string outcome_heading(const OutcomeGroup& group) {
  const std::string count = fmt::format(" {}", group.count);
  return elide_middle(spaced(escape_terminal(group.outcome)), kOutcomeColumns - 1 - count.size()) + count;
}

const std::vector<std::pair<std::string_view, Cell>>& outcome_rows() {
  static const std::vector<std::pair<std::string_view, Cell>> kRows = {
      {"user request -> call, p50", [](const OutcomeGroup& g) { return us_or_dash(g.app_gap_p50_us); }},
      {"request size, p50",
       [](const OutcomeGroup& g) { return g.request_p50_bytes ? bytes(*g.request_p50_bytes) : std::string(kUnknown); }},
      {"connection used before", reused_cell},
      {"idle before request, p50", [](const OutcomeGroup& g) { return us_or_dash(g.idle_before_request_p50_us); }},
      {"first byte, p50", [](const OutcomeGroup& g) { return us_or_dash(g.first_byte_p50_us); }},
      {"first byte, p99", [](const OutcomeGroup& g) { return us_or_dash(g.first_byte_p99_us); }},
  };
  return kRows;
}

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

// --- FAILURES ---

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

model::MonoTime failed_at(const model::Picture& picture, const SocketStory& story) {
  if (is_slow_answer(story)) {
    const auto answer = std::find_if(story.timeline.rbegin(), story.timeline.rend(),
                                     [](const auto& entry) { return entry.kind == model::TimelineKind::kSlowAnswer; });
    if (answer != story.timeline.rend()) return answer->at;
  }
  if (story.end) return story.end->at;
  return story.closed_at.value_or(picture.window.end);
}

// In a trace of more than one day the date is worth more than the milliseconds.
std::string failure_time(const TextContext& context, model::MonoTime at) {
  const model::Window& window = context.picture().window;
  const model::WallTime wall = context.wall(at);
  if (date(context.wall(window.start)) == date(context.wall(window.end))) return "  " + clock_time(wall);
  return " " + date(wall).substr(5) + " " + clock_seconds(wall);
}

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

// How long the user waited for nothing; where nobody waited, how long the connection had been silent or lived.
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
  return after ? duration(model::seconds(*after) * 1e6) : std::string(kUnknown);
}

// Bytes in a narrow column: "1412", "118MiB".
std::string narrow_bytes(std::uint64_t n) {
  if (n < 1'000'000) return std::to_string(n);
  const double mib = static_cast<double>(n) / (1 << 20);
  return mib < 10'000 ? fmt::format("{:.0f}MiB", mib) : fmt::format("{:.0f}GiB", mib / 1024);
}

// Of the failed exchange, where there was one; else of the connection.
std::string sent_and_got(const SocketStory& story) {
  std::uint64_t sent = story.bytes_sent;
  std::uint64_t got = story.bytes_received;
  if (story.end && story.exchanges_failed > 0) {
    sent = story.end->request_bytes;
    got = story.end->response_bytes;
    if (story.socket.role == model::Role::kInbound) std::swap(sent, got);
  }
  return fmt::format("{}/{}", narrow_bytes(sent), narrow_bytes(got));
}

std::string process_words(const SocketStory& story) {
  if (!story.owner) return std::string(kUnknown);
  const std::string pid = story.owner->pid == 0 ? "" : fmt::format(" {}", story.owner->pid);
  return elide_middle(escape_terminal(story.owner->comm), kProcessColumns - pid.size()) + pid;
}

// What does not fit the row. Of an inbound connection it is the peer's port by which its log is searched.
void append_socket_remarks(Page& page, const SocketStory& story) {
  std::vector<std::string> remarks;
  if (story.socket.role == model::Role::kInbound) remarks.push_back("from " + story.socket.remote.to_string());
  if (story.owner && story.owner->shared) remarks.emplace_back("shared by several processes");
  const std::string one_line = "      " + join(remarks, ", ");
  if (remarks.empty()) return;
  if (columns(one_line) <= kPageColumns) {
    page.line(one_line);
  } else {
    for (const std::string& remark : remarks) page.line("      " + remark);
  }
}

// --- DELAY ---

struct DelayRow {
  const char* name;
  const char* words;
  const char* inbound_words;  // where the roles are the other way round
};
constexpr std::array<DelayRow, 9> kDelayRows = {{
    {"path_queue", "network <=", "network <="},
    {"path_queue_in", "one way", "one way"},
    {"host_queue", "this host", "this host"},
    {"read_wait", "this app", "this app"},
    {"app_gap", "user->call", "user->call"},
    {"first_byte", "", "this app"},
    {"last_byte", "", ""},
    {"connect", "", ""},
    {"rtt", "", ""},
}};

const char* why_not_one_way(std::string_view missing) {
  if (missing == "no_timestamps") return "the peer sends no TCP timestamps";
  if (missing == "tick_unknown") return "the ticks of the peer's TCP timestamps are not known";
  if (missing == "no_own_floor") return "no socket was seen before its delay rose";
  if (missing == "not_measured") return "there was no room to measure it";
  return nullptr;
}

// How many of the calls the row "app_gap" is of; empty: there is no such row.
std::string app_gap_words(const EndpointPicture& endpoint) {
  const model::AppGap& gap = endpoint.app_gap;
  const auto found = endpoint.histograms.find("app_gap");
  const std::optional<double> coverage = gap.coverage_pct();
  if (!coverage || found == endpoint.histograms.end() || found->second.count() == 0) return {};
  const std::string ambiguous = gap.ambiguous > 0 ? fmt::format(", {} ambiguous (event loop)", gap.ambiguous) : "";
  return fmt::format("app_gap known for {} of {} calls ({}){}", gap.with_gap, gap.calls, percent(*coverage), ambiguous);
}

bool has_delays(const EndpointPicture& endpoint) {
  return std::any_of(kDelayRows.begin(), kDelayRows.end(), [&](const DelayRow& row) {
    const auto found = endpoint.histograms.find(row.name);
    return found != endpoint.histograms.end() && found->second.count() > 0;
  });
}

}  // namespace

std::string us_or_dash(std::optional<std::uint64_t> us) {
  return us ? duration(static_cast<double>(*us)) : std::string(kUnknown);
}

const EndpointPicture* delay_endpoint(const model::Report& report) {
  for (const model::Finding& finding : report.findings) {
    if (!finding.endpoint) continue;
    const EndpointPicture& endpoint = report.picture.endpoints[*finding.endpoint];
    if (has_delays(endpoint)) return &endpoint;
    break;
  }
  const auto found = std::find_if(report.picture.endpoints.begin(), report.picture.endpoints.end(), has_delays);
  return found == report.picture.endpoints.end() ? nullptr : &*found;
}

void named_row(Page& page, const std::string& name, std::size_t column, const std::string& figures, Style style) {
  const bool parted = columns(name) < column || (columns(name) == column && figures.starts_with(' '));
  if (parted) {
    page.line(pad_right(name, column) + figures, style);
  } else {
    page.line(name, style);
    page.line(std::string(column, ' ') + figures, style);
  }
}

void append_failed_against_good(Page& page, const TextContext& context) {
  constexpr std::size_t kLabel = kPageColumns - 4 * kOutcomeColumns;
  const EndpointPicture* endpoint = compared_endpoint(context.report);
  if (endpoint == nullptr) return;
  const std::vector<const OutcomeGroup*> groups = compared_groups(*endpoint);
  std::string heading = pad_right("FAILED AGAINST GOOD CALLS", kLabel);
  for (const OutcomeGroup* group : groups) heading += pad_left(outcome_heading(*group), kOutcomeColumns);
  page.blank();
  page.line(heading, Style::kHeading);
  if (context.picture().endpoints.size() > 1) page.line("  at " + endpoint->key.at.to_string());
  for (const auto& [label, cell] : outcome_rows()) {
    std::string line = "  " + pad_right(label, kLabel - 2);
    bool is_known = false;
    for (const OutcomeGroup* group : groups) {
      const std::string value = cell(*group);
      is_known = is_known || value != kUnknown;
      line += pad_left(value, kOutcomeColumns);
    }
    if (is_known) page.line(line);
  }
}

void append_failures(Page& page, const TextContext& context) {
  const model::Picture& picture = context.picture();
  const std::vector<std::size_t> all = all_failures(context.report);
  if (all.empty()) return;
  std::vector<std::size_t> rows = chosen_failures(context.report, all, context.options.sockets);
  std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
    return failed_at(picture, picture.sockets[a]) < failed_at(picture, picture.sockets[b]);
  });
  const auto row = [](std::string_view time, std::string_view port, std::string_view process, std::string_view what,
                      std::string_view after, std::string_view moved) {
    return pad_right(time, 15) + pad_left(port, 10) + "  " + pad_right(process, kProcessColumns) + " " +
           pad_right(what, 15) + pad_left(after, 7) + pad_left(moved, 14);
  };
  page.blank();
  page.line(row("FAILURES (UTC)", "local port", "process", "what", "after", "bytes out/in"), Style::kHeading);
  for (const std::size_t index : rows) {
    const SocketStory& story = picture.sockets[index];
    const std::string port =
        story.socket.local.port == 0 ? std::string(kUnknown) : std::to_string(story.socket.local.port);
    page.line(row(failure_time(context, failed_at(picture, story)), port, process_words(story), what_happened(story),
                  failed_after(story), sent_and_got(story)));
    append_socket_remarks(page, story);
  }
  if (all.size() > rows.size()) {
    page.line(fmt::format("  ... {} more: --sockets {}, or all of them in the JSON report", all.size() - rows.size(),
                          all.size()));
  }
}

void append_delays(Page& page, const TextContext& context) {
  constexpr std::size_t kName = 15;
  constexpr std::size_t kLabel = kName + 12;
  const EndpointPicture* endpoint = delay_endpoint(context.report);
  if (endpoint == nullptr) return;
  const auto row = [](std::string_view p50, std::string_view p90, std::string_view p99, std::string_view max,
                      std::string_view n) {
    return pad_left(p50, 9) + pad_left(p90, 10) + pad_left(p99, 10) + pad_left(max, 10) + pad_left(n, 10);
  };
  const bool is_inbound = endpoint->key.role == model::Role::kInbound;
  page.blank();
  named_row(page, fmt::format("DELAY {} {}", is_inbound ? "AT" : "TO", endpoint->key.at.to_string()), kLabel,
            row("p50", "p90", "p99", "max", "samples"), Style::kHeading);
  for (const DelayRow& delay : kDelayRows) {
    const auto found = endpoint->histograms.find(delay.name);
    if (found == endpoint->histograms.end() || found->second.count() == 0) continue;
    const model::Histogram& h = found->second;
    page.line(
        pad_right("  " + pad_right(delay.name, kName) + (is_inbound ? delay.inbound_words : delay.words), kLabel) +
        row(us_or_dash(h.percentile(0.5)), us_or_dash(h.percentile(0.9)), us_or_dash(h.percentile(0.99)),
            us_or_dash(h.max()), std::to_string(h.count())));
  }
  const char* missing = why_not_one_way(endpoint->path_queue_in_missing);
  if (missing != nullptr && endpoint->histograms.contains("path_queue")) {
    page.line(fmt::format("  path_queue_in is not known: {}", missing));
  }
  const std::string coverage = app_gap_words(*endpoint);
  if (!coverage.empty()) page.paragraph("  ", coverage);
}

}  // namespace tcpdiag::report
