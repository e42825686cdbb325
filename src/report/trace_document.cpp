// SPDX-License-Identifier: Apache-2.0
// The report of a trace as a document: the cause and what it did at the top, where it comes from and how to repeat it
// at the end.
#include "report/trace_document.h"

#include <fmt/format.h>

#include <chrono>

#include "report/layout.h"
#include "report/render.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

constexpr model::Duration kShortTrace = std::chrono::seconds(10);

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
  if (report.verdict == model::Verdict::kNothingSeen) return "No TCP traffic seen";
  return report.verdict == model::Verdict::kNothingMatched ? "No TCP socket matched" : "Nothing wrong seen in TCP";
}

std::string summary_of(const model::Report& report) {
  if (report.verdict == model::Verdict::kNothingMatched) return not_matched_words(report);
  const bool is_whole = has_cause(report) || report.verdict == model::Verdict::kNothingSeen;
  return is_whole ? report.summary : nothing_found_words(report);
}

// --- The first lines of text ---

// The host's name matters more than anything that the other lines repeat, so the rest gives way before it does.
std::string first_line(const TraceView& view) {
  const model::Window& window = view.picture().window;
  const model::WallTime start = view.wall(window.start);
  const model::WallTime end = view.wall(window.end);
  const std::string end_date = date(start) == date(end) ? "" : date(end) + " ";
  const std::string exact = window_words(view.picture());
  const std::string coarse =
      fmt::format("{} {} .. {}{} UTC", date(start), clock_seconds(start), end_date, clock_seconds(end));
  const std::string length =
      fmt::format(" ({}{})", window_length(window.length()), window.partial ? ", INCOMPLETE" : "");
  std::string host = escape_terminal(view.picture().start.host.hostname);
  if (host.empty()) host = "?";
  const std::string label = host.substr(0, host.find('.'));
  const std::string last = fmt::format("  {}{}", coarse, length);
  const std::size_t room = kPageColumns - columns(last);
  if (const std::string type = escape_terminal(instance_words(view.picture().start.host)); !type.empty()) {
    // Of a short trace the milliseconds tell more than the type, which the footer can name.
    const std::string& when = window.length() < kShortTrace ? exact : coarse;
    const std::string line =
        first_that_fits({fmt::format("tcpdiag trace  host {}, {}  {}{}", label, type, exact, length),
                         fmt::format("tcpdiag trace  host {}, {}  {}{}", label, type, when, length),
                         fmt::format("tcpdiag  {}, {}  {}{}", label, type, when, length),
                         fmt::format("{}, {}  {}{}", label, type, when, length)},
                        kPageColumns);
    if (columns(line) <= kPageColumns) return line;
  }
  return first_that_fits(
      {fmt::format("tcpdiag trace  host {}  {}{}", host, exact, length),
       fmt::format("tcpdiag trace  host {}  {}{}", label, exact, length),
       fmt::format("tcpdiag trace  host {}  {}{}", label, coarse, length),
       fmt::format("tcpdiag trace  {}  {}{}", label, coarse, length), elide_middle(label, room) + last},
      kPageColumns);
}

// The second line, and what it had room for; the end tells the rest.
struct SecondLine {
  std::string text;
  bool has_filter = false;
  bool has_local_time = false;
};

SecondLine second_line(const TraceView& view) {
  constexpr std::size_t kShortestFilter = 8;
  const std::string local = escape_terminal(local_time_words(view.picture()));
  const std::string filter = escape_terminal(filter_words(view.report));
  const std::string lost = lost_words(view.report);
  const std::string cost = cost_words(view.picture());
  std::string whole = fmt::format("{} | filter: {} | {} | {}", local, filter, lost, cost);
  if (columns(whole) <= kPageColumns) return {std::move(whole), true, true};
  const std::size_t used = columns(fmt::format("{} | filter:  | {} | {}", local, lost, cost));
  if (used + kShortestFilter <= kPageColumns) {
    return {fmt::format("{} | filter: {} | {} | {}", local, elide_middle(filter, kPageColumns - used), lost, cost),
            false, true};
  }
  const std::string without_filter = fmt::format("{} | {} | {}", local, lost, cost);
  return {first_that_fits({without_filter, fmt::format("{} | {}", lost, cost), lost}, kPageColumns), false,
          columns(without_filter) <= kPageColumns};
}

// --- The end of text ---

std::string probe_words(const model::Picture& picture) {
  if (picture.start.probe_pids.empty()) return {};
  model::ProbeCounts all;
  for (const model::EndpointPicture& endpoint : picture.endpoints) {
    all.made += endpoint.probes.made;
    all.answered += endpoint.probes.answered;
  }
  if (all.made == 0) return "no endpoint was in doubt, so tcpdiag connected to none";
  return fmt::format("tcpdiag itself made {} (--probe), {} answered; counted nowhere else",
                     number_of(all.made, "connection"), all.answered);
}

Facts footer(const TraceView& view) {
  const model::Report& report = view.report;
  const model::Picture& picture = report.picture;
  const SecondLine shown = second_line(view);
  Facts out;
  const auto add = [&](const char* label, const std::string& text, const char* end = "") {
    if (text.empty()) return;
    Fact fact{label, *label == 0 ? "" : fmt::format("{}: ", label), {text + end}};
    out.facts.push_back(std::move(fact));
  };
  const std::string type = instance_words(picture.start.host);
  if (first_line(view).find(escape_terminal(type)) == std::string::npos) add("Instance", type, ".");
  if (!shown.has_local_time) add("Local time at the start", local_time_words(picture), ".");
  if (!shown.has_filter) add("Filter", filter_words(report));
  add("Probes", probe_words(picture), ".");
  if (picture.window.partial) add("", std::string(kIncomplete));
  add("Lost", join(loss_parts(picture.loss), ", "), ".");
  if (has_cause(report)) add("Not visible from here", not_visible_words(report), ".");
  add("Not available here", missing_words(report), ".");
  for (const std::string& remark : narrowing_remarks(report)) add("Narrowed", remark, ".");
  add("", quiet_nics_words(report));
  add("Verdict", verdict_words(report.verdict), ".");
  if (std::string command = command_words(report); !command.empty()) {
    out.facts.push_back({.label = "Command", .command = std::move(command)});
  }
  add("Recording", recording_words(report));
  return out;
}

// --- The head of a ticket and of a page ---

std::string verdict_fact(const model::Report& report) {
  const std::string verdict = verdict_words(report.verdict);
  const model::Finding* first = first_cause(report);
  if (first == nullptr) return verdict;
  return fmt::format("{}; {}, confidence {}", verdict, model::to_string(first->severity),
                     model::to_string(first->confidence));
}

std::string host_and_type(const model::HostInfo& host) {
  const std::string type = instance_words(host);
  return (host.hostname.empty() ? "?" : host.hostname) + (type.empty() ? "" : ", " + type);
}

const char* ended_words(const model::Window& window) {
  if (window.partial) return "incomplete";
  switch (window.ended_by) {
    case model::EndedBy::kDuration:
      return "ended after the time asked for";
    case model::EndedBy::kSignal:
      return "ended by a signal";
    case model::EndedBy::kError:
      return "ended by an error";
  }
  return "";
}

Facts circumstances(const model::Report& report) {
  const model::Picture& picture = report.picture;
  const model::HostInfo& host = picture.start.host;
  Facts out;
  out.is_header = true;
  const auto add = [&](const char* label, std::string text) {
    Fact fact{label, "", {std::move(text)}};
    out.facts.push_back(std::move(fact));
  };
  add("Verdict", verdict_fact(report));
  if (const model::Finding* first = first_cause(report)) {
    add("Impact", join(impact_parts(report, *first), ", "));
    if (!first->next_steps.empty()) {
      const model::NextStep& step = first->next_steps.front();
      add("Next step", fmt::format("{}: {}", model::to_string(step.whose), step.text));
    }
  }
  add("Host", fmt::format("{}{}, Linux {} {}, {}", host_and_type(host),
                          instance_words(host).empty() ? ", instance type not known" : "", host.kernel, host.arch,
                          number_of(static_cast<std::uint64_t>(std::max(host.cpus, 0)), "CPU")));
  add("Traced", fmt::format("{} ({}, {})", window_words(picture), window_length(picture.window.length()),
                            ended_words(picture.window)));
  add("Local time", local_time_words(picture) + " at the start");
  add("Filter", filter_words(report));
  add("Seen",
      fmt::format("{}, {}, {}", number_of(picture.totals.sockets_seen, "socket"),
                  number_of(picture.totals.connects, "connect"), number_of(picture.totals.exchanges, "exchange")));
  add("Loss", lost_words(report));
  if (picture.window.partial) add("Incomplete", std::string(kIncomplete));
  return out;
}

// Where the report comes from, and how to repeat it.
void add_origin(std::vector<Fact>& facts, const model::Report& report) {
  const model::TraceStart& start = report.picture.start;
  const std::string recording = recording_words(report);
  facts.push_back({"Recording", "", {recording.empty() ? "none was made" : recording}});
  facts.push_back(
      {"Made by",
       "",
       {fmt::format("tcpdiag {}{}; {}", start.tool_version,
                    start.tool_git.empty() ? "" : fmt::format(" ({})", start.tool_git), cost_words(report.picture))}});
  if (std::string command = command_words(report); !command.empty()) {
    facts.push_back({.label = "Command", .command = std::move(command)});
  }
}

void add_head(Document& document, const TraceView& view) {
  const model::Report& report = view.report;
  if (!view.is_screen()) {
    document.head.emplace_back(Paragraph{summary_of(report)});
    Facts facts = circumstances(report);
    if (view.is_page()) add_origin(facts.facts, report);
    document.head.emplace_back(std::move(facts));
    return;
  }
  const bool none_matched = report.verdict == model::Verdict::kNothingMatched;
  if (none_matched || !has_cause(report)) document.head.emplace_back(Paragraph{summary_of(report), Style::kHeading});
  if (none_matched && !view.picture().busiest_filtered_out.empty()) {
    document.head.emplace_back(busiest_filtered_out(view));
  }
}

void add_end(Document& document, const TraceView& view) {
  if (view.is_screen()) {
    document.body.emplace_back(footer(view));
    return;
  }
  add_limits(document, view);
  if (view.is_page()) return;
  Section section = chapter("origin", "This trace");
  section.is_kept = true;
  Facts facts;
  add_origin(facts.facts, view.report);
  section.nodes.emplace_back(std::move(facts));
  document.body.emplace_back(std::move(section));
}

}  // namespace

Words left_out(std::size_t all, std::size_t shown, std::string_view of_what) {
  if (all <= shown) return {};
  return {fmt::format("... and {} more {} in the JSON report", all - shown, of_what),
          fmt::format("... {} more in the JSON report", all - shown)};
}

std::string TraceView::endpoint_name(const model::EndpointPicture& endpoint) const {
  return fmt::format("{} {}{}", endpoint.key.at.to_string(), model::to_string(endpoint.key.role),
                     netns_words(report.picture, endpoint.key.netns_inode));
}

Document trace_document(const model::Report& report, Extent extent, std::size_t sockets) {
  constexpr std::size_t kTicketStories = 50;
  const std::size_t stories = extent == Extent::kTicket ? std::min(sockets, kTicketStories) : sockets;
  const TraceView view{report, extent, sockets, Stories(report, stories, extent)};
  Document document;
  document.banner.text.brief = first_line(view) + "\n" + second_line(view).text;
  document.kicker = fmt::format("tcpdiag report: host {}, {}", host_and_type(report.picture.start.host),
                                window_words(report.picture));
  document.title = title_of(report);
  const std::vector<std::size_t> charted = view.is_page() ? charted_endpoints(view) : std::vector<std::size_t>();
  if (view.is_page()) document.data = chart_data(view, charted);

  add_head(document, view);
  add_findings(document, view);
  if (view.is_page()) add_time(document, view, charted);
  add_failed_against_good(document, view);
  add_failures(document, view);
  if (view.is_page()) add_stories(document, view);
  add_delays(document, view, charted);
  add_retransmits(document, view);
  add_endpoints(document, view);
  add_kernel_counters(document, view);
  add_look_ups(document, view);
  add_processes(document, view);
  add_nics(document, view);
  if (!view.is_page()) add_time(document, view, charted);
  if (!view.is_page()) add_stories(document, view);
  add_end(document, view);
  return document;
}

std::string render_text(const model::Report& report, const TextOptions& options) {
  return render_text(trace_document(report, Extent::kScreen, options.sockets), options.colour);
}

std::string render_markdown(const model::Report& report, const MarkdownOptions& options) {
  return render_markdown(trace_document(report, Extent::kTicket, options.sockets));
}

std::string render_html(const model::Report& report, const HtmlOptions& options) {
  return render_html(trace_document(report, Extent::kPage, options.sockets));
}

}  // namespace tcpdiag::report
