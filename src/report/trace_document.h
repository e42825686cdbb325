// SPDX-License-Identifier: Apache-2.0
// The parts of a trace's document, for the files that make them. Each adds nothing where it has nothing to show.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/report.h"
#include "report/content.h"
#include "report/document.h"

namespace tcpdiag::report {

// Connections that have their story told, and where. Failed ones first, examples of every cause among them, then, where
// everything is told, the slowest.
class Stories {
 public:
  Stories(const model::Report& report, std::size_t limit, Extent extent);
  const std::vector<std::size_t>& shown() const { return shown_; }  // indexes into Picture::sockets
  std::string anchor(std::size_t socket) const;                     // "c3"; empty: it has none

 private:
  std::vector<std::size_t> shown_;
};

struct TraceView {
  const model::Report& report;
  Extent extent;
  std::size_t sockets;
  Stories stories;

  const model::Picture& picture() const { return report.picture; }
  model::WallTime wall(model::MonoTime t) const { return picture().start.clock.to_wall(t); }
  std::string time(model::MonoTime t) const { return time_words(picture(), t); }
  bool is_screen() const { return extent == Extent::kScreen; }
  bool is_page() const { return extent == Extent::kPage; }
  std::size_t limit(std::size_t screen, std::size_t ticket, std::size_t page) const {
    return is_screen() ? screen : is_page() ? page : ticket;
  }
  std::string endpoint_name(const model::EndpointPicture& endpoint) const;  // "10.0.0.5:6379 outbound, netns blue"
};

inline Section chapter(std::string id, Words heading, std::string short_heading = {}) {
  Section section;
  section.id = std::move(id);
  section.short_heading = short_heading.empty() ? heading.text : std::move(short_heading);
  section.heading = std::move(heading);
  return section;
}

inline Column number(Words heading, std::size_t width = 0, std::size_t gap = 0) {
  return {std::move(heading), Align::kRight, width, gap};
}

// "... and 12 more sockets in the JSON report"; empty: nothing was left out.
Words left_out(std::size_t all, std::size_t shown, std::string_view of_what);

void add_findings(Document& document, const TraceView& view);  // trace_findings.cpp

// trace_sockets.cpp
void add_failed_against_good(Document& document, const TraceView& view);
void add_failures(Document& document, const TraceView& view);
void add_stories(Document& document, const TraceView& view);

// trace_delays.cpp
void add_delays(Document& document, const TraceView& view, const std::vector<std::size_t>& charted);
void add_retransmits(Document& document, const TraceView& view);

// trace_endpoints.cpp
Table busiest_filtered_out(const TraceView& view);
void add_endpoints(Document& document, const TraceView& view);
void add_processes(Document& document, const TraceView& view);

void add_look_ups(Document& document, const TraceView& view);  // trace_look_ups.cpp

// trace_host.cpp
void add_nics(Document& document, const TraceView& view);
void add_kernel_counters(Document& document, const TraceView& view);
void add_limits(Document& document, const TraceView& view);  // not visible, lost, not able

// trace_charts.cpp
// Endpoints that have charts and tables of their own: those of findings, then the picture's order. Bounded by what
// their JSON takes.
std::vector<std::size_t> charted_endpoints(const TraceView& view);
std::string chart_data(const TraceView& view, const std::vector<std::size_t>& endpoints);
void add_time(Document& document, const TraceView& view, const std::vector<std::size_t>& charted);

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

// The endpoint whose delays are shown: that of the first finding with one, else the first that has any; null: none has.
const model::EndpointPicture* delay_endpoint(const model::Report& report);  // trace_delays.cpp

Ladder ladder_of(const TraceView& view, const model::SocketStory& story);  // trace_ladder.cpp

}  // namespace tcpdiag::report
