// SPDX-License-Identifier: Apache-2.0
// The report as one page to attach to a ticket: read by people who were not there, years later and offline, so it
// carries everything it needs and asks nobody for anything. Its Content-Security-Policy admits the parts of web/ by
// their hashes and nothing else: whatever a process calls itself, it cannot become script, style or a request.
#include "report/html.h"

#include <algorithm>

namespace tcpdiag::report {
namespace {

const char* mit_licence() {
  return "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
         "documentation files (the \"Software\"), to deal in the Software without restriction, including without "
         "limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of "
         "the "
         "Software, and to permit persons to whom the Software is furnished to do so, subject to the following "
         "conditions:\n\nThe above copyright notice and this permission notice shall be included in all copies or "
         "substantial portions of the Software.\n\nTHE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, "
         "EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR "
         "PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, "
         "DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN "
         "CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.";
}

const char* verdict_headline(model::Verdict verdict) {
  switch (verdict) {
    case model::Verdict::kCauseFound:
      return "A cause was found";
    case model::Verdict::kSymptomsOnly:
      return "Something is wrong; what was seen does not tell why";
    case model::Verdict::kNothingFound:
      return "Nothing wrong was seen";
    case model::Verdict::kNothingMatched:
      return "The filters matched no socket";
    case model::Verdict::kNotTrustworthy:
      return "Not trustworthy: too much was lost";
  }
  return "";
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

std::string host_words(const model::HostInfo& host) {
  std::vector<std::string> parts = {host.hostname.empty() ? "?" : host.hostname};
  if (const std::string type = instance_words(host); !type.empty()) parts.push_back(type);
  return join(parts, ", ");
}

std::string kernel_words(const model::HostInfo& host) {
  return fmt::format("{}, {}, {}", host.kernel, host.arch,
                     number_of(static_cast<std::uint64_t>(std::max(host.cpus, 0)), "CPU"));
}

// The words of the first cause; what was found where there is none.
std::string summary_of(const model::Report& report) {
  if (report.verdict == model::Verdict::kNothingMatched) return not_matched_words(report);
  return has_cause(report) ? report.summary : nothing_found_words(report);
}

std::string headline_of(const model::Report& report) {
  const bool tells = has_cause(report) && !report.findings.front().title.empty();
  return tells ? report.findings.front().title : verdict_headline(report.verdict);
}

void put_head(Html& html, const model::Report& report) {
  html.put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  html.put("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; ",
           html_style().hash);
  html.put("script-src '{}' '{}'; base-uri 'none'; form-action 'none'\">\n", html_charts().hash, html_script().hash);
  html.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
  html.put("<meta name=\"color-scheme\" content=\"light dark\">\n");
  html.put("<title>{}: {}</title>\n<style>", host_words(report.picture.start.host), headline_of(report));
  html.put_part(html_style());
  html.put("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#content\">Skip to the findings</a>\n");
}

void put_fact(Html& html, std::string_view label, std::string_view text) {
  if (!text.empty()) html.put("<div><dt>{}</dt><dd>{}</dd></div>\n", label, text);
}

void put_long_fact(Html& html, std::string_view label, std::string_view text) {
  if (!text.empty()) html.put("<div class=\"wide\"><dt>{}</dt><dd><code>{}</code></dd></div>\n", label, text);
}

void put_facts(Html& html, const model::Report& report) {
  const model::Picture& picture = report.picture;
  html.put("<dl class=\"facts\">\n");
  put_fact(html, "Traced", window_words(picture));
  put_fact(html, "Local time at the start", local_time_words(picture));
  put_fact(html, "Length", fmt::format("{}, {}", window_length(picture.window.length()), ended_words(picture.window)));
  put_fact(html, "Host", host_words(picture.start.host));
  put_fact(html, "Kernel", kernel_words(picture.start.host));
  put_fact(html, "Filter", filter_words(report));
  put_fact(html, "Seen",
           fmt::format("{}, {}, {}", number_of(picture.totals.sockets_seen, "socket"),
                       number_of(picture.totals.connects, "connect"), number_of(picture.totals.exchanges, "exchange")));
  put_fact(html, "Complete?", lost_words(report));
  put_fact(html, "Cost of tracing", cost_words(picture));
  put_fact(html, "Version",
           "tcpdiag " + picture.start.tool_version +
               (picture.start.tool_git.empty() ? "" : ", git " + picture.start.tool_git));
  put_long_fact(html, "Command", command_words(report));
  put_long_fact(html, "Recording", recording_words(report));
  html.put("</dl>\n");
}

void put_header(Html& html, const model::Report& report) {
  const model::Picture& picture = report.picture;
  html.put("<header>\n<p class=\"kicker\">tcpdiag report: host {}, {}</p>\n", host_words(picture.start.host),
           window_words(picture));
  html.put("<h1>{}</h1>\n", headline_of(report));
  const std::string verdict = verdict_headline(report.verdict);
  if (headline_of(report) != verdict) {
    html.put("<p class=\"verdict {}\">{}</p>\n", model::to_string(report.verdict), verdict);
  }
  html.put("<p class=\"summary\">{}</p>\n", summary_of(report));
  if (picture.window.partial) html.put("<p class=\"verdict not_trustworthy\">{}</p>\n", kIncomplete);
  put_facts(html, report);
  html.put("</header>\n");
}

struct Section {
  const char* id;
  const char* title;
};

void put_navigation(Html& html, const std::vector<Section>& sections) {
  html.put("<nav aria-label=\"Sections\"><ul>\n");
  for (const Section& section : sections) html.put("<li><a href=\"#{}\">{}</a></li>\n", section.id, section.title);
  html.put("</ul></nav>\n");
}

void put_footer(Html& html) {
  html.put(
      "<footer>\n<p>This page holds all it shows: it loads nothing and sends nothing. The whole report is in the JSON "
      "format "
      "(<code>tcpdiag report FILE --format json</code>).</p>\n");
  html.put(
      "<details class=\"no-print\"><summary>Licence of Chart.js, which draws the charts</summary>\n"
      "<p>Chart.js, \u00a9 2014-2022 Chart.js Contributors, with @kurkle/color, \u00a9 Jukka Kurkela. MIT "
      "licence:</p>"
      "<pre>{}</pre></details>\n</footer>\n",
      mit_licence());
}

}  // namespace

std::string HtmlContext::endpoint_name(const model::EndpointPicture& endpoint) const {
  return fmt::format("{} {}{}", endpoint.key.at.to_string(), model::to_string(endpoint.key.role),
                     netns_words(report.picture, endpoint.key.netns_inode));
}

std::string render_html(const model::Report& report, const HtmlOptions& options) {
  const HtmlContext context{report, HtmlStories(report, options.sockets)};
  const std::vector<std::size_t> charted = charted_endpoints(context);
  Html body;
  std::vector<Section> sections;
  const auto add = [&](Section section, const auto& put) {
    const std::size_t before = body.size();
    put();
    if (body.size() > before) sections.push_back(section);
  };
  add({"findings", "Findings"}, [&] { put_findings(body, context); });
  add({"time", "Over time"}, [&] { put_time_charts(body, context, charted); });
  add({"compared", "Failed against good"}, [&] { put_failed_against_good(body, context); });
  add({"failures", "Failures"}, [&] { put_failures(body, context); });
  add({"stories", "Connections"}, [&] { put_stories(body, context); });
  add({"delays", "Delays"}, [&] { put_delays(body, context, charted); });
  add({"retransmits", "Retransmissions"}, [&] { put_retransmits(body, context); });
  add({"endpoints", "Endpoints"}, [&] { put_endpoints(body, context); });
  add({"processes", "Processes"}, [&] { put_processes(body, context); });
  add({"nics", "Network cards"}, [&] { put_nics(body, context); });
  add({"counters", "Kernel counters"}, [&] { put_kernel_counters(body, context); });
  add({"limits", "What it cannot tell"}, [&] { put_limits(body, context); });

  Html page;
  put_head(page, report);
  put_header(page, report);
  put_navigation(page, sections);
  page.put("<main id=\"content\" tabindex=\"-1\">\n");
  page.append(std::move(body));
  page.put("</main>\n");
  put_footer(page);
  page.put("<div class=\"paper\" hidden></div>\n<script type=\"application/json\" id=\"report\">");
  page.put_json(chart_data(context, charted));
  page.put("</script>\n<script>");
  page.put_part(html_charts());
  page.put("</script>\n<script>");
  page.put_part(html_script());
  page.put("</script>\n</body>\n</html>\n");
  return page.take();
}

}  // namespace tcpdiag::report
