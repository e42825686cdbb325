// SPDX-License-Identifier: Apache-2.0
// Signals as something to read. Those that end a trace (SIGINT, SIGTERM, SIGHUP) are blocked while it runs, so that
// none can come between the end of the trace and its report.
#pragma once

#include <csignal>

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
  // Until hold(), they end the program as end_at_signals() says, but for the first, which is answered with a line on
  // standard error. Those that wait already do not count.
  void let_end() const;
  void hold() const;

 private:
  Fd fd_;
  sigset_t ending_{};
};

// While they are not blocked, a signal that would end a trace ends the program at once, whatever it is computing; files
// that are not finished go (util/unfinished_files.h).
void end_at_signals();

}  // namespace tcpdiag::session
