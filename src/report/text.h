// SPDX-License-Identifier: Apache-2.0
// The parts of the text report, for the files that make them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "model/report.h"
#include "report/layout.h"
#include "report/render.h"

namespace tcpdiag::report {

// About this tool, not about the network: never a cause.
inline constexpr std::string_view kEventsLost = "events-lost";

// Findings about delay and loss, of which the endpoint as a whole tells more than single sockets.
bool is_about_delay(std::string_view code);

struct TextContext {
  const model::Report& report;
  const TextOptions& options;

  const model::Picture& picture() const { return report.picture; }
  model::WallTime wall(model::MonoTime t) const { return picture().start.clock.to_wall(t); }
  // "02:33:50.118", with the date before it where the trace began on another day.
  std::string time(model::MonoTime t) const;
};

// ", netns blue"; empty where one namespace was traced.
std::string netns_words(const model::Picture& picture, std::uint32_t inode);

// "pids 811, 812, 7 more"; empty where none is known.
std::string pid_words(const std::set<std::uint32_t>& pids);

// text_findings.cpp: the blocks of causes, then those of notices, each with what it explains.
void append_findings(Page& page, const TextContext& context);
// "DNS, what TLS carries"; empty: nothing is hidden.
std::string not_visible_words(const model::Report& report);

// The endpoint whose delays are shown: that of the first finding with one, else the first that has any; null: none has.
const model::EndpointPicture* delay_endpoint(const model::Report& report);

// "186 ms"; "-" where it is unknown.
std::string us_or_dash(std::optional<std::uint64_t> us);

// A name and figures that begin at `column`: on the next line where the name reaches into them.
void named_row(Page& page, const std::string& name, std::size_t column, const std::string& figures,
               Style style = Style::kPlain);

// text_nics.cpp: what their allowance counters say where none of them moved; empty: no card was asked.
std::string quiet_nics_words(const model::Report& report);

// text_tables.cpp, text_retransmits.cpp, text_endpoints.cpp, text_processes.cpp, text_nics.cpp, text_bars.cpp; each
// writes nothing where it has nothing to show.
void append_failed_against_good(Page& page, const TextContext& context);
void append_failures(Page& page, const TextContext& context);
void append_delays(Page& page, const TextContext& context);
void append_retransmits(Page& page, const TextContext& context);
void append_endpoints(Page& page, const TextContext& context);
void append_connections(Page& page, const TextContext& context);      // right below the endpoints
void append_kernel_counters(Page& page, const TextContext& context);  // then
void append_processes(Page& page, const TextContext& context);
void append_nics(Page& page, const TextContext& context);
void append_bars(Page& page, const TextContext& context);
void append_busiest_filtered_out(Page& page, const TextContext& context);

}  // namespace tcpdiag::report
