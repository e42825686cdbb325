// SPDX-License-Identifier: Apache-2.0
// The parts of the text report, for the files that make them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/report.h"
#include "report/layout.h"
#include "report/render.h"

namespace tcpdiag::report {

// About this tool, not about the network: never a cause.
inline constexpr std::string_view kEventsLost = "events-lost";

struct TextContext {
  const model::Report& report;
  const TextOptions& options;

  const model::Picture& picture() const { return report.picture; }
  model::WallTime wall(model::MonoTime t) const { return picture().start.clock.to_wall(t); }
  // "02:33:50.118", with the date before it where the trace began on another day.
  std::string time(model::MonoTime t) const;
};

// text_findings.cpp: the blocks of causes, then those of notices, each with what it explains.
void append_findings(Page& page, const TextContext& context);
// "DNS, what TLS carries"; empty: nothing is hidden.
std::string not_visible_words(const model::Report& report);

// text_tables.cpp; each writes nothing where it has nothing to show.
void append_failed_against_good(Page& page, const TextContext& context);
void append_failures(Page& page, const TextContext& context);
void append_delays(Page& page, const TextContext& context);
void append_endpoints(Page& page, const TextContext& context);
void append_busiest_filtered_out(Page& page, const TextContext& context);

}  // namespace tcpdiag::report
