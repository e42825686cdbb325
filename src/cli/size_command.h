// SPDX-License-Identifier: Apache-2.0
// `tcpdiag size`: from options, or the report of a trace, to an answer on standard output.
#pragma once

#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

// Errors: kUsage for a file that cannot be opened or is no report, kFailed when reading or writing fails.
Result<ExitCode> size_command(Options options);

}  // namespace tcpdiag::cli
