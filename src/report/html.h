// SPDX-License-Identifier: Apache-2.0
// The parts of the HTML report, for the files that make them.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/report.h"
#include "report/content.h"
#include "report/json.h"
#include "report/render.h"
#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::report {

// What stands in every page as it is: the style sheet, the script, the library that draws the charts. Made at build
// time by web/embed.cmake.
struct HtmlPart {
  std::string_view text;
  std::string_view hash;  // "sha256-...", as a Content-Security-Policy names it (CSP level 3, 2.3.1)
};
HtmlPart html_style();
HtmlPart html_script();
HtmlPart html_charts();  // Chart.js 3, MIT licence

// A page in the making. Markup is checked at compile time, so it is always a literal of ours; every argument that is
// not a number goes through escape_html(). Nobody can put unescaped text into a page by mistake.
class Html {
  template <typename T>
  using Shown = std::conditional_t<std::is_arithmetic_v<T>, T, std::string>;

 public:
  template <typename... Args>
  void put(fmt::format_string<Shown<Args>...> markup, const Args&... args) {
    fmt::format_to(std::back_inserter(text_), markup, shown(args)...);
  }

  // The two that are not literals of ours in the source: a part as it was embedded, and JSON, which cannot end the
  // <script> it stands in, as it has no "<".
  void put_part(const HtmlPart& part) { text_ += part.text; }
  void put_json(const Json& json);
  void append(Html&& other) { text_ += other.text_; }

  std::size_t size() const { return text_.size(); }
  std::string take() { return std::move(text_); }

 private:
  template <typename T>
  static Shown<T> shown(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      return value;
    } else {
      return escape_html(value);
    }
  }

  std::string text_;
};

struct HtmlColumn {
  std::string heading;    // with the unit
  bool is_number = true;  // or a time: stands to the right and is not broken
};

// A table in a box of its own, in which it may be moved sideways. The first cell of a row is its heading.
class HtmlTable {
 public:
  HtmlTable(Html& html, std::string_view caption, const std::vector<HtmlColumn>& columns);
  void row(const std::vector<std::string>& cells);  // as many as columns
  // A row whose first cell is a link to `anchor` of this page; empty: to nothing.
  void row(std::string_view anchor, const std::vector<std::string>& cells);
  void end(std::size_t left_out = 0, std::string_view of_what = "");  // "and 12 more sockets: ..."

 private:
  void put_heading(std::string_view anchor, std::string_view text);

  Html& html_;
  std::vector<bool> is_number_;
};

// Which connections have their story in the page, and where.
class HtmlStories {
 public:
  // Failed ones first, examples of every cause among them, then the slowest.
  HtmlStories(const model::Report& report, std::size_t limit);
  const std::vector<std::size_t>& shown() const { return shown_; }  // indexes into Picture::sockets
  std::string anchor(std::size_t socket) const;                     // "c3"; empty: it has none

 private:
  std::vector<std::size_t> shown_;
};

struct HtmlContext {
  const model::Report& report;
  HtmlStories stories;

  const model::Picture& picture() const { return report.picture; }
  std::string time(model::MonoTime t) const { return time_words(report.picture, t); }
  std::string endpoint_name(const model::EndpointPicture& endpoint) const;  // "10.0.0.5:6379 outbound, netns blue"
};

// How the values of several intervals become one.
enum class Fold : std::uint8_t { kMean, kSum, kMax };

struct ChartLine {
  model::SeriesId series;
  const char* label;
  double factor;    // to the chart's unit
  bool per_second;  // the series has the sum of an interval
  Fold fold;
};

struct ChartSpec {
  const char* id;
  const char* title;
  const char* unit;
  bool may_be_logarithmic;
  std::vector<ChartLine> lines;
};
const std::vector<ChartSpec>& chart_specs();  // of one endpoint, over time

std::string owner_words(const model::SocketStory& story);  // "ruby 811"; "-" where nobody knows

// Endpoints that have charts and tables of their own: those of findings, then the picture's order. Bounded by what
// their JSON takes.
std::vector<std::size_t> charted_endpoints(const HtmlContext& context);

// html_data.cpp: what the charts are made of.
Json chart_data(const HtmlContext& context, const std::vector<std::size_t>& endpoints);

// Each writes one section with its heading, or nothing where it has nothing to show.
void put_findings(Html& html, const HtmlContext& context);  // html_findings.cpp
void put_time_charts(Html& html, const HtmlContext& context, const std::vector<std::size_t>& shown);  // html_charts.cpp
void put_histograms(Html& html);                                                                      // html_charts.cpp
void put_stories(Html& html, const HtmlContext& context);                                             // html_story.cpp
void put_failed_against_good(Html& html, const HtmlContext& context);                            // html_failures.cpp
void put_failures(Html& html, const HtmlContext& context);                                       // html_failures.cpp
void put_delays(Html& html, const HtmlContext& context, const std::vector<std::size_t>& shown);  // html_delays.cpp
void put_retransmits(Html& html, const HtmlContext& context);                                    // html_delays.cpp
void put_endpoints(Html& html, const HtmlContext& context);                                      // html_endpoints.cpp
void put_processes(Html& html, const HtmlContext& context);                                      // html_endpoints.cpp
void put_nics(Html& html, const HtmlContext& context);                                           // html_host.cpp
void put_kernel_counters(Html& html, const HtmlContext& context);                                // html_host.cpp
void put_limits(Html& html, const HtmlContext& context);  // html_host.cpp: not visible, lost, not able

}  // namespace tcpdiag::report
