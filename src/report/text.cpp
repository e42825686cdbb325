// SPDX-License-Identifier: Apache-2.0
// The report as text: two lines of header, the findings with the cause first, then tables. Who reads it is under
// pressure and perhaps reads only the first screen, so everything that decides stands there.
#include "report/text.h"

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {
namespace {

constexpr model::Duration kShortTrace = std::chrono::seconds(10);

// The host's name matters more than anything that the other lines repeat, so the rest gives way before it does.
std::string first_line(const TextContext& context) {
  const model::Window& window = context.picture().window;
  const model::WallTime start = context.wall(window.start);
  const model::WallTime end = context.wall(window.end);
  const std::string end_date = date(start) == date(end) ? "" : date(end) + " ";
  const std::string exact = window_words(context.picture());
  const std::string coarse =
      fmt::format("{} {} .. {}{} UTC", date(start), clock_seconds(start), end_date, clock_seconds(end));
  const std::string length =
      fmt::format(" ({}{})", window_length(window.length()), window.partial ? ", INCOMPLETE" : "");
  std::string host = escape_terminal(context.picture().start.host.hostname);
  if (host.empty()) host = "?";
  const std::string label = host.substr(0, host.find('.'));
  const std::string last = fmt::format("  {}{}", coarse, length);
  const std::size_t room = kPageColumns - columns(last);
  if (const std::string type = escape_terminal(instance_words(context.picture().start.host)); !type.empty()) {
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

// What the second line had room for; the footer tells the rest.
struct Shown {
  bool filter = false;
  bool local_time = false;
};

Shown append_second_line(Page& page, const TextContext& context) {
  constexpr std::size_t kShortestFilter = 8;
  const std::string local = escape_terminal(local_time_words(context.picture()));
  const std::string filter = escape_terminal(filter_words(context.report));
  const std::string lost = lost_words(context.report);
  const std::string cost = cost_words(context.picture());
  const std::string whole = fmt::format("{} | filter: {} | {} | {}", local, filter, lost, cost);
  if (columns(whole) <= kPageColumns) {
    page.line(whole);
    return {true, true};
  }
  const std::size_t used = columns(fmt::format("{} | filter:  | {} | {}", local, lost, cost));
  if (used + kShortestFilter <= kPageColumns) {
    page.line(fmt::format("{} | filter: {} | {} | {}", local, elide_middle(filter, kPageColumns - used), lost, cost));
    return {false, true};
  }
  const std::string without_filter = fmt::format("{} | {} | {}", local, lost, cost);
  page.line(first_that_fits({without_filter, fmt::format("{} | {}", lost, cost), lost}, kPageColumns));
  return {false, columns(without_filter) <= kPageColumns};
}

// What the header line has no room for.
void append_instance(Page& page, const TextContext& context) {
  const std::string type = instance_words(context.picture().start.host);
  const bool told = first_line(context).find(escape_terminal(type)) != std::string::npos;
  if (!type.empty() && !told) page.paragraph("Instance: ", type + ".");
}

// As it can be typed again: wrapped between arguments.
void append_command(Page& page, const model::Report& report) {
  constexpr std::string_view kLabel = "Command: ";
  const std::string command = escape_terminal(command_words(report));
  if (command.empty()) return;
  if (columns(kLabel) + columns(command) <= kPageColumns) {
    page.line(std::string(kLabel) + command);
    return;
  }
  page.line(kLabel);
  for (const std::string& line : wrap_command(command, 2)) page.line(line);
}

void append_footer(Page& page, const TextContext& context, Shown shown) {
  const model::Report& report = context.report;
  const model::Picture& picture = report.picture;
  page.blank();
  append_instance(page, context);
  if (!shown.local_time) page.paragraph("Local time at the start: ", local_time_words(picture) + ".");
  if (!shown.filter) page.paragraph("Filter: ", filter_words(report));
  if (picture.window.partial) page.paragraph("", kIncomplete);
  const std::vector<std::string> lost = loss_parts(picture.loss);
  if (!lost.empty()) page.paragraph("Lost: ", join(lost, ", ") + ".");
  const std::string hidden = not_visible_words(report);
  if (has_cause(report) && !hidden.empty()) page.paragraph("Not visible from here: ", hidden + ".");
  const std::string missing = missing_words(report);
  if (!missing.empty()) page.paragraph("Not available here: ", missing + ".");
  for (const std::string& remark : narrowing_remarks(report)) page.paragraph("Narrowed: ", remark + ".");
  const std::string nics = quiet_nics_words(report);
  if (!nics.empty()) page.paragraph("", nics);
  page.paragraph("Verdict: ", verdict_words(report.verdict) + ".");
  append_command(page, report);
  const std::string recording = recording_words(report);
  if (!recording.empty()) page.paragraph("Recording: ", recording);
}

}  // namespace

std::string render_text(const model::Report& report, const TextOptions& options) {
  const TextContext context{report, options};
  Page page(options.colour);
  page.line(first_line(context));
  const Shown shown = append_second_line(page, context);
  page.blank();
  if (report.verdict == model::Verdict::kNothingMatched) {
    page.paragraph("", not_matched_words(report), Style::kHeading);
    append_busiest_filtered_out(page, context);
  } else if (!has_cause(report)) {
    page.paragraph("", nothing_found_words(report), Style::kHeading);
  }
  append_findings(page, context);
  append_failed_against_good(page, context);
  append_failures(page, context);
  append_delays(page, context);
  append_retransmits(page, context);
  append_endpoints(page, context);
  append_connections(page, context);
  append_kernel_counters(page, context);
  append_processes(page, context);
  append_nics(page, context);
  append_bars(page, report);
  append_footer(page, context, shown);
  return page.take();
}

}  // namespace tcpdiag::report
