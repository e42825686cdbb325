// SPDX-License-Identifier: Apache-2.0
// `tcpdiag diff`: what differs between two recordings, or between what failed in one and what did not.
#pragma once

#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

Result<ExitCode> diff_command(Options options);

}  // namespace tcpdiag::cli
