// SPDX-License-Identifier: Apache-2.0
// `tcpdiag doctor`: asks this machine and its kernel, and writes the answer to standard output.
#pragma once

#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

// kDone where this user can trace here, also where the run would be degraded; kNotAble where not. Error (kFailed): the
// answer cannot be written.
Result<ExitCode> doctor_command(const Options& options);

}  // namespace tcpdiag::cli
