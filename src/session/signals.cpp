// SPDX-License-Identifier: Apache-2.0
#include "session/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

#include "util/io.h"

namespace tcpdiag::session {
namespace {

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Result<Signals> Signals::block() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t ending;
  ::sigemptyset(&ending);
  ::sigaddset(&ending, SIGINT);
  ::sigaddset(&ending, SIGTERM);
  // A blocked signal reaches a signalfd although it is ignored.
  if (!is_ignored(SIGHUP)) ::sigaddset(&ending, SIGHUP);
  Signals signals;
  signals.fd_ = Fd(::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.fd_ || ::sigprocmask(SIG_BLOCK, &ending, nullptr) != 0) {
    return fail(ExitCode::kNotAble, "cannot wait for signals: " + errno_text(errno));
  }
  return signals;
}

int Signals::take() const {
  signalfd_siginfo info{};
  ssize_t got = 0;
  do {
    got = ::read(fd_.get(), &info, sizeof info);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace tcpdiag::session
