// SPDX-License-Identifier: Apache-2.0
// Findings as sections. Their numbers are those of the JSON report ("CAUSE 2" is f2).
#include <fmt/format.h>

#include <algorithm>

#include "report/content.h"
#include "report/markdown.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

// When everything fails at once, twenty sections hide what the first ones say.
constexpr std::size_t kWholeCauses = 5;
constexpr std::size_t kShortCauses = 20;
constexpr std::size_t kNotices = 8;
constexpr std::size_t kOwners = 4;
constexpr std::size_t kLogLines = 4;
constexpr std::size_t kEvidenceRows = 25;
constexpr std::size_t kSteps = 10;

void append_heading(Markdown& out, const model::Report& report, std::size_t index) {
  const model::Finding& finding = report.findings[index];
  const std::string place = place_words(report, finding);
  std::string text = fmt::format("{} {}: {}", kind_words(report, finding), index + 1, finding.code);
  if (!place.empty()) text += ", " + place;
  if (finding.severity != model::Severity::kNotice) text += fmt::format(" ({})", model::in_capitals(finding.severity));
  out.heading(3, text);
}

void append_what(Markdown& out, const model::Report& report, const model::Finding& finding) {
  const std::string& text = finding.explanation.empty() ? finding.title : finding.explanation;
  if (text != report.summary) out.paragraph(text);  // else it stands at the top
}

void append_evidence(Markdown& out, const model::Report& report, const model::Finding& finding) {
  std::vector<std::vector<std::string>> rows;
  for (const model::EvidenceRow& row : finding.rows) rows.push_back({row.label, row.value});
  for (const std::string& line : finding.timers) rows.push_back({"timers that fit", line});
  if (rows.empty()) return;
  const std::size_t all = rows.size();
  rows.resize(std::min(all, kEvidenceRows));
  out.table({{"Evidence"}, {""}}, rows);
  if (all > kEvidenceRows) out.paragraph(fmt::format("... {} more in the JSON report", all - kEvidenceRows));
}

std::string seen_words(const model::Report& report, const model::Finding& finding) {
  const auto time = [&](model::MonoTime t) { return time_words(report.picture, t); };
  const std::string when = finding.first_at == finding.last_at
                               ? fmt::format("once, {} UTC", time(finding.first_at))
                               : fmt::format("first {}, last {} UTC", time(finding.first_at), time(finding.last_at));
  return when + (finding.ongoing ? "; still so at the end of the trace" : "; not at the end of the trace");
}

void append_who(Markdown& out, const model::Report& report, const model::Finding& finding) {
  const std::vector<Who> owners = owners_of(report, finding);
  if (owners.empty() && finding.endpoint) out.item("Who", kWhoUnknown);
  for (std::size_t i = 0; i < std::min(owners.size(), kOwners); ++i) {
    const std::string cgroup = owners[i].cgroup.empty() ? "" : ", cgroup " + owners[i].cgroup;
    out.item("Who", who_words(owners[i]) + cgroup);
  }
  if (owners.size() > kOwners) out.item("Who", fmt::format("and {}", number_of(owners.size() - kOwners, "more group")));
}

void append_next_steps(Markdown& out, const model::Finding& finding) {
  if (finding.next_steps.empty()) return;
  out.label("Next steps");
  for (std::size_t i = 0; i < std::min(finding.next_steps.size(), kSteps); ++i) {
    const model::NextStep& step = finding.next_steps[i];
    out.numbered(i + 1, model::to_string(step.whose), step.text);
    if (!step.command.empty()) out.command(step.command, Markdown::InItem::kYes);
  }
}

void append_effects(Markdown& out, const model::Report& report, std::size_t root) {
  for (const std::size_t effect : effects_of(report, root)) out.item("Explains", effect_words(report, root, effect));
}

Markdown cause(const model::Report& report, std::size_t index) {
  const model::Finding& finding = report.findings[index];
  Markdown out;
  append_heading(out, report, index);
  append_what(out, report, finding);
  append_evidence(out, report, finding);
  const std::string doubts = join(finding.confidence_reasons, " ");
  const char* confidence = model::to_string(finding.confidence);
  out.item("Confidence", doubts.empty() ? confidence : fmt::format("{}. {}", confidence, doubts));
  if (!is_about_losses(finding)) out.item("Impact", join(impact_parts(report, finding), ", "));
  out.item("Seen", seen_words(report, finding));
  append_who(out, report, finding);
  for (std::size_t i = 0; i < std::min(finding.app_messages.size(), kLogLines); ++i) {
    out.item("Clients log", finding.app_messages[i]);
  }
  append_effects(out, report, index);
  append_next_steps(out, finding);
  if (!finding.disproved_by.empty()) out.paragraph("Wrong if", finding.disproved_by);
  return out;
}

Markdown notice(const model::Report& report, std::size_t index) {
  const model::Finding& finding = report.findings[index];
  Markdown out;
  append_heading(out, report, index);
  append_what(out, report, finding);
  append_evidence(out, report, finding);
  append_effects(out, report, index);
  return out;
}

}  // namespace

std::vector<Markdown> markdown_findings(const model::Report& report) {
  const auto [causes, notices] = root_findings(report);
  std::vector<Markdown> pieces;
  for (std::size_t i = 0; i < std::min(causes.size(), kWholeCauses); ++i) pieces.push_back(cause(report, causes[i]));
  for (std::size_t i = kWholeCauses; i < std::min(causes.size(), kShortCauses); ++i) {
    Markdown& piece = pieces.emplace_back();
    append_heading(piece, report, causes[i]);
    piece.paragraph(report.findings[causes[i]].title);
  }
  for (std::size_t i = 0; i < std::min(notices.size(), kNotices); ++i) pieces.push_back(notice(report, notices[i]));
  const auto say_left_out = [&](std::size_t all, std::size_t shown, std::string_view what) {
    if (all <= shown) return;
    pieces.emplace_back().paragraph(fmt::format("... {} in the JSON report", number_of(all - shown, what)));
  };
  say_left_out(causes.size(), kShortCauses, "more cause");
  say_left_out(notices.size(), kNotices, "more notice");
  return pieces;
}

}  // namespace tcpdiag::report
