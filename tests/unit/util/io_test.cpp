// SPDX-License-Identifier: Apache-2.0
#include "util/io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

namespace tcpdiag {
namespace {

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 1000> block{};
  ssize_t got = 0;
  while ((got = ::read(fd, block.data(), block.size())) > 0) all.append(block.data(), static_cast<std::size_t>(got));
  return all;
}

TEST(WriteAll, more_than_a_pipe_holds) {
  for (const int flags : {O_CLOEXEC, O_CLOEXEC | O_NONBLOCK}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), flags), 0);
    const Fd from(ends[0]);
    Fd to(ends[1]);
    ASSERT_EQ(::fcntl(from.get(), F_SETFL, 0), 0);  // the reader waits either way
    const std::string text(300'000, 'x');
    std::string got;
    std::thread reader([&] { got = read_to_end(from.get()); });
    EXPECT_EQ(write_all(to.get(), text), 0);
    to.reset();
    reader.join();
    EXPECT_EQ(got, text);
  }
}

TEST(WriteAll, tells_what_went_wrong) {
  std::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Fd from(ends[0]);
  const Fd to(ends[1]);
  from.reset();
  EXPECT_EQ(write_all(to.get(), "x"), EPIPE);
  EXPECT_EQ(write_all(-1, "x"), EBADF);
  EXPECT_EQ(write_all(-1, ""), 0);
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(write_all(full.get(), "x"), ENOSPC);
}

TEST(ReadSmallFile, whole_missing_and_too_long) {
  EXPECT_TRUE(read_small_file("/proc/self/status").has_value());
  EXPECT_EQ(read_small_file("/nowhere/at/all"), std::nullopt);
  EXPECT_EQ(read_small_file("/proc"), std::nullopt);
  EXPECT_EQ(read_small_file("/dev/zero", 10), std::nullopt);
}

}  // namespace
}  // namespace tcpdiag
