// SPDX-License-Identifier: Apache-2.0
// The parts of the text report, for the files that make them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/report.h"
#include "report/content.h"
#include "report/layout.h"
#include "report/render.h"

namespace tcpdiag::report {

struct TextContext {
  const model::Report& report;
  const TextOptions& options;

  const model::Picture& picture() const { return report.picture; }
  model::WallTime wall(model::MonoTime t) const { return picture().start.clock.to_wall(t); }
  std::string time(model::MonoTime t) const { return time_words(picture(), t); }
};

// text_findings.cpp: the blocks of causes, then those of notices, each with what it explains.
void append_findings(Page& page, const TextContext& context);

// A name and figures that begin at `column`: on the next line where the name reaches into them.
void named_row(Page& page, const std::string& name, std::size_t column, const std::string& figures,
               Style style = Style::kPlain);

// text_sockets.cpp, text_tables.cpp, text_bars.cpp; each writes nothing where it has nothing to show.
void append_failed_against_good(Page& page, const TextContext& context);
void append_failures(Page& page, const TextContext& context);
void append_delays(Page& page, const TextContext& context);
void append_retransmits(Page& page, const TextContext& context);
void append_endpoints(Page& page, const TextContext& context);
void append_connections(Page& page, const TextContext& context);      // right below the endpoints
void append_kernel_counters(Page& page, const TextContext& context);  // then
void append_processes(Page& page, const TextContext& context);
void append_nics(Page& page, const TextContext& context);
void append_bars(Page& page, const model::Report& report);
void append_busiest_filtered_out(Page& page, const TextContext& context);

}  // namespace tcpdiag::report
