// SPDX-License-Identifier: Apache-2.0
// What the options and operands of a command must hold together. Errors: kUsage.
#pragma once

#include "cli/option_parsing.h"
#include "cli/options.h"
#include "util/result.h"

namespace tcpdiag::cli {

// `operands`: the words that are no option, in the order typed. They and what follows from several options together are
// put into `options`.
Result<> check_trace(Options& options, Typed operands);
Result<> check_report(Options& options, Typed operands);
Result<> check_diff(Options& options, Typed operands);
Result<> check_size(Options& options, Typed operands);
Result<> check_doctor(Options& options, Typed operands);

}  // namespace tcpdiag::cli
