// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "knowledge/not_visible.h"
#include "report/content.h"
#include "report/layout.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

// From where on lost events lower a finding's confidence (docs/findings.md, common rules).
constexpr double kLossThatMattersPct = 0.1;
constexpr std::size_t kPidsColumns = 28;

// Where connections come in: that none was turned away before any socket of the trace could show it.
std::string listen_words(const model::Picture& picture) {
  const bool serves = std::any_of(picture.endpoints.begin(), picture.endpoints.end(),
                                  [](const auto& endpoint) { return endpoint.key.role == model::Role::kInbound; });
  const bool none = picture.totals.listen_overflows == 0U && picture.totals.listen_drops == 0U;
  return serves && none ? " No listen queue overflowed." : "";
}

std::string moment_words(model::WallTime t) { return fmt::format("{} {} UTC", date(t), clock_time(t)); }

// What a recording was narrowed to when it was read; empty: to nothing.
std::string view_words(const model::View& view) {
  std::vector<std::string> parts;
  if (!view.filters.takes_everything()) parts.push_back(view.filters.describe());
  if (view.from) parts.push_back("from " + moment_words(*view.from));
  if (view.to) parts.push_back("before " + moment_words(*view.to));
  return join(parts, ", ");
}

// Not for want of a feature: the report is of a part of a recording (docs/json.md, abilities).
bool is_of_narrowing(const model::Feature& feature) {
  return feature.name == "endpoint_aggregates" || feature.name == "socket_counts";
}

// An argument as a POSIX shell takes it (XCU 2.2).
std::string shell_word(const std::string& argument) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string quoted = "'";
  for (const char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

std::string window_length(model::Duration length) { return duration(length); }

std::string window_words(const model::Picture& picture) {
  const model::WallTime start = picture.start.clock.to_wall(picture.window.start);
  const model::WallTime end = picture.start.clock.to_wall(picture.window.end);
  const std::string end_date = date(start) == date(end) ? "" : date(end) + " ";
  return fmt::format("{} {} .. {}{} UTC", date(start), clock_time(start), end_date, clock_time(end));
}

std::string local_time_words(const model::Picture& picture) {
  const model::HostInfo& host = picture.start.host;
  return local_time(picture.start.clock.to_wall(picture.window.start), host.utc_offset_s, host.utc_offset_name);
}

std::string instance_words(const model::HostInfo& host) {
  if (host.instance_type.value_or("").empty()) return {};
  return fmt::format("{} ({})", *host.instance_type, host.instance_type_source);
}

std::string verdict_words(model::Verdict verdict) {
  switch (verdict) {
    case model::Verdict::kCauseFound:
      return "cause found";
    case model::Verdict::kSymptomsOnly:
      return "symptoms only: what was seen does not tell why";
    case model::Verdict::kNothingFound:
      return "nothing found";
    case model::Verdict::kNothingMatched:
      return "no socket matched the filter";
    case model::Verdict::kNothingSeen:
      return "no traffic seen";
    case model::Verdict::kNotTrustworthy:
      return "not trustworthy: too much was lost of what the first finding rests on";
  }
  return "nothing found";
}

std::string filter_words(const model::Report& report) {
  std::string words = report.picture.start.filters.describe();
  const std::string view = report.view ? view_words(*report.view) : "";
  if (!view.empty()) words += "; shown: " + view;
  return words;
}

std::string lost_words(const model::Report& report) {
  const std::uint64_t lost = report.picture.loss.total();
  if (lost == 0) return "lost events: 0";
  const double pct = 100.0 * static_cast<double>(lost) / static_cast<double>(lost + report.picture.events_seen);
  const char* effect = report.verdict == model::Verdict::kNotTrustworthy ? "NOT TRUSTWORTHY"
                       : pct > kLossThatMattersPct                       ? "confidence lowered"
                                                                         : "too few to matter";
  return fmt::format("lost: {} ({}): {}", lost, percent(pct), effect);
}

std::vector<std::pair<std::string_view, std::uint64_t>> loss_causes(const model::Loss& loss) {
  return {{"ring full", loss.ring_full},
          {"socket table full", loss.sockets_full},
          {"endpoint table full", loss.endpoints_full},
          {"process table full", loss.processes_full},
          {"undecodable", loss.undecodable},
          {"rate-limited", loss.rate_limited},
          {"samples thinned", loss.samples_thinned},
          {"disk full", loss.disk_full},
          {"retransmissions unseen", loss.unseen_retransmits},
          {"resets unseen", loss.unseen_resets},
          {"connects unseen", loss.unseen_connects},
          {"ends by reset unseen", loss.unseen_reset_ends}};
}

std::vector<std::string> loss_parts(const model::Loss& loss) {
  std::vector<std::string> parts;
  for (const auto& [cause, n] : loss_causes(loss)) {
    if (n > 0) parts.push_back(fmt::format("{} {}", n, cause));
  }
  return parts;
}

std::string cost_words(const model::Picture& picture) {
  const double length = model::seconds(picture.window.length());
  if (length <= 0) return "own CPU: unknown";
  const model::Cost& cost = picture.cost;
  const double used = cost.bpf_cpu_s.value_or(0) + cost.user_cpu_s + cost.system_cpu_s;
  // Loading the programs takes its time once, however short the trace: a share of that says nothing.
  if (length < 1) return fmt::format("own CPU: {}{}", duration(1e6 * used), cost.bpf_cpu_s ? "" : " + BPF");
  return fmt::format("own CPU: {}{}", percent(100 * used / length), cost.bpf_cpu_s ? "" : " + BPF");
}

std::string command_words(const model::Report& report) {
  std::vector<std::string> words;
  for (const std::string& argument : report.picture.start.command) words.push_back(shell_word(argument));
  return join(words, " ");
}

std::string recording_words(const model::Report& report) {
  if (!report.recording) return {};
  return fmt::format("{}, {}, sha256 {}", report.picture.start.recording_id, bytes(report.recording->bytes),
                     report.recording->sha256);
}

std::string not_matched_words(const model::Report& report) {
  const model::Picture& picture = report.picture;
  const std::string filter = filter_words(report);
  std::string text = filter == "none" ? "No TCP socket was seen" : fmt::format("No TCP socket matched: {}", filter);
  text += fmt::format("; looked for {}", window_length(picture.window.length()));
  if (picture.sockets_filtered_out) {
    text += fmt::format(", {} did not match", number_of(*picture.sockets_filtered_out, "socket"));
  }
  return text + ".";
}

// The rules have made the sentence; it says what was seen and what cannot be seen.
std::string nothing_found_words(const model::Report& report) {
  const std::string& summary = report.summary;
  return (summary.empty() ? "Nothing to report." : summary) + listen_words(report.picture);
}

std::string not_visible_words(const model::Report& report) {
  std::vector<std::string> words;
  for (const std::string& id : report.not_visible) {
    const knowledge::NotVisible* known = knowledge::find_not_visible(id);
    words.emplace_back(known != nullptr ? known->words : std::string_view(id));
  }
  return join(words, ", ");
}

std::string missing_words(const model::Report& report) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> names;
  for (const model::Feature& feature : report.picture.start.abilities) {
    if (!feature.available && !is_of_narrowing(feature))
      names.push_back(elide_middle(escape_terminal(feature.name), 40));
  }
  if (names.size() > kShown) {
    const std::size_t more = names.size() - kShown;
    names.resize(kShown);
    names.push_back(fmt::format("{} more", more));
  }
  return join(names, ", ");
}

std::vector<std::string> narrowing_remarks(const model::Report& report) {
  std::vector<std::string> remarks;
  for (const model::Feature& feature : report.picture.start.abilities) {
    if (!feature.available && is_of_narrowing(feature)) remarks.push_back(feature.reason);
  }
  return remarks;
}

std::string time_words(const model::Picture& picture, model::MonoTime t) {
  const model::WallTime wall = picture.start.clock.to_wall(t);
  const std::string day = date(wall);
  const bool same_day = day == date(picture.start.clock.to_wall(picture.window.start));
  return same_day ? clock_time(wall) : day + " " + clock_time(wall);
}

std::string us_or_dash(std::optional<std::uint64_t> us) { return us ? duration(*us) : std::string(kUnknown); }

std::string netns_words(const model::Picture& picture, std::uint32_t inode) {
  if (picture.start.netns.size() < 2) return {};
  for (const model::NetnsInfo& netns : picture.start.netns) {
    if (netns.inode == inode && !netns.name.empty()) return fmt::format(", netns {}", netns.name);
  }
  return fmt::format(", netns {}", inode);
}

std::string pid_words(const std::set<std::uint32_t>& pids) {
  if (pids.empty()) return {};
  std::vector<std::string> parts;
  std::size_t used = 0;
  for (const std::uint32_t pid : pids) {
    parts.push_back(std::to_string(pid));
    used += parts.back().size() + 2;
    if (used > kPidsColumns) {
      parts.pop_back();
      break;
    }
  }
  const std::size_t more = pids.size() - parts.size();
  if (more > 0) parts.push_back(fmt::format("{} more", more));
  return fmt::format("pid{} {}", pids.size() == 1 ? "" : "s", join(parts, ", "));
}

}  // namespace tcpdiag::report
