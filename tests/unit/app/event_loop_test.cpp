// SPDX-License-Identifier: Apache-2.0
#include "app/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "app/clock.h"
#include "unit/app/fake_source.h"

namespace tcpdiag::app {
namespace {

using namespace std::chrono_literals;

class EventLoop : public testing::Test {
 protected:
  model::EndedBy run(
      std::optional<model::Duration> duration, const std::function<void()>& every_second = [] {}) {
    return run_until_end(source_, sink_, signals_, duration, every_second);
  }

  test::FakeSource source_;
  test::NullSink sink_;
  Signals signals_ = *Signals::block();
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

TEST_F(EventLoop, samples_every_second) {
  int seconds = 0;
  EXPECT_EQ(run(std::nullopt,
                [&] {
                  EXPECT_EQ(source_.samples, ++seconds);
                  ::kill(::getpid(), SIGINT);
                }),
            model::EndedBy::kSignal);
  EXPECT_EQ(seconds, 1);
}

}  // namespace
}  // namespace tcpdiag::app
