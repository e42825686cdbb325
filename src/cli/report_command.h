// SPDX-License-Identifier: Apache-2.0
// `tcpdiag report`: what a recording holds, all of it or a part, in any format.
#pragma once

#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

// Prints or writes the report. Errors are those of the file, of the options and of the output. Root through sudo
// becomes the person who called it before anything is read: the file is not to be trusted.
Result<ExitCode> report_command(Options options);

}  // namespace tcpdiag::cli
