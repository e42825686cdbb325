// SPDX-License-Identifier: Apache-2.0
#include "session/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>

#include "unit/session/pipe.h"

namespace tcpdiag::session {
namespace {

TEST(Progress, on_a_terminal_the_status_is_below_the_lines) {
  const test::Pipe pipe;
  Progress progress(pipe.to.get(), true);
  progress.status("one");
  progress.status("two");
  progress.say("a finding");
  progress.status("three");
  progress.finish();
  EXPECT_EQ(pipe.read_now(), "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Ka finding\n\r\x1b[Kthree\r\x1b[K");
}

TEST(Progress, elsewhere_there_are_only_lines) {
  const test::Pipe pipe;
  Progress progress(pipe.to.get(), false);
  progress.status("one");
  progress.say("a finding");
  progress.status("two");
  progress.finish();
  EXPECT_EQ(pipe.read_now(), "a finding\n");
}

TEST(Progress, status_fits_into_one_line) {
  const test::Pipe pipe;  // has no width: 80 columns
  Progress progress(pipe.to.get(), true);
  progress.status(std::string(200, 'x'));
  EXPECT_EQ(pipe.read_now(), "\r\x1b[K" + std::string(79, 'x'));
}

TEST(Progress, waits_for_nobody_and_keeps_the_lines) {
  const test::Pipe pipe;
  pipe.fill();
  Progress progress(pipe.to.get(), true);
  progress.say("first");
  progress.status("lost");
  progress.say("second");
  progress.pause();
  EXPECT_EQ(pipe.read_now().find("first"), std::string::npos);
  EXPECT_TRUE(progress.finish());
  EXPECT_EQ(pipe.read_now(), "first\nsecond\n");
}

TEST(Progress, drops_of_many_lines_are_counted_where_they_are_missing) {
  const test::Pipe pipe;
  pipe.fill();
  Progress progress(pipe.to.get(), false);
  for (int i = 0; i < 1234; ++i) progress.offer("event");
  progress.say("a finding");
  (void)pipe.read_now();
  progress.offer("event");
  EXPECT_TRUE(progress.finish());
  const std::string said = pipe.read_now();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1000 + 3);
  EXPECT_NE(said.find("\n234 events are not shown here: their reader was slow\na finding\nevent\n"), std::string::npos);
}

TEST(Progress, waits_until_a_slow_reader_has_all) {
  test::Pipe pipe;
  pipe.fill();
  Progress progress(pipe.to.get(), false);
  for (int i = 0; i < 30'000; ++i) progress.say("a finding");
  std::string said;
  std::thread reader([&] {
    ::fcntl(pipe.from.get(), F_SETFL, 0);
    said = pipe.read_now();
  });
  progress.wait();
  pipe.to.reset();
  reader.join();
  said.erase(0, said.find_first_not_of('.'));
  EXPECT_EQ(said.size(), 30'000 * std::string_view("a finding\n").size());
}

}  // namespace
}  // namespace tcpdiag::session
