// SPDX-License-Identifier: Apache-2.0
// tcpdiag: says who reset a TCP connection and why, from kernel events.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/command_line.h"
#include "cli/command_table.h"
#include "session/signals.h"
#include "util/io.h"
#include "util/result.h"

namespace tcpdiag::cli {
namespace {

// Started with standard output closed (>&-), the next file opened would get its number, and the report or messages
// would go into it. The number is taken by a descriptor that cannot be written to, so that writing still fails.
bool occupy_standard_fds() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    if (::open("/dev/null", O_RDONLY) != fd) return false;
  }
  return true;
}

// The program throws no exceptions, and would end by one of the library's. What was recorded so far stays readable.
[[noreturn]] void out_of_memory() {
  write_all(STDERR_FILENO, "tcpdiag: out of memory; " + cure_of(ENOMEM, {}) + "\n");
  ::_exit(static_cast<int>(ExitCode::kFailed));
}

int report_error(const Error& error) {
  std::string line = "tcpdiag: " + error.what;
  if (!error.hint.empty()) line += "; " + error.hint;
  write_all(STDERR_FILENO, line + "\n");
  return static_cast<int>(error.exit_code);
}

Result<ExitCode> run_command(const Options& options) {
  const auto row = std::ranges::find(command_table(), options.command, &CommandRow::id);
  return row->run(options);
}

int run(const std::vector<std::string>& argv) {
  const auto command = parse_command_line(argv);
  if (!command) return report_error(command.error());
  if (const auto* show = std::get_if<ShowText>(&*command)) {
    return static_cast<int>(write_all(STDOUT_FILENO, show->text) == 0 ? ExitCode::kDone : ExitCode::kFailed);
  }
  session::end_at_signals();
  const Result<ExitCode> code = run_command(std::get<Options>(*command));
  return code ? static_cast<int>(*code) : report_error(code.error());
}

}  // namespace
}  // namespace tcpdiag::cli

int main(int argc, char** argv) {
  std::set_new_handler(tcpdiag::cli::out_of_memory);
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its limit (ulimit -f) is a write that fails, like a full disk
  if (!tcpdiag::cli::occupy_standard_fds()) return EXIT_FAILURE;
  return tcpdiag::cli::run(std::vector<std::string>(argv, argv + argc));
}
