// SPDX-License-Identifier: Apache-2.0
// Findings as blocks of text. The number of a block is the finding's number in the JSON report ("CAUSE 2" is f2).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "knowledge/not_visible.h"
#include "report/evidence.h"
#include "report/format.h"
#include "report/text.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

// When everything fails at once, twenty blocks hide what the first ones say. The JSON report has them all.
constexpr std::size_t kWholeCauses = 5;
constexpr std::size_t kShortCauses = 20;
constexpr std::size_t kNotices = 8;
constexpr std::size_t kLogLines = 2;
constexpr std::size_t kPidsColumns = 28;
constexpr std::string_view kDelayed = "100 ms";  // what makes an exchange a delayed one: docs/findings.md, severity
constexpr std::size_t kLabelColumns = 10;        // "Evidence  ", "Do next   "

const char* severity_words(model::Severity severity) {
  switch (severity) {
    case model::Severity::kNotice:
      return "NOTICE";
    case model::Severity::kWarning:
      return "WARNING";
    case model::Severity::kCritical:
      return "CRITICAL";
  }
  return "NOTICE";
}

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
std::string place_of(const TextContext& context, const model::Finding& finding) {
  if (!finding.endpoint) return finding.device;
  const model::EndpointKey& key = context.picture().endpoints[*finding.endpoint].key;
  return key.at.to_string() + (key.role == model::Role::kInbound ? " (inbound)" : "");
}

void append_heading(Page& page, const TextContext& context, std::size_t index) {
  const model::Finding& finding = context.report.findings[index];
  const std::string place = place_of(context, finding);
  const Style style = style_of(finding.severity);
  const bool is_notice = finding.severity == model::Severity::kNotice;
  const bool only_symptoms = context.report.verdict == model::Verdict::kSymptomsOnly;
  const char* kind = finding.code == kEventsLost ? "LOSS" : is_notice ? "NOTICE" : only_symptoms ? "SYMPTOM" : "CAUSE";
  const std::string begin = fmt::format("{} {}  {}", kind, index + 1, finding.code);
  const std::string severity = is_notice ? "" : fmt::format("  {}", severity_words(finding.severity));
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

std::optional<std::int64_t> evidence_count(const model::Finding& finding, std::string_view key) {
  for (const model::Evidence& item : finding.evidence) {
    if (item.key != key) continue;
    if (const auto* value = std::get_if<std::int64_t>(&item.value)) return *value;
  }
  return std::nullopt;
}

std::string affected(std::uint64_t part, std::string_view what, std::optional<std::int64_t> whole,
                     std::string_view happened, std::optional<double> share_pct) {
  std::string text = whole ? fmt::format("{} of {} {}s", part, *whole, what) : number_of(part, what);
  text += fmt::format(" {}", happened);
  if (share_pct) text += fmt::format(" ({})", percent(*share_pct));
  return text;
}

// "14078 exchanges, 100 % delayed by more than 100 ms, 0 failed"
std::string delayed_words(const TextContext& context, const model::Finding& finding) {
  const model::Impact& impact = finding.impact;
  const std::uint64_t all = finding.endpoint ? context.picture().endpoints[*finding.endpoint].totals.exchanges : 0;
  if (all < impact.exchanges_delayed) {
    return fmt::format("{} delayed by more than {}", number_of(impact.exchanges_delayed, "exchange"), kDelayed);
  }
  const double share = 100.0 * static_cast<double>(impact.exchanges_delayed) / static_cast<double>(all);
  return fmt::format("{}, {} delayed by more than {}", number_of(all, "exchange"), percent(share), kDelayed);
}

void append_impact(Page& page, const TextContext& context, const model::Finding& finding) {
  const model::Impact& impact = finding.impact;
  std::vector<std::string> parts;
  // The share is told with the first of them: that is what it is a share of.
  std::optional<double> share = impact.share_pct ? impact.share_pct : finding.share_pct;
  if (impact.exchanges_delayed > 0) {
    parts.push_back(delayed_words(context, finding));
    const std::string pct = impact.exchanges_failed > 0 && share ? fmt::format(" ({})", percent(*share)) : "";
    parts.push_back(fmt::format("{} failed{}", impact.exchanges_failed, pct));
    share.reset();
  } else if (impact.exchanges_failed > 0) {
    parts.push_back(affected(impact.exchanges_failed, "exchange", evidence_count(finding, "exchange_count"), "failed",
                             std::exchange(share, std::nullopt)));
  }
  if (impact.connects_failed > 0) {
    parts.push_back(affected(impact.connects_failed, "connect", evidence_count(finding, "connect_count"), "failed",
                             std::exchange(share, std::nullopt)));
  }
  if (parts.empty()) {
    // What a full listen queue turned away never became a connection that could fail here.
    parts.emplace_back(finding.code == "listen-overflow" ? "no traced exchange or connect failed"
                                                         : "no exchange or connect failed");
    // What a delay is counted in stands in its evidence.
    if (!is_about_delay(finding.code)) parts.back() += fmt::format(", seen {}", number_of(finding.count, "time"));
  }
  const bool once = finding.first_at == finding.last_at;
  parts.push_back(once ? "at " + context.time(finding.first_at)
                       : fmt::format("{} .. {}", context.time(finding.first_at), context.time(finding.last_at)));
  if (finding.ongoing) parts.emplace_back("still so at the end");
  page.paragraph("  Impact: ", join(parts, ", "));
}

struct Who {
  std::string comm;
  std::string cgroup;
  std::set<std::uint32_t> pids;
  std::size_t sockets = 0;
  std::optional<double> bytes_pct;  // of all bytes of the endpoint
};

// "ruby (pids 811, 812)"; of the processes of an endpoint "redis-benchmark (pid 4121, 50 sockets), 100 % of the bytes".
std::string who_words(const Who& who) {
  std::vector<std::string> parts;
  if (!who.pids.empty()) parts.push_back(pid_words(who.pids));
  if (who.bytes_pct) parts.push_back(number_of(who.sockets, "socket"));
  std::string text = elide_middle(who.comm.empty() ? "?" : escape_terminal(who.comm), 20);
  if (!parts.empty()) text += fmt::format(" ({})", join(parts, ", "));
  if (who.bytes_pct) text += fmt::format(", {} of the bytes", percent(*who.bytes_pct));
  return text;
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

// The owners of the finding's sockets. Where none of them is known, and where the endpoint as a whole is slow, the
// processes of its endpoint.
std::vector<Who> owners_of(const TextContext& context, const model::Finding& finding) {
  std::vector<Who> owners;
  if (finding.endpoint && is_about_delay(finding.code)) {
    owners = owners_of_endpoint(context.picture().endpoints[*finding.endpoint]);
    if (!owners.empty()) return owners;
  }
  const auto entry = [&](const std::string& comm, const std::string& cgroup) -> Who& {
    const auto found = std::find_if(owners.begin(), owners.end(),
                                    [&](const Who& who) { return who.comm == comm && who.cgroup == cgroup; });
    return found != owners.end() ? *found : owners.emplace_back(Who{comm, cgroup, {}, 0, std::nullopt});
  };
  for (const std::size_t index : finding.sockets) {
    const model::SocketStory& story = context.picture().sockets[index];
    if (!story.owner) continue;
    Who& who = entry(story.owner->comm, story.cgroup_path);
    if (story.owner->pid != 0) who.pids.insert(story.owner->pid);
    ++who.sockets;
  }
  std::stable_sort(owners.begin(), owners.end(), [](const Who& a, const Who& b) { return a.sockets > b.sockets; });
  if (!owners.empty() || !finding.endpoint) return owners;
  return owners_of_endpoint(context.picture().endpoints[*finding.endpoint]);
}

void append_who(Page& page, const TextContext& context, const model::Finding& finding) {
  constexpr std::size_t kShown = 2;
  std::string begin = "  Who:    ";
  const std::size_t room = kPageColumns - begin.size();
  const std::vector<Who> owners = owners_of(context, finding);
  if (owners.empty()) {
    if (finding.endpoint) page.line(begin + "unknown: the process that owns the sockets was not seen");
    return;
  }
  for (std::size_t i = 0; i < std::min(owners.size(), kShown); ++i) {
    const Who& who = owners[i];
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
  const std::vector<EvidenceLine> lines = evidence_lines(finding, &context.report);
  std::size_t width = 0;
  for (const EvidenceLine& line : lines) width = std::max(width, std::min(columns(line.label), kWidestLabel));
  Section section(page, "Evidence");
  for (const EvidenceLine& line : lines) {
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

// Findings that go back to `root`, in the report's order.
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

void append_effects(Page& page, const model::Report& report, std::size_t root) {
  Section section(page, "Explains");
  for (const std::size_t i : effects_of(report, root)) {
    const model::Finding& effect = report.findings[i];
    // Of the queue behind a ceiling the ceiling's own evidence has told.
    const bool told = effect.code == "path-queueing" && report.findings[root].code == "throughput-ceiling";
    section.row("", fmt::format("{} {} ({}){}", i + 1, effect.code, model::to_string(effect.severity),
                                told || effect.title.empty() ? "" : ": " + effect.title));
  }
}

void append_cause(Page& page, const TextContext& context, std::size_t index) {
  const model::Finding& finding = context.report.findings[index];
  append_heading(page, context, index);
  page.paragraph("  ", finding.explanation.empty() ? finding.title : finding.explanation);
  if (finding.code != kEventsLost) append_impact(page, context, finding);
  append_who(page, context, finding);
  for (std::size_t i = 0; i < std::min(finding.app_messages.size(), kLogLines); ++i) {
    page.paragraph(i == 0 ? "  Log line: " : "            ", finding.app_messages[i]);
  }
  append_evidence(page, context, finding);
  Section timers(page, "Timers");
  for (const std::string& line : timer_lines(finding)) timers.row("", line);
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

bool is_about_delay(std::string_view code) {
  constexpr std::array<std::string_view, 7> kCodes = {"throughput-ceiling", "path-queueing", "local-queueing",
                                                      "slow-reader",        "zero-window",   "retransmit-loss",
                                                      "delay-unattributed"};
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

std::string not_visible_words(const model::Report& report) {
  std::vector<std::string> words;
  for (const std::string& id : report.not_visible) {
    const knowledge::NotVisible* known = knowledge::find_not_visible(id);
    words.emplace_back(known != nullptr ? known->words : std::string_view(id));
  }
  return join(words, ", ");
}

void append_findings(Page& page, const TextContext& context) {
  const std::vector<model::Finding>& findings = context.report.findings;
  std::vector<std::size_t> causes;
  std::vector<std::size_t> notices;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (!findings[i].caused_by.empty()) continue;  // told by its cause
    (findings[i].severity == model::Severity::kNotice ? notices : causes).push_back(i);
  }
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
