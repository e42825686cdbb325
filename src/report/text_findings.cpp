// SPDX-License-Identifier: Apache-2.0
// Findings as blocks of text. The number of a block is the finding's number in the JSON report ("CAUSE 2" is f2).
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "report/text.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

// When everything fails at once, twenty blocks hide what the first ones say. The JSON report has them all.
constexpr std::size_t kWholeCauses = 5;
constexpr std::size_t kShortCauses = 20;
constexpr std::size_t kNotices = 8;
constexpr std::size_t kLogLines = 2;
constexpr std::size_t kLabelColumns = 10;  // "Evidence  ", "Do next   "

Style style_of(model::Severity severity) {
  switch (severity) {
    case model::Severity::kNotice:
      return Style::kHeading;
    case model::Severity::kWarning:
      return Style::kWarning;
    case model::Severity::kCritical:
      return Style::kCritical;
  }
  return Style::kHeading;
}

// An address is never elided: it goes to a line of its own where it does not fit.
void append_heading(Page& page, const TextContext& context, std::size_t index) {
  const model::Finding& finding = context.report.findings[index];
  const std::string place = place_words(context.report, finding);
  const Style style = style_of(finding.severity);
  const bool is_notice = finding.severity == model::Severity::kNotice;
  const std::string begin = fmt::format("{} {}  {}", kind_words(context.report, finding), index + 1, finding.code);
  const std::string severity = is_notice ? "" : fmt::format("  {}", model::in_capitals(finding.severity));
  const char* confidence = model::to_string(finding.confidence);
  const std::string with_place = place.empty() ? begin : fmt::format("{}  {}", begin, place);
  const std::string whole = first_that_fits({fmt::format("{}{}  confidence {}", with_place, severity, confidence),
                                             fmt::format("{}{}  conf. {}", with_place, severity, confidence)},
                                            kPageColumns);
  if (columns(whole) <= kPageColumns) {
    page.line(whole, style);
    return;
  }
  page.line(fmt::format("{}{}  confidence {}", begin, severity, confidence), style);
  page.line("  " + place, style);
}

void append_impact(Page& page, const TextContext& context, const model::Finding& finding) {
  std::vector<std::string> parts = impact_parts(context.report, finding);
  const bool once = finding.first_at == finding.last_at;
  parts.push_back(once ? "at " + context.time(finding.first_at)
                       : fmt::format("{} .. {}", context.time(finding.first_at), context.time(finding.last_at)));
  if (finding.ongoing) parts.emplace_back("still so at the end");
  page.paragraph("  Impact: ", join(parts, ", "));
}

void append_who(Page& page, const TextContext& context, const model::Finding& finding) {
  constexpr std::size_t kShown = 2;
  constexpr std::size_t kNameColumns = 20;
  std::string begin = "  Who:    ";
  const std::size_t room = kPageColumns - begin.size();
  std::vector<Who> owners = owners_of(context.report, finding);
  if (owners.empty()) {
    if (finding.endpoint) page.line(begin + std::string(kWhoUnknown));
    return;
  }
  for (std::size_t i = 0; i < std::min(owners.size(), kShown); ++i) {
    Who& who = owners[i];
    who.comm = elide_middle(escape_terminal(who.comm), kNameColumns);
    const std::string text = who_words(who);
    const std::string cgroup = who.cgroup.empty() ? "" : "cgroup " + escape_terminal(who.cgroup);
    if (cgroup.empty()) {
      page.line(begin + text);
    } else if (columns(text) + 2 + columns(cgroup) <= room) {
      page.line(begin + text + ", " + cgroup);
    } else {
      page.line(begin + text + ",");
      page.line(std::string(begin.size(), ' ') + elide_middle(cgroup, room));
    }
    begin.assign(begin.size(), ' ');
  }
  if (owners.size() > kShown)
    page.line(fmt::format("          and {}", number_of(owners.size() - kShown, "more group")));
}

// Rows of a block under one label: "  Evidence  first", "            second".
class Section {
 public:
  Section(Page& page, std::string_view label) : page_(page), begin_("  " + pad_right(label, kLabelColumns)) {}

  void row(std::string_view lead, std::string_view text) {
    page_.paragraph(begin_ + std::string(lead), text);
    begin_.assign(begin_.size(), ' ');
  }

 private:
  Page& page_;
  std::string begin_;
};

void append_evidence(Page& page, const TextContext& context, const model::Finding& finding) {
  constexpr std::size_t kWidestLabel = 24;
  const std::vector<model::EvidenceRow>& lines = finding.rows;
  std::size_t width = 0;
  for (const model::EvidenceRow& line : lines) width = std::max(width, std::min(columns(line.label), kWidestLabel));
  Section section(page, "Evidence");
  for (const model::EvidenceRow& line : lines) {
    const std::string label = elide_middle(escape_terminal(line.label), kWidestLabel);
    section.row(pad_right(label, width) + "  ", line.value);
  }
}

void append_next_steps(Page& page, const model::Finding& finding) {
  Section section(page, "Do next");
  const bool several = finding.next_steps.size() > 1;
  std::size_t number = 0;
  for (const model::NextStep& step : finding.next_steps) {
    const std::string lead = several ? fmt::format("{} ", ++number) : "";
    section.row(lead, fmt::format("{} [{}]", step.text, model::to_string(step.whose)));
    if (step.command.empty()) continue;
    const std::size_t indent = 2 + kLabelColumns + lead.size();
    for (const std::string& line : wrap_command(escape_terminal(step.command), indent)) page.line(line);
  }
}

void append_effects(Page& page, const model::Report& report, std::size_t root) {
  Section section(page, "Explains");
  for (const std::size_t effect : effects_of(report, root)) section.row("", effect_words(report, root, effect));
}

void append_cause(Page& page, const TextContext& context, std::size_t index) {
  const model::Finding& finding = context.report.findings[index];
  append_heading(page, context, index);
  page.paragraph("  ", finding.explanation.empty() ? finding.title : finding.explanation);
  if (!is_about_losses(finding)) append_impact(page, context, finding);
  append_who(page, context, finding);
  for (std::size_t i = 0; i < std::min(finding.app_messages.size(), kLogLines); ++i) {
    page.paragraph(i == 0 ? "  Log line: " : "            ", finding.app_messages[i]);
  }
  append_evidence(page, context, finding);
  Section timers(page, "Timers");
  for (const std::string& line : finding.timers) timers.row("", line);
  if (!finding.confidence_reasons.empty()) {
    Section(page, "Doubts").row("", join(finding.confidence_reasons, " "));
  }
  append_next_steps(page, finding);
  if (!finding.disproved_by.empty()) Section(page, "Wrong if").row("", finding.disproved_by);
  append_effects(page, context.report, index);
  page.blank();
}

void append_notice(Page& page, const TextContext& context, std::size_t index) {
  const model::Finding& finding = context.report.findings[index];
  append_heading(page, context, index);
  page.paragraph("  ", finding.explanation.empty() ? finding.title : finding.explanation);
  append_evidence(page, context, finding);
  append_effects(page, context.report, index);
  page.blank();
}

}  // namespace

void append_findings(Page& page, const TextContext& context) {
  const std::vector<model::Finding>& findings = context.report.findings;
  const auto [causes, notices] = root_findings(context.report);
  page.blank();
  for (std::size_t i = 0; i < std::min(causes.size(), kWholeCauses); ++i) append_cause(page, context, causes[i]);
  for (std::size_t i = kWholeCauses; i < std::min(causes.size(), kShortCauses); ++i) {
    append_heading(page, context, causes[i]);
    page.paragraph("  ", findings[causes[i]].title);
  }
  if (causes.size() > kShortCauses) {
    page.line(fmt::format("... {} in the JSON report", number_of(causes.size() - kShortCauses, "more cause")));
  }
  page.blank();
  for (std::size_t i = 0; i < std::min(notices.size(), kNotices); ++i) append_notice(page, context, notices[i]);
  if (notices.size() > kNotices) {
    page.line(fmt::format("... {} in the JSON report", number_of(notices.size() - kNotices, "more notice")));
  }
}

}  // namespace tcpdiag::report
