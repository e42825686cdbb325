// SPDX-License-Identifier: Apache-2.0
// Findings: the causes whole, each with what it explains; then the notices. The number of a finding is its number in
// the JSON report ("CAUSE 2" is f2).
#include <fmt/format.h>

#include <algorithm>

#include "report/json.h"
#include "report/layout.h"
#include "report/trace_document.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

using model::Finding;

// Where text begins the parts of a finding.
constexpr std::size_t kLabelColumns = 10;  // "Evidence  ", "Do next   "
std::string lead(std::string_view label) {
  return "  " + (label.size() < kLabelColumns ? pad_right(label, kLabelColumns) : std::string(label) + " ");
}

Style style_of(model::Severity severity) {
  if (severity == model::Severity::kNotice) return Style::kHeading;
  return severity == model::Severity::kWarning ? Style::kWarning : Style::kCritical;
}

// A shape beside the word and the colour.
const char* severity_mark(model::Severity severity) {
  if (severity == model::Severity::kNotice) return "\u25cb notice";
  return severity == model::Severity::kWarning ? "\u25b3 warning" : "\u25b2 critical";
}

// "CAUSE" -> "Cause"
std::string capitalised(std::string_view word) {
  std::string text(word);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (!text.empty()) std::transform(text.begin() + 1, text.end(), text.begin() + 1, lower);
  return text;
}

// An address is never elided: it goes to a line of its own where it does not fit.
std::string brief_heading(const model::Report& report, std::size_t index) {
  const Finding& finding = report.findings[index];
  const std::string place = escape_terminal(place_words(report, finding));
  const std::string begin =
      fmt::format("{} {}  {}", kind_words(report, finding), index + 1, escape_terminal(finding.code));
  const bool is_notice = finding.severity == model::Severity::kNotice;
  const std::string severity = is_notice ? "" : fmt::format("  {}", model::in_capitals(finding.severity));
  const char* confidence = model::to_string(finding.confidence);
  const std::string with_place = place.empty() ? begin : fmt::format("{}  {}", begin, place);
  const std::string whole = first_that_fits({fmt::format("{}{}  confidence {}", with_place, severity, confidence),
                                             fmt::format("{}{}  conf. {}", with_place, severity, confidence)},
                                            kPageColumns);
  if (columns(whole) <= kPageColumns) return whole;
  return fmt::format("{}{}  confidence {}\n  {}", begin, severity, confidence, place);
}

// A ticket's title has told the first cause's already; so its headings say what kind of cause it is.
std::string long_heading(const TraceView& view, std::size_t index) {
  const Finding& finding = view.report.findings[index];
  const std::string_view kind = kind_words(view.report, finding);
  if (view.is_page()) {
    return fmt::format("{} {}: {}", capitalised(kind), index + 1, finding.title.empty() ? finding.code : finding.title);
  }
  const std::string place = place_words(view.report, finding);
  std::string text = fmt::format("{} {}: {}", kind, index + 1, finding.code);
  if (!place.empty()) text += ", " + place;
  if (finding.severity != model::Severity::kNotice) text += fmt::format(" ({})", model::in_capitals(finding.severity));
  return text;
}

Section heading_of(const TraceView& view, std::size_t index) {
  const Finding& finding = view.report.findings[index];
  Section section;
  section.kind = Section::Kind::kFinding;
  section.id = Ids::finding(index);
  section.heading = Words(long_heading(view, index), brief_heading(view.report, index));
  section.style = style_of(finding.severity);
  if (!view.is_page()) return section;
  section.code = finding.code;
  section.marks = {severity_mark(finding.severity), fmt::format("confidence {}", model::to_string(finding.confidence))};
  if (finding.endpoint) {
    section.marks.push_back("at " + view.endpoint_name(view.picture().endpoints[*finding.endpoint]));
  } else if (!finding.device.empty()) {
    section.marks.push_back("at " + finding.device);
  }
  return section;
}

// Unless the document's summary, or the heading, has told it.
void add_explanation(Section& section, const TraceView& view, std::size_t index) {
  const Finding& finding = view.report.findings[index];
  const std::string& text = finding.explanation.empty() ? finding.title : finding.explanation;
  const bool is_shown = !view.is_screen() && (text == view.report.summary || (view.is_page() && text == finding.title));
  if (!is_shown) section.nodes.emplace_back(Paragraph{text, Style::kPlain, "  "}, true);
}

class FindingFacts {
 public:
  FindingFacts(const TraceView& view, std::size_t index)
      : view_(view), report_(view.report), index_(index), finding_(view.report.findings[index]) {}

  Facts of_cause() {
    add_impact();
    add_who();
    add_log();
    add_evidence();
    add_texts("Timers that fit", "Timers", finding_.timers);
    add_confidence();
    add_next_steps();
    if (!finding_.disproved_by.empty()) add_texts("Ruled out if", "Ruled out if", {finding_.disproved_by});
    add_effects();
    if (view_.is_page()) add_connections();
    return std::move(out_);
  }

  Facts of_notice() {
    add_evidence();
    add_effects();
    return std::move(out_);
  }

 private:
  void add_texts(const char* label, const char* text_label, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    Fact& fact = out_.facts.emplace_back(Fact{label, lead(text_label)});
    fact.texts.assign(texts.begin(), texts.end());
  }

  void add_impact() {
    std::vector<std::string> parts;
    if (!is_about_losses(finding_)) parts = impact_parts(report_, finding_);
    const bool once = finding_.first_at == finding_.last_at;
    const std::string first = view_.time(finding_.first_at);
    const std::string last = view_.time(finding_.last_at);
    if (view_.is_screen()) {
      if (parts.empty()) return;
      parts.push_back(once ? "at " + first : fmt::format("{} .. {}", first, last));
      if (finding_.ongoing) parts.emplace_back("ongoing");
      out_.facts.push_back({"Impact", "  Impact: ", {join(parts, ", ")}});
      return;
    }
    if (!parts.empty()) out_.facts.push_back({"Impact", "  Impact: ", {join(parts, ", ")}});
    const auto machine = [&](model::MonoTime t) { return rfc3339(view_.wall(t)); };
    const std::string when =
        once ? fmt::format("once, {} UTC", first) : fmt::format("first {}, last {} UTC", first, last);
    Fact seen{
        "Seen",
        "",
        {when + (finding_.ongoing ? "; ongoing at the end of the trace" : "; not ongoing at the end of the trace")}};
    seen.moments.push_back({first, machine(finding_.first_at)});
    if (!once) seen.moments.push_back({last, machine(finding_.last_at)});
    out_.facts.push_back(std::move(seen));
  }

  void add_who() {
    constexpr std::size_t kNameColumns = 20;
    const std::string begin = "  Who:    ";
    const std::size_t room = kPageColumns - begin.size();
    Fact fact{"Who", begin};
    const std::vector<Who> owners = owners_of(report_, finding_);
    const std::size_t shown = std::min(owners.size(), view_.limit(2, 4, 5));
    for (std::size_t i = 0; i < shown; ++i) {
      Who who = owners[i];
      const std::string whole = who_words(who) + (who.cgroup.empty() ? "" : ", cgroup " + who.cgroup);
      who.comm = elide_middle(escape_terminal(who.comm), kNameColumns);
      std::string brief = who_words(who);
      if (!who.cgroup.empty()) {
        const std::string cgroup = "cgroup " + escape_terminal(who.cgroup);
        const bool fits = columns(brief) + 2 + columns(cgroup) <= room;
        brief += fits ? ", " + cgroup : ",\n" + elide_middle(cgroup, room);
      }
      fact.texts.emplace_back(whole, brief);
    }
    if (owners.size() > shown) {
      fact.texts.emplace_back(fmt::format("and {}", number_of(owners.size() - shown, "more group")));
    }
    if (owners.empty() && finding_.endpoint) fact.texts.emplace_back(std::string(kWhoUnknown));
    if (!fact.texts.empty()) out_.facts.push_back(std::move(fact));
  }

  void add_log() {
    std::vector<std::string> lines = finding_.app_messages;
    lines.resize(std::min(lines.size(), view_.limit(2, 4, lines.size())));
    if (lines.empty()) return;
    Fact fact{"Clients log", "  Log line: "};
    fact.texts.assign(lines.begin(), lines.end());
    out_.facts.push_back(std::move(fact));
  }

  void add_evidence() {
    Fact fact{"Evidence", lead("Evidence")};
    const std::vector<model::EvidenceRow>& lines = finding_.rows;
    const std::size_t shown = std::min(lines.size(), view_.limit(lines.size(), 25, lines.size()));
    for (std::size_t i = 0; i < shown; ++i) fact.rows.emplace_back(lines[i].label, lines[i].value);
    if (shown < lines.size())
      fact.rows.emplace_back("...", fmt::format("{} more in the JSON report", lines.size() - shown));
    if (!fact.rows.empty()) out_.facts.push_back(std::move(fact));
  }

  void add_confidence() {
    const std::string doubts = join(finding_.confidence_reasons, " ");
    if (view_.is_screen()) {
      if (!doubts.empty()) add_texts("Doubts", "Doubts", {doubts});
      return;
    }
    const char* confidence = model::to_string(finding_.confidence);
    add_texts("Confidence", "Sure?", {doubts.empty() ? confidence : fmt::format("{}. {}", confidence, doubts)});
  }

  void add_next_steps() {
    const std::size_t all = finding_.next_steps.size();
    if (all == 0) return;
    Fact fact{"Next steps", lead("Do next")};
    for (std::size_t i = 0; i < std::min(all, view_.limit(all, 10, all)); ++i) {
      const model::NextStep& step = finding_.next_steps[i];
      fact.actions.push_back({step.text, model::to_string(step.whose), step.command});
    }
    out_.facts.push_back(std::move(fact));
  }

  void add_effects() {
    Fact fact{"Explains", lead("Explains")};
    for (const std::size_t effect : effects_of(report_, index_)) {
      fact.texts.emplace_back(effect_words(report_, index_, effect));
      fact.anchors.push_back(Ids::finding(effect));
    }
    if (!fact.texts.empty()) out_.facts.push_back(std::move(fact));
  }

  void add_connections() {
    constexpr std::size_t kLinks = 12;
    Fact fact{"Connections", ""};
    for (const std::size_t socket : finding_.sockets) {
      const std::string anchor = view_.stories.anchor(socket);
      if (fact.links.size() == kLinks || anchor.empty()) continue;
      const model::SocketStory& story = view_.picture().sockets[socket];
      fact.links.push_back(
          {anchor, fmt::format("{} port {}", view_.time(failed_at(view_.picture(), story)), story.socket.local.port)});
    }
    if (fact.links.empty()) return;
    const std::size_t more = finding_.sockets.size() - fact.links.size();
    if (more > 0) fact.links.push_back({"", fmt::format("and {} more", more)});
    out_.facts.push_back(std::move(fact));
  }

  const TraceView& view_;
  const model::Report& report_;
  std::size_t index_;
  const Finding& finding_;
  Facts out_;
};

Section whole(const TraceView& view, std::size_t index, bool is_cause) {
  Section section = heading_of(view, index);
  add_explanation(section, view, index);
  FindingFacts facts(view, index);
  section.nodes.emplace_back(is_cause || view.is_page() ? facts.of_cause() : facts.of_notice(), true);
  return section;
}

Section shortened(const TraceView& view, std::size_t index) {
  Section section = heading_of(view, index);
  if (!view.is_page()) {
    section.nodes.emplace_back(Paragraph{view.report.findings[index].title, Style::kPlain, "  "}, true);
  }
  return section;
}

void say_left_out(Section& section, std::size_t all, std::size_t shown, std::string_view what, bool joined) {
  if (all <= shown) return;
  section.nodes.emplace_back(
      Paragraph{fmt::format("... {} in the JSON report", number_of(all - shown, what)), Style::kMuted}, joined);
}

}  // namespace

// When everything fails at once, twenty blocks hide what the first ones say. The JSON report has them all.
void add_findings(Document& document, const TraceView& view) {
  const std::size_t whole_causes = view.limit(5, 5, 15);
  const std::size_t all_causes = view.limit(20, 20, 100);
  const std::size_t all_notices = view.limit(8, 8, 30);
  const auto [causes, notices] = root_findings(view.report);
  Section section = chapter("findings", "Findings");
  for (std::size_t i = 0; i < std::min(causes.size(), all_causes); ++i) {
    const bool is_whole = i < whole_causes;
    section.nodes.emplace_back(is_whole ? whole(view, causes[i], true) : shortened(view, causes[i]), i > whole_causes);
  }
  say_left_out(section, causes.size(), all_causes, "more cause", true);
  for (std::size_t i = 0; i < std::min(notices.size(), all_notices); ++i) {
    section.nodes.emplace_back(whole(view, notices[i], false));
  }
  say_left_out(section, notices.size(), all_notices, "more notice", false);
  if (!section.nodes.empty()) document.body.emplace_back(std::move(section));
}

}  // namespace tcpdiag::report
