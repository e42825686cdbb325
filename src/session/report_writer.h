// SPDX-License-Identifier: Apache-2.0
// Puts the finished report where it was asked for, or where it still can be put.
#pragma once

#include <string_view>

#include "session/output.h"
#include "session/signals.h"
#include "util/result.h"

namespace tcpdiag::session {

struct Streams {
  int out = 1;
  int err = 2;
};

// A file that cannot be written: the report goes to standard output. That neither: to standard error where it is a
// terminal, unless the reader closed standard output, as `| head` does. Then, and in each such case, an error
// (kFailed). While a reader lets it wait, the first signal is answered with a line on standard error and the second
// ends the writing.
Result<> write_report(Output& output, std::string_view text, const Signals& signals, Streams streams = {});

}  // namespace tcpdiag::session
