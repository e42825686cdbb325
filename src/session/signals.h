// SPDX-License-Identifier: Apache-2.0
// Signals as something to read. Those that end a trace (SIGINT, SIGTERM, SIGHUP) are blocked from here to the end of
// the program, so that none can come between the end of the trace and its report.
#pragma once

#include "util/fd.h"
#include "util/result.h"

namespace tcpdiag::session {

class Signals {
 public:
  // SIGHUP stays ignored where it was (nohup). SIGINT does not: a shell's background job starts with it ignored, but
  // who sends it means it. SIGPIPE is ignored from now on; writing says EPIPE instead.
  static Result<Signals> block();

  int fd() const { return fd_.get(); }  // readable when one waits
  // Takes one that waits: its number, 0 where none does.
  int take() const;

 private:
  Fd fd_;
};

}  // namespace tcpdiag::session
