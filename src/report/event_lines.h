// SPDX-License-Identifier: Apache-2.0
// Events as they happen, a line each: "tcpdiag.event/1" for programs (--format ndjson, docs/json.md), text for people
// (--events).
#pragma once

#include <cstdint>
#include <string>

#include "model/event.h"
#include "model/report.h"
#include "model/sample.h"
#include "report/render.h"

namespace tcpdiag::report {

// Each ends with a newline. `start` gives the clock and the names of reset reasons.
std::string ndjson_start_line(const model::TraceStart& start);
std::string ndjson_event_line(const model::TraceStart& start, const model::Event& event);
// Lines that were dropped because the reader was too slow.
std::string ndjson_dropped_line(std::uint64_t events);
std::string ndjson_report_line(const model::Report& report, const JsonOptions& options);

// Without a newline, escaped for a terminal: "02:33:50.118 reset-received 10.0.0.5:40112 > 203.0.113.40:443 ruby[811]
// ...".
std::string event_text(const model::TraceStart& start, const model::Event& event);

}  // namespace tcpdiag::report
