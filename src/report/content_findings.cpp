// SPDX-License-Identifier: Apache-2.0
// Findings in words: what they did, to whom, and what they explain.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "report/content.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

constexpr std::string_view kDelayed = "100 ms";  // what makes an exchange a delayed one: docs/findings.md, severity

std::string affected(std::uint64_t part, std::string_view what, std::optional<std::uint64_t> whole,
                     std::string_view happened, std::optional<double> share_pct) {
  std::string text = whole ? fmt::format("{} of {} {}s", part, *whole, what) : number_of(part, what);
  text += fmt::format(" {}", happened);
  if (share_pct) text += fmt::format(" ({})", percent(*share_pct));
  return text;
}

// "14078 exchanges, 100 % delayed by more than 100 ms, 0 failed"
std::string delayed_words(const model::Report& report, const model::Finding& finding) {
  const model::Impact& impact = finding.impact;
  std::uint64_t all = 0;
  for (const std::size_t endpoint : finding.endpoints()) all += report.picture.endpoints[endpoint].totals.exchanges;
  if (all < impact.exchanges_delayed) {
    return fmt::format("{} delayed by more than {}", number_of(impact.exchanges_delayed, "exchange"), kDelayed);
  }
  const double share = 100.0 * static_cast<double>(impact.exchanges_delayed) / static_cast<double>(all);
  return fmt::format("{}, {} delayed by more than {}", number_of(all, "exchange"), percent(share), kDelayed);
}

std::vector<Who> owners_of_endpoint(const model::EndpointPicture& endpoint) {
  double all = 0;
  for (const model::ProcessShare& p : endpoint.processes) all += static_cast<double>(p.bytes_sent + p.bytes_received);
  std::vector<Who> owners;
  for (const model::ProcessShare& p : endpoint.processes) {
    Who who{p.comm, p.cgroup, {p.pids.begin(), p.pids.end()}, p.sockets_seen, std::nullopt};
    if (all > 0) who.bytes_pct = 100.0 * static_cast<double>(p.bytes_sent + p.bytes_received) / all;
    owners.push_back(std::move(who));
  }
  return owners;
}

}  // namespace

bool is_about_losses(const model::Finding& finding) { return finding.family == model::Family::kLosses; }

bool has_cause(const model::Report& report) {
  return std::any_of(report.findings.begin(), report.findings.end(), [](const model::Finding& finding) {
    return finding.severity != model::Severity::kNotice && !is_about_losses(finding);
  });
}

Roots root_findings(const model::Report& report) {
  Roots roots;
  for (std::size_t i = 0; i < report.findings.size(); ++i) {
    const model::Finding& finding = report.findings[i];
    if (!finding.caused_by.empty()) continue;  // reported by its cause
    (finding.severity == model::Severity::kNotice ? roots.notices : roots.causes).push_back(i);
  }
  return roots;
}

std::vector<std::size_t> effects_of(const model::Report& report, std::size_t root) {
  std::set<std::size_t> reached = {root};
  std::vector<std::size_t> effects;
  bool grown = true;
  while (grown) {
    grown = false;
    for (std::size_t i = 0; i < report.findings.size(); ++i) {
      const auto& causes = report.findings[i].caused_by;
      const bool follows =
          std::any_of(causes.begin(), causes.end(), [&](std::size_t c) { return reached.contains(c); });
      if (follows && reached.insert(i).second) {
        effects.push_back(i);
        grown = true;
      }
    }
  }
  std::sort(effects.begin(), effects.end());
  return effects;
}

std::string effect_words(const model::Report& report, std::size_t root, std::size_t effect) {
  const model::Finding& finding = report.findings[effect];
  const bool reported = finding.reported_by == root;
  return fmt::format("{} {} ({}){}", effect + 1, finding.code, model::to_string(finding.severity),
                     reported || finding.title.empty() ? "" : ": " + finding.title);
}

std::string_view kind_words(const model::Report& report, const model::Finding& finding) {
  if (is_about_losses(finding)) return "LOSS";
  if (finding.severity == model::Severity::kNotice) return "NOTICE";
  return report.verdict == model::Verdict::kSymptomsOnly ? "SYMPTOM" : "CAUSE";
}

std::string place_words(const model::Report& report, const model::Finding& finding) {
  if (!finding.endpoint) return finding.device;
  const model::EndpointKey& key = report.picture.endpoints[*finding.endpoint].key;
  const std::string more =
      finding.more_endpoints.empty() ? "" : fmt::format(" and {} more", finding.more_endpoints.size());
  return key.at.to_string() + more + (key.role == model::Role::kInbound ? " (inbound)" : "");
}

std::vector<std::string> impact_parts(const model::Report& report, const model::Finding& finding) {
  const model::Impact& impact = finding.impact;
  std::vector<std::string> parts;
  // The share is told with the first of them: that is what it is a share of.
  std::optional<double> share = impact.share_pct ? impact.share_pct : finding.share_pct;
  if (impact.exchanges_delayed > 0) {
    parts.push_back(delayed_words(report, finding));
    const std::string pct = impact.exchanges_failed > 0 && share ? fmt::format(" ({})", percent(*share)) : "";
    parts.push_back(fmt::format("{} failed{}", impact.exchanges_failed, pct));
    share.reset();
  } else if (impact.exchanges_failed > 0) {
    parts.push_back(affected(impact.exchanges_failed, "exchange", impact.of_exchanges, "failed",
                             std::exchange(share, std::nullopt)));
  }
  if (impact.connects_failed > 0) {
    parts.push_back(
        affected(impact.connects_failed, "connect", impact.of_connects, "failed", std::exchange(share, std::nullopt)));
  }
  if (parts.empty()) {
    // What a full listen queue turned away never became a connection that could fail here.
    parts.emplace_back(finding.family == model::Family::kListening ? "no traced exchange or connect failed"
                                                                   : "no exchange or connect failed");
    // What a delay is counted in stands in its evidence.
    if (!is_about_delay(finding.family)) parts.back() += fmt::format(", seen {}", number_of(finding.count, "time"));
  }
  return parts;
}

std::vector<Who> owners_of(const model::Report& report, const model::Finding& finding) {
  std::vector<Who> owners;
  if (finding.endpoint && is_about_delay(finding.family)) {
    owners = owners_of_endpoint(report.picture.endpoints[*finding.endpoint]);
    if (!owners.empty()) return owners;
  }
  const auto entry = [&](const std::string& comm, const std::string& cgroup) -> Who& {
    const auto found = std::find_if(owners.begin(), owners.end(),
                                    [&](const Who& who) { return who.comm == comm && who.cgroup == cgroup; });
    return found != owners.end() ? *found : owners.emplace_back(Who{comm, cgroup, {}, 0, std::nullopt});
  };
  for (const std::size_t index : finding.sockets) {
    const model::SocketStory& story = report.picture.sockets[index];
    if (!story.owner) continue;
    Who& who = entry(story.owner->comm, story.cgroup_path);
    if (story.owner->pid != 0) who.pids.insert(story.owner->pid);
    ++who.sockets;
  }
  std::stable_sort(owners.begin(), owners.end(), [](const Who& a, const Who& b) { return a.sockets > b.sockets; });
  if (!owners.empty() || !finding.endpoint) return owners;
  return owners_of_endpoint(report.picture.endpoints[*finding.endpoint]);
}

std::string who_words(const Who& who) {
  std::vector<std::string> parts;
  if (!who.pids.empty()) parts.push_back(pid_words(who.pids));
  if (who.bytes_pct) parts.push_back(number_of(who.sockets, "socket"));
  std::string text = who.comm.empty() ? "?" : who.comm;
  if (!parts.empty()) text += fmt::format(" ({})", join(parts, ", "));
  if (who.bytes_pct) text += fmt::format(", {} of the bytes", percent(*who.bytes_pct));
  return text;
}

}  // namespace tcpdiag::report
