// SPDX-License-Identifier: Apache-2.0
// A report in the format that was asked for, and the exit code that it means.
#pragma once

#include <string>

#include "cli/options.h"
#include "model/report.h"
#include "session/output.h"
#include "util/result.h"

namespace tcpdiag::cli {

// Of Format::kNdjson: the last line. Colours only where `output` is a terminal.
std::string render(const model::Report& report, const Options& options, const session::Output& output);

// kFindingReached where a finding is at least as severe as --fail-on.
ExitCode judge(const model::Report& report, const Options& options);

}  // namespace tcpdiag::cli
