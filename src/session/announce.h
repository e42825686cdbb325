// SPDX-License-Identifier: Apache-2.0
// The lines that `tcpdiag trace` says on standard error while it runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/filters.h"
#include "model/finding.h"
#include "model/picture.h"
#include "model/sample.h"
#include "model/time.h"

namespace tcpdiag::session {

// "tracing all TCP sockets of this network namespace (212 open), until Ctrl-C; nothing leaves this machine". Scripts
// wait for its first word: it comes once everything is attached.
std::string tracing_line(const model::Filters& filters, const std::vector<model::NetnsInfo>& netns,
                         std::uint64_t open_sockets, std::optional<model::Duration> duration);

// "0:01:12  212 sockets open, 1204 exchanges, 3 failures, 0 lost; Ctrl-C ends it": rewritten every second on a
// terminal. `lost` are events; nothing: not known while the trace runs.
std::string status_line(std::uint64_t open_sockets, std::uint64_t exchanges, std::uint64_t failures,
                        std::optional<std::uint64_t> lost, model::Duration since_start);

// "02:33:50.118 UTC  CRITICAL  peer-reset-awaiting-response  <title>", with the endpoint or device where the title does
// not name it. The time is that of the first occurrence.
std::string finding_line(const model::Finding& finding, const model::Picture& picture);

}  // namespace tcpdiag::session
