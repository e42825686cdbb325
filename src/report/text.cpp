// SPDX-License-Identifier: Apache-2.0
// The report as text: two lines of header, the findings with the cause first, then tables. Who reads it is under
// pressure and perhaps reads only the first screen, so everything that decides stands there.
#include "report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "report/format.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

// From where on lost events lower a finding's confidence (docs/findings.md, common rules).
constexpr double kLossThatMattersPct = 0.1;
constexpr model::Duration kShortTrace = std::chrono::seconds(10);

std::string window_length(model::Duration length) {
  const double s = model::seconds(length);
  return s < 100 ? fmt::format("{:.1f} s", s) : fmt::format("{:.0f} s", s);
}

// "t4g.micro (dmi)"; empty: not known.
std::string instance_words(const model::HostInfo& host) {
  if (host.instance_type.value_or("").empty()) return {};
  return fmt::format("{} ({})", escape_terminal(*host.instance_type), host.instance_type_source);
}

// The host's name matters more than anything that the other lines repeat, so the rest gives way before it does.
std::string first_line(const TextContext& context) {
  const model::Window& window = context.picture().window;
  const model::WallTime start = context.wall(window.start);
  const model::WallTime end = context.wall(window.end);
  const std::string end_date = date(start) == date(end) ? "" : date(end) + " ";
  const std::string exact = fmt::format("{} {} .. {}{} UTC", date(start), clock_time(start), end_date, clock_time(end));
  const std::string coarse =
      fmt::format("{} {} .. {}{} UTC", date(start), clock_seconds(start), end_date, clock_seconds(end));
  const std::string length =
      fmt::format(" ({}{})", window_length(window.length()), window.partial ? ", INCOMPLETE" : "");
  std::string host = escape_terminal(context.picture().start.host.hostname);
  if (host.empty()) host = "?";
  const std::string label = host.substr(0, host.find('.'));
  const std::string last = fmt::format("  {}{}", coarse, length);
  const std::size_t room = kPageColumns - columns(last);
  if (const std::string type = instance_words(context.picture().start.host); !type.empty()) {
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

std::string lost_words(const model::Report& report) {
  const std::uint64_t lost = report.picture.loss.total();
  if (lost == 0) return "lost events: 0";
  const double pct = 100.0 * static_cast<double>(lost) / static_cast<double>(lost + report.picture.events_seen);
  const char* effect = report.verdict == model::Verdict::kNotTrustworthy ? "NOT TRUSTWORTHY"
                       : pct > kLossThatMattersPct                       ? "confidence lowered"
                                                                         : "too few to matter";
  return fmt::format("lost: {} ({}): {}", lost, percent(pct), effect);
}

std::string cost_words(const model::Picture& picture) {
  const double length = model::seconds(picture.window.length());
  if (length <= 0) return "own CPU: unknown";
  const model::Cost& cost = picture.cost;
  const double used = cost.bpf_cpu_s.value_or(0) + cost.user_cpu_s + cost.system_cpu_s;
  // Loading the programs takes its time once, however short the trace: a share of that says nothing.
  if (length < 1) return fmt::format("own CPU: {:.2f} s{}", used, cost.bpf_cpu_s ? "" : " + BPF");
  return fmt::format("own CPU: {}{}", percent(100 * used / length), cost.bpf_cpu_s ? "" : " + BPF");
}

// False: the filter did not fit whole and has to be told elsewhere.
bool append_second_line(Page& page, const TextContext& context) {
  constexpr std::size_t kShortestFilter = 8;
  const model::Picture& picture = context.picture();
  const model::HostInfo& host = picture.start.host;
  const std::string local =
      local_time(context.wall(picture.window.start), host.utc_offset_s, escape_terminal(host.utc_offset_name));
  const std::string filter = escape_terminal(picture.start.filters.describe());
  const std::string lost = lost_words(context.report);
  const std::string cost = cost_words(picture);
  const std::string whole = fmt::format("{} | filter: {} | {} | {}", local, filter, lost, cost);
  if (columns(whole) <= kPageColumns) {
    page.line(whole);
    return true;
  }
  const std::size_t used = columns(fmt::format("{} | filter:  | {} | {}", local, lost, cost));
  if (used + kShortestFilter <= kPageColumns) {
    page.line(fmt::format("{} | filter: {} | {} | {}", local, elide_middle(filter, kPageColumns - used), lost, cost));
    return false;
  }
  page.line(first_that_fits({fmt::format("{} | {} | {}", local, lost, cost), fmt::format("{} | {}", lost, cost), lost},
                            kPageColumns));
  return false;
}

// Where connections come in: that none was turned away before any socket of the trace could show it.
std::string listen_words(const model::Picture& picture) {
  const bool serves = std::any_of(picture.endpoints.begin(), picture.endpoints.end(),
                                  [](const auto& endpoint) { return endpoint.key.role == model::Role::kInbound; });
  const bool none = picture.totals.listen_overflows == 0U && picture.totals.listen_drops == 0U;
  return serves && none ? " No listen queue overflowed." : "";
}

// The rules have made the sentence; it says what was seen and what cannot be seen.
void append_nothing_found(Page& page, const TextContext& context) {
  const std::string& summary = context.report.summary;
  page.paragraph("", (summary.empty() ? "Nothing to report." : summary) + listen_words(context.picture()),
                 Style::kHeading);
}

void append_nothing_matched(Page& page, const TextContext& context) {
  const model::Picture& picture = context.picture();
  const std::string filter = picture.start.filters.describe();
  std::string text = filter == "none" ? "No TCP socket was seen" : fmt::format("No TCP socket matched: {}", filter);
  text += fmt::format("; looked for {}", window_length(picture.window.length()));
  if (picture.sockets_filtered_out) {
    text += fmt::format(", {} did not match", number_of(*picture.sockets_filtered_out, "socket"));
  }
  page.paragraph("", text + ".", Style::kHeading);
  append_busiest_filtered_out(page, context);
}

bool has_cause(const model::Report& report) {
  return std::any_of(report.findings.begin(), report.findings.end(), [](const model::Finding& finding) {
    return finding.severity != model::Severity::kNotice && finding.code != kEventsLost;
  });
}

// What was lost, by cause, where anything was.
void append_loss(Page& page, const model::Loss& loss) {
  if (loss.total() == 0) return;
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t n, std::string_view words) {
    if (n > 0) parts.push_back(fmt::format("{} {}", n, words));
  };
  add(loss.ring_full, "ring full");
  add(loss.sockets_full, "socket table full");
  add(loss.endpoints_full, "endpoint table full");
  add(loss.processes_full, "process table full");
  add(loss.undecodable, "undecodable");
  add(loss.rate_limited, "rate-limited");
  add(loss.samples_thinned, "samples thinned");
  add(loss.disk_full, "disk full");
  page.paragraph("Lost: ", join(parts, ", ") + ".");
}

// What the header line has no room for.
void append_instance(Page& page, const TextContext& context) {
  const std::string type = instance_words(context.picture().start.host);
  if (!type.empty() && first_line(context).find(type) == std::string::npos) page.paragraph("Instance: ", type + ".");
}

void append_footer(Page& page, const TextContext& context, bool filter_shown) {
  const model::Picture& picture = context.picture();
  page.blank();
  append_instance(page, context);
  if (!filter_shown) page.paragraph("Filter: ", picture.start.filters.describe());
  if (picture.window.partial) {
    page.paragraph("", "INCOMPLETE: the trace did not end in order; what its last second held may be missing.");
  }
  append_loss(page, picture.loss);
  const std::string hidden = not_visible_words(context.report);
  if (has_cause(context.report) && !hidden.empty()) page.paragraph("Not visible from here: ", hidden + ".");
  const std::string nics = quiet_nics_words(context.report);
  if (!nics.empty()) page.paragraph("", nics);
}

}  // namespace

std::string TextContext::time(model::MonoTime t) const {
  const std::string day = date(wall(t));
  const std::string text = clock_time(wall(t));
  return day == date(wall(picture().window.start)) ? text : day + " " + text;
}

std::string render_text(const model::Report& report, const TextOptions& options) {
  const TextContext context{report, options};
  Page page(options.colour);
  page.line(first_line(context));
  const bool filter_shown = append_second_line(page, context);
  page.blank();
  if (report.verdict == model::Verdict::kNothingMatched) {
    append_nothing_matched(page, context);
  } else if (!has_cause(report)) {
    append_nothing_found(page, context);
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
  append_bars(page, context);
  append_footer(page, context, filter_shown);
  return page.take();
}

}  // namespace tcpdiag::report
