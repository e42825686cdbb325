// SPDX-License-Identifier: Apache-2.0
// `tcpdiag size`: from options, or the report of a trace, to an answer on standard output.
#pragma once

#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

// Errors: kUsage for a file that cannot be opened or is not a report, kFailed when reading or writing fails.
Result<ExitCode> size_command(const Options& options);

}  // namespace tcpdiag::cli
