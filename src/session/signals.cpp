// SPDX-License-Identifier: Apache-2.0
#include "session/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "util/io.h"
#include "util/unfinished_files.h"

namespace tcpdiag::session {
namespace {

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// SIGHUP stays ignored where it was (nohup).
sigset_t ending_signals() {
  sigset_t ending;
  ::sigemptyset(&ending);
  ::sigaddset(&ending, SIGINT);
  ::sigaddset(&ending, SIGTERM);
  // A blocked signal reaches a signalfd although it is ignored.
  if (!is_ignored(SIGHUP)) ::sigaddset(&ending, SIGHUP);
  return ending;
}

volatile std::sig_atomic_t patience = 0;

void end(int signal) {
  if (patience > 0) {
    patience = patience - 1;
    constexpr std::string_view kAnswer = "tcpdiag: the report is being made; once more ends without it\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kAnswer.data(), kAnswer.size());
    return;
  }
  remove_unfinished_files();
  std::signal(signal, SIG_DFL);
  ::raise(signal);  // comes when this handler returns; who called sees by what it ended
}

}  // namespace

void end_at_signals() {
  patience = 0;
  const sigset_t ending = ending_signals();
  struct sigaction action {};
  action.sa_handler = end;
  action.sa_mask = ending;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (::sigismember(&ending, signal) == 1) ::sigaction(signal, &action, nullptr);
  }
}

Result<Signals> Signals::block() {
  std::signal(SIGPIPE, SIG_IGN);
  Signals signals;
  signals.ending_ = ending_signals();
  signals.fd_ = Fd(::signalfd(-1, &signals.ending_, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.fd_ || ::sigprocmask(SIG_BLOCK, &signals.ending_, nullptr) != 0) {
    return fail(ExitCode::kNotAble, "cannot wait for signals: " + errno_text(errno));
  }
  return signals;
}

void Signals::let_end() const {
  while (take() != 0) {
  }
  patience = 1;
  ::sigprocmask(SIG_UNBLOCK, &ending_, nullptr);
}

void Signals::hold() const { ::sigprocmask(SIG_BLOCK, &ending_, nullptr); }

int Signals::take() const {
  signalfd_siginfo info{};
  ssize_t got = 0;
  do {
    got = ::read(fd_.get(), &info, sizeof info);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace tcpdiag::session
