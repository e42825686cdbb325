// SPDX-License-Identifier: Apache-2.0
// The report as Markdown, made to be pasted into a ticket: the cause and what it did at the top, where it comes from
// and how to repeat it at the end. What does not fit a ticket is left out piece by piece, never the end.
#include "report/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "report/content.h"
#include "report/layout.h"
#include "report/text.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

constexpr std::size_t kAbilities = 10;

// Null: nothing is wrong with the network.
const model::Finding* first_cause(const model::Report& report) {
  const Roots roots = root_findings(report);
  const auto found = std::find_if(roots.causes.begin(), roots.causes.end(),
                                  [&](std::size_t i) { return !is_about_losses(report.findings[i]); });
  return found == roots.causes.end() ? nullptr : &report.findings[*found];
}

std::string title_of(const model::Report& report) {
  const model::Finding* first = first_cause(report);
  if (first != nullptr && !first->title.empty()) return first->title;
  return report.verdict == model::Verdict::kNothingMatched ? "No TCP socket matched" : "Nothing wrong seen in TCP";
}

std::string summary_of(const model::Report& report) {
  if (report.verdict == model::Verdict::kNothingMatched) return not_matched_words(report);
  if (!has_cause(report)) return nothing_found_words(report);
  return report.summary;
}

std::string verdict_of(const model::Report& report) {
  const std::string verdict = verdict_words(report.verdict);
  const model::Finding* first = first_cause(report);
  if (first == nullptr) return verdict;
  return fmt::format("{}; {}, confidence {}", verdict, model::to_string(first->severity),
                     model::to_string(first->confidence));
}

std::string host_of(const model::HostInfo& host) {
  const std::string instance = instance_words(host);
  const std::string name = host.hostname.empty() ? "?" : host.hostname;
  return join({name, instance.empty() ? "instance type not known" : instance,
               fmt::format("Linux {} {}", host.kernel, host.arch)},
              ", ");
}

// Who reads only this knows what it is about.
Markdown top(const model::Report& report) {
  const model::Picture& picture = report.picture;
  Markdown out;
  out.heading(2, title_of(report));
  out.paragraph(summary_of(report));
  const std::string verdict = verdict_of(report);
  std::vector<std::vector<std::string>> rows;
  if (const model::Finding* first = first_cause(report)) {
    rows.push_back({"Impact", join(impact_parts(report, *first), ", ")});
    if (!first->next_steps.empty()) {
      const model::NextStep& step = first->next_steps.front();
      rows.push_back({"Next step", fmt::format("{}: {}", model::to_string(step.whose), step.text)});
    }
  }
  const std::vector<std::vector<std::string>> circumstances = {
      {"Host", host_of(picture.start.host)},
      {"Traced", fmt::format("{} ({})", window_words(picture), window_length(picture.window.length()))},
      {"Local time", local_time_words(picture) + " at the start"},
      {"Filter", filter_words(report)},
      {"Loss", lost_words(report)}};
  rows.insert(rows.end(), circumstances.begin(), circumstances.end());
  if (picture.window.partial) rows.push_back({"Incomplete", std::string(kIncomplete)});
  out.table({{"Verdict"}, {verdict}}, rows);
  return out;
}

Markdown over_time(const model::Report& report) {
  Markdown out;
  Page page(false);
  append_bars(page, report);
  const std::string bars = page.take();
  if (bars.empty()) return out;
  out.heading(3, "Over time (UTC)");
  out.preformatted(bars);
  return out;
}

Markdown limits(const model::Report& report) {
  const model::Picture& picture = report.picture;
  Markdown out;
  out.heading(3, "Not seen");
  const std::string hidden = not_visible_words(report);
  out.item("Not visible from here", hidden.empty() ? "nothing is known to be hidden" : hidden);
  const std::vector<std::string> lost = loss_parts(picture.loss);
  out.item("Lost", lost.empty() ? "nothing (0 events)" : join(lost, ", "));
  std::size_t missing = 0;
  for (const model::Ability& ability : picture.start.abilities) {
    if (!ability.available && ++missing <= kAbilities) {
      out.item("Not measured", fmt::format("{}: {}", ability.name, ability.reason));
    }
  }
  if (missing > kAbilities) out.item("Not measured", fmt::format("{} more in the JSON report", missing - kAbilities));
  const std::string nics = quiet_nics_words(report);
  if (!nics.empty()) out.item("Network cards", nics);
  return out;
}

Markdown origin(const model::Report& report) {
  const model::TraceStart& start = report.picture.start;
  Markdown out;
  out.heading(3, "This trace");
  const std::string recording = recording_words(report);
  out.item("Recording", recording.empty() ? "none was made" : recording);
  out.item("Made by",
           fmt::format("tcpdiag {}{}; {}", start.tool_version,
                       start.tool_git.empty() ? "" : fmt::format(" ({})", start.tool_git), cost_words(report.picture)));
  const std::string command = command_words(report);
  if (!command.empty()) {
    out.label("Command");
    out.command(command);
  }
  return out;
}

// Pieces in order, a blank line between them, up to a number of bytes.
class Document {
 public:
  explicit Document(std::size_t room) : room_(room) {}

  void add(Markdown piece) {
    std::string text = piece.take();
    if (text.empty()) return;
    if (text_.size() + 1 + text.size() > room_) {
      ++left_out_;
      return;
    }
    if (!text_.empty()) text_ += '\n';
    text_ += text;
  }
  void add(std::vector<Markdown> pieces) {
    for (Markdown& piece : pieces) add(std::move(piece));
  }

  std::size_t left_out() const { return left_out_; }
  std::string take() { return std::move(text_); }

 private:
  std::size_t room_;
  std::size_t left_out_ = 0;
  std::string text_;
};

}  // namespace

std::string render_markdown(const model::Report& report, const MarkdownOptions& options) {
  constexpr std::size_t kRemark = 200;  // bytes
  Document end(kMarkdownBytes);
  end.add(limits(report));
  end.add(origin(report));
  const std::string end_text = end.take();

  Document out(kMarkdownBytes - end_text.size() - kRemark);
  out.add(top(report));
  out.add(markdown_findings(report));
  out.add(markdown_failed_against_good(report));
  out.add(markdown_endpoints(report));
  out.add(markdown_retransmits(report));
  out.add(markdown_failures(report, options.sockets));
  out.add(markdown_stories(report, options.sockets));
  out.add(markdown_delays(report));
  out.add(over_time(report));
  out.add(markdown_processes(report));
  out.add(markdown_nics(report));
  out.add(markdown_kernel_counters(report));
  std::string text = out.take();
  if (out.left_out() > 0) {
    Markdown remark;
    remark.paragraph(fmt::format("{} did not fit a ticket: see the text or the JSON report.",
                                 number_of(out.left_out(), "more section")));
    text += '\n' + remark.take();
  }
  return text + '\n' + end_text;
}

}  // namespace tcpdiag::report
