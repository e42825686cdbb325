// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag size` as a document and as JSON, and what it takes from the JSON report of a trace.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"
#include "report/document.h"
#include "size/plan.h"
#include "util/result.h"

namespace tcpdiag::report {

struct SizeHeader {  // of the JSON
  std::string tool_version;
  std::string tool_git;  // empty: unknown
  std::vector<std::string> command;
};

Document size_document(const size::Plan& plan);
// One object "tcpdiag.size/1" (docs/size.schema.json), ends with a newline.
std::string render_size_json(const size::Plan& plan, const SizeHeader& header);

// In words, for both. The answer is one paragraph.
std::string size_answer(const size::Plan& plan);
std::vector<std::string> size_notes(const size::Plan& plan);

struct MeasuredTraffic {
  size::Traffic traffic;
  size::Measured measured;
};
// Of one endpoint of a report "tcpdiag.report/1": the one named, else the one with most exchanges. `json` may hold
// anything. Errors (kUsage): no such report, no such endpoint, no exchange.
Result<MeasuredTraffic> read_measured_traffic(std::string_view json,
                                              const std::optional<model::SocketAddress>& endpoint);

}  // namespace tcpdiag::report
