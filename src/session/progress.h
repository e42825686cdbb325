// SPDX-License-Identifier: Apache-2.0
// Standard error while a trace runs: lines that stay, and on a terminal one status line below them that is rewritten.
// Nothing waits but where it says so: a terminal that was stopped with Ctrl-S must not keep events from being read.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace tcpdiag::session {

class Progress {
 public:
  // `fd` is standard error; `terminal`: it is one that understands the erasing of a line.
  Progress(int fd, bool terminal) : fd_(fd), terminal_(terminal) {}

  // A line that stays. Where it cannot be written now it waits for a later call.
  void say(std::string line);
  // One of many: dropped where kMostWaiting wait already. How many were is said where they are missing.
  void offer(std::string line);
  // Replaces the status line; nothing without a terminal.
  void status(std::string_view text);
  // Erases the status line and writes what can be written.
  void pause();
  // Until everything is written: nothing else is lost by waiting. Without a limit, or until the reader takes nothing
  // for kPatience. False: lines are missing.
  void wait();
  bool finish();

 private:
  bool writable() const;
  void flush();
  void erase_status();

  void note_dropped();
  bool wait(int patience_ms);

  static constexpr std::size_t kMostWaiting = 1000;
  static constexpr int kPatienceMs = 5000;

  int fd_;
  bool terminal_;
  bool status_shown_ = false;
  std::deque<std::string> waiting_;
  std::uint64_t dropped_ = 0;  // since the last line
};

}  // namespace tcpdiag::session
