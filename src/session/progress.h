// SPDX-License-Identifier: Apache-2.0
// Standard error while a trace runs: lines that stay, and on a terminal one status line below them that is rewritten.
// Nothing here waits: a terminal that was stopped with Ctrl-S must not keep events from being read.
#pragma once

#include <deque>
#include <string>
#include <string_view>

namespace tcpdiag::session {

class Progress {
 public:
  // `fd` is standard error; `terminal`: it is one that understands the erasing of a line.
  Progress(int fd, bool terminal) : fd_(fd), terminal_(terminal) {}

  // A line that stays. Where it cannot be written now it waits for the next call, with kMostWaiting others at most.
  void say(std::string line);
  // Replaces the status line; nothing without a terminal.
  void status(std::string_view text);
  // Erases the status line and writes what still waits.
  void finish();

 private:
  bool writable() const;
  void flush();
  void erase_status();

  static constexpr std::size_t kMostWaiting = 1000;

  int fd_;
  bool terminal_;
  bool status_shown_ = false;
  std::deque<std::string> waiting_;
};

}  // namespace tcpdiag::session
