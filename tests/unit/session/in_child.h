// SPDX-License-Identifier: Apache-2.0
// A whole command in a process of its own: a command drops privileges for good.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <string_view>

#include "util/fd.h"
#include "util/io.h"
#include "util/result.h"

namespace tcpdiag::test {

// What it writes to standard output, then what went wrong.
inline std::string said_by(const std::function<Result<ExitCode>()>& command) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(to.get(), STDOUT_FILENO);
    to.reset();
    const Result<ExitCode> done = command();
    ::_exit(done || write_all(STDOUT_FILENO, done.error().what) == 0 ? 0 : 1);
  }
  to.reset();
  std::string said;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t got = ::read(from.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    said += std::string_view(part.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return said;
}

}  // namespace tcpdiag::test
