// SPDX-License-Identifier: Apache-2.0
#include "session/progress.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "util/io.h"

namespace tcpdiag::session {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";

std::size_t width_of(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

}  // namespace

bool Progress::writable() const {
  pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
  return ::poll(&ready, 1, 0) == 1;
}

void Progress::erase_status() {
  if (!std::exchange(status_shown_, false)) return;
  write_all(fd_, kEraseLine);  // here and below: where standard error is gone there is nobody to tell
}

void Progress::flush() {
  if (waiting_.empty() || !writable()) return;
  erase_status();
  while (!waiting_.empty() && writable()) {
    write_all(fd_, waiting_.front() + "\n");
    waiting_.pop_front();
  }
}

void Progress::say(std::string line) {
  note_dropped();
  waiting_.push_back(std::move(line));
  flush();
}

void Progress::offer(std::string line) {
  flush();
  if (waiting_.size() < kMostWaiting) return say(std::move(line));
  ++dropped_;
}

void Progress::note_dropped() {
  if (dropped_ == 0) return;
  waiting_.push_back(fmt::format("{} events are not shown here: their reader was slow", std::exchange(dropped_, 0)));
}

void Progress::status(std::string_view text) {
  flush();
  if (!terminal_ || !writable()) return;
  // One column less than the terminal has: a full line would wrap and could not be erased.
  const std::string_view fitting = text.substr(0, std::min(text.size(), width_of(fd_) - 1));
  write_all(fd_, std::string(kEraseLine) + std::string(fitting));
  status_shown_ = true;
}

void Progress::pause() {
  flush();
  if (writable()) erase_status();
}

bool Progress::wait(int patience_ms) {
  note_dropped();
  while (true) {
    pause();
    if (waiting_.empty()) return true;
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int polled = ::poll(&ready, 1, patience_ms);
    if (polled == 0 || (polled < 0 && errno != EINTR)) return false;
  }
}

void Progress::wait() { (void)wait(-1); }

bool Progress::finish() { return wait(kPatienceMs); }

}  // namespace tcpdiag::session
