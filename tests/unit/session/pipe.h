// SPDX-License-Identifier: Apache-2.0
// A pipe for tests, read without waiting.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "util/fd.h"

namespace tcpdiag::test {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    from = Fd(ends[0]);
    to = Fd(ends[1]);
    ::fcntl(from.get(), F_SETFL, O_NONBLOCK);
  }

  std::string read_now() const {
    std::string all;
    std::array<char, 4096> block{};
    ssize_t got = 0;
    while ((got = ::read(from.get(), block.data(), block.size())) > 0)
      all.append(block.data(), static_cast<std::size_t>(got));
    return all;
  }
  // Until a writer would have to wait.
  void fill() const {
    const int flags = ::fcntl(to.get(), F_GETFL);
    ::fcntl(to.get(), F_SETFL, flags | O_NONBLOCK);
    const std::string block(4096, '.');
    while (::write(to.get(), block.data(), block.size()) > 0) {
    }
    ::fcntl(to.get(), F_SETFL, flags);
  }

  Fd from;
  Fd to;
};

}  // namespace tcpdiag::test
