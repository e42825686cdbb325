// SPDX-License-Identifier: Apache-2.0
// The wall clock is set while a trace runs: nothing in the report moves with it. This machine's clock is not touched;
// the program asks a clock_gettime() of this test instead of the C library's.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>

#include "host/clock.h"
#include "session/trace.h"
#include "unit/session/fake_source.h"
#include "unit/session/pipe.h"

namespace {

std::atomic<std::int64_t> wall_step_s{0};

}  // namespace

// It replaces the C library's for the whole program, the C++ library's clocks too.
extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  if (clock == CLOCK_REALTIME) now->tv_sec += wall_step_s;
  return result;
}

namespace tcpdiag::session {
namespace {

using namespace std::chrono_literals;

// Sets the clock as soon as something is to be read, and tells of a socket that was opened before and closed after.
class SteppingSource : public test::FakeSource {
 public:
  explicit SteppingSource(std::int64_t by_s) : by_s_(by_s) { have_event(); }

  void drain(model::Sink& sink) override {
    test::FakeSource::drain(sink);
    model::Event event;
    event.socket.id = {7};
    event.socket.role = model::Role::kOutbound;
    event.socket.netns_inode = 7;
    event.at = host::mono_now();
    event.flow.opened_at = event.at;
    event.flow.state = model::TcpState::kClose;
    event.body = model::ConnectStarted{};
    sink.on_event(event);
    wall_step_s = by_s_;
    event.at += 30ms;
    event.flow.syn_at = event.flow.opened_at;
    event.flow.established_at = event.at;
    event.flow.state = model::TcpState::kSynSent;
    event.body = model::Established{};
    sink.on_event(event);
  }

 private:
  std::int64_t by_s_;
};

class ClockStep : public testing::TestWithParam<std::int64_t> {
 protected:
  ~ClockStep() override { wall_step_s = 0; }
};

TEST_P(ClockStep, moves_nothing_in_the_report) {
  TraceSettings settings;
  settings.duration = 1200ms;  // at least one sample after the step
  settings.filters.netns_inodes = {7};
  settings.netns = {{.inode = 7, .name = "", .is_self = true, .is_initial = true}};
  SteppingSource source(GetParam());
  test::Pipe err;
  Progress progress(err.to.get(), false);
  Outputs outputs({}, progress);
  const Signals signals = *Signals::block();
  const model::WallTime true_start = std::chrono::system_clock::now();
  const Result<model::Report> report = run_trace(
      settings, source, [] { return std::vector<model::Feature>{}; }, signals, progress, outputs);
  signals.hold();
  ASSERT_TRUE(report);
  ASSERT_NE(wall_step_s, 0) << "the clock was set in the middle";
  const model::Picture& picture = report->picture;
  const model::WallTime true_end = std::chrono::system_clock::now() - std::chrono::seconds(wall_step_s);

  EXPECT_GE(picture.window.length(), 1200ms);
  EXPECT_LE(picture.window.length(), true_end - true_start + 1ms);
  const auto wall = [&picture](model::MonoTime at) { return picture.start.clock.to_wall(at); };
  EXPECT_GE(wall(picture.window.start), true_start - 1ms);
  EXPECT_LE(wall(picture.window.end), true_end + 1ms);
  ASSERT_EQ(picture.sockets.size(), 1U);
  EXPECT_EQ(picture.sockets[0].connect_took, 30ms);
  EXPECT_EQ(picture.endpoints.at(0).histograms.at(model::Measure::kConnect).sum(), 30'000U);
  EXPECT_GE(source.samples, 1) << "the seconds went on";
  EXPECT_LE(source.samples, 4);
}

INSTANTIATE_TEST_SUITE_P(Steps, ClockStep, testing::Values(3600, -3600, 86400 * 365, -5));

}  // namespace
}  // namespace tcpdiag::session
