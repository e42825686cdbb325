// SPDX-License-Identifier: Apache-2.0
// `tcpdiag trace`: everything that can be wrong is found before anything is attached, in the order in which the user
// can mend it: processes and namespaces, the file of -o, then privileges and kernel.
#pragma once

#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

// kDone, kFailed or kFindingReached after a report was written; otherwise the error that kept it from being written.
Result<ExitCode> trace_command(const Options& options);

}  // namespace tcpdiag::cli
