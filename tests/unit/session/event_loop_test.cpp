// SPDX-License-Identifier: Apache-2.0
#include "session/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "host/clock.h"
#include "unit/session/fake_source.h"

namespace tcpdiag::session {
namespace {

using namespace std::chrono_literals;

class EventLoop : public testing::Test {
 protected:
  model::EndedBy run(
      std::optional<model::Duration> duration, const std::function<void()>& every_second = [] {}) {
    return run_until_end(source_, sink_, signals_, clock_, duration, {every_second, [] { return true; }});
  }

  test::FakeSource source_;
  test::NullSink sink_;
  Signals signals_ = *Signals::block();
  model::ClockPair clock_ = read_clock_pair();
};

TEST_F(EventLoop, no_time_at_all) {
  source_.have_event();
  EXPECT_EQ(run(0s), model::EndedBy::kDuration);
  EXPECT_EQ(source_.drained, 0U);
}

TEST_F(EventLoop, drains_until_the_time_is_over) {
  source_.have_event();
  const model::MonoTime began = mono_now();
  EXPECT_EQ(run(50ms), model::EndedBy::kDuration);
  EXPECT_GE(mono_now() - began, 50ms);
  EXPECT_EQ(source_.drained, 1U);
}

TEST_F(EventLoop, each_ending_signal_ends_it) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::kill(::getpid(), signal);
    EXPECT_EQ(run(std::nullopt), model::EndedBy::kSignal) << signal;
  }
}

TEST_F(EventLoop, samples_when_a_second_of_utc_begins) {
  clock_.wall_at += 300ms;  // whatever the wall clock says now: the pair is what counts
  int seconds = 0;
  EXPECT_EQ(run(std::nullopt,
                [&] {
                  EXPECT_EQ(source_.samples, ++seconds);
                  const model::WallTime wall = clock_.to_wall(mono_now());
                  EXPECT_LT(wall - std::chrono::floor<std::chrono::seconds>(wall), 300ms);
                  if (seconds == 2) ::kill(::getpid(), SIGINT);
                }),
            model::EndedBy::kSignal);
  EXPECT_EQ(seconds, 2);
}

}  // namespace
}  // namespace tcpdiag::session
