// SPDX-License-Identifier: Apache-2.0
#include "session/progress.h"

#include <gtest/gtest.h>

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

TEST(Progress, never_waits_and_keeps_the_lines) {
  const test::Pipe pipe;
  pipe.fill();
  Progress progress(pipe.to.get(), true);
  progress.say("first");
  progress.status("lost");
  progress.say("second");
  progress.finish();
  EXPECT_EQ(pipe.read_now().find("first"), std::string::npos);
  progress.finish();
  EXPECT_EQ(pipe.read_now(), "first\nsecond\n");
}

}  // namespace
}  // namespace tcpdiag::session
