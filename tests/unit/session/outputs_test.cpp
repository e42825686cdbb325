// SPDX-License-Identifier: Apache-2.0
// Each output fails for itself: what it lost is counted and said, what it has stays, and nothing else ends.
#include "session/outputs.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include "session/signals.h"
#include "unit/session/pipe.h"
#include "unit/source/recording/recording_case.h"

namespace tcpdiag::session {
namespace {

using recording::testing::Collector;
using recording::testing::realistic_event;
using recording::testing::trace_end;
using recording::testing::trace_start;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class OutputsTest : public recording::testing::RecordingCase {
 protected:
  RecordingOutput recording(const std::string& file, std::optional<std::uint64_t> max_bytes = {}) const {
    return std::move(*RecordingOutput::open({.path = file, .force = false, .max_bytes = max_bytes}, std::nullopt));
  }
  static model::Loss loss_of(const std::vector<recording::testing::Record>& records) {
    return std::get<model::TraceEnd>(std::get<model::Sample>(records.back())).loss;
  }
  // A whole trace of so many events, which lost 7 itself, through `outputs`.
  std::optional<model::RecordingFile> run(Outputs& outputs, std::uint64_t events) {
    outputs.lead_to(seen_);
    outputs.on_sample(trace_start());
    for (std::uint64_t i = 1; i <= events; ++i) {
      outputs.on_event(realistic_event(i));
      if (i % 500 == 0) outputs.commit();
      if (!outputs.flush()) ADD_FAILURE() << "nobody is left";
    }
    model::TraceEnd end = trace_end(1'000'000);
    end.loss.disk_full = 7;
    outputs.on_sample(end);
    return outputs.finish();
  }
  std::string said() {
    progress_.pause();
    return err_.read_now();
  }

  test::Pipe err_;
  Progress progress_{err_.to.get(), false};
  Collector seen_;
};

TEST_F(OutputsTest, recording_without_room_loses_counts_and_says_what_does_not_fit) {
  RecordingOutput limited = recording(path(), recording::kLeastBytes);
  Outputs outputs({.recording = &limited}, progress_);
  EXPECT_TRUE(run(outputs, 9000));
  EXPECT_TRUE(outputs.failed());
  EXPECT_THAT(said(), AllOf(HasSubstr("x.tcpdiag' has reached its size"), HasSubstr("records are missing")));
  EXPECT_EQ(seen_.events(), 9000U) << "the report has them all";
  const auto records = records_of(path());
  const std::uint64_t lost = loss_of(records).disk_full;
  EXPECT_GT(lost, 1000U);
  EXPECT_EQ(records.size() - 2 + lost, 9000U + 7);
  EXPECT_EQ(loss_of(seen_.records).disk_full, lost) << "and says what the recording lacks";
}

TEST_F(OutputsTest, lines_without_room_leave_the_recording_alone) {
  RecordingOutput whole = recording(path());
  Result<Output> full = Output::open("/dev/full", true, std::nullopt);
  ASSERT_TRUE(full);
  EventStream stream(*full, false);
  Outputs outputs({.recording = &whole, .stream = &stream}, progress_);
  EXPECT_TRUE(run(outputs, 2000));
  EXPECT_TRUE(outputs.failed());
  EXPECT_THAT(said(), AllOf(StartsWith("cannot write events to '/dev/full': No space left on device; make room"),
                            HasSubstr("recorded in"), Not(HasSubstr("missing"))));
  EXPECT_EQ(records_of(path()).size(), 2002U);
  const std::string rest = stream.take_rest();
  EXPECT_EQ(std::count(rest.begin(), rest.end(), '\n'), 2001) << "all of it is there for another place";
}

TEST_F(OutputsTest, what_was_removed_or_replaced_is_said) {
  for (const bool replaced : {false, true}) {
    RecordingOutput gone = recording(path());
    Outputs outputs({.recording = &gone}, progress_);
    outputs.lead_to(seen_);
    outputs.on_sample(trace_start());
    std::filesystem::remove(path());
    if (replaced) recording::testing::write_file(path(), "another's");
    outputs.commit();
    EXPECT_THAT(said(),
                HasSubstr("x.tcpdiag' was removed or replaced while it was written; what is recorded now is lost"));
    outputs.on_sample(trace_end(1'000'000));
    EXPECT_FALSE(outputs.finish());
    EXPECT_TRUE(outputs.failed());
    EXPECT_THAT(said(), AllOf(HasSubstr("removed or replaced"), Not(HasSubstr("recorded in"))));
    if (replaced) {
      EXPECT_EQ(recording::testing::bytes_of_file(path()), "another's");
    }
    std::filesystem::remove(path());
  }
}

TEST_F(OutputsTest, nothing_is_said_where_nothing_failed) {
  RecordingOutput whole = recording(path());
  Outputs outputs({.recording = &whole}, progress_);
  EXPECT_TRUE(run(outputs, 100));
  EXPECT_FALSE(outputs.failed());
  EXPECT_THAT(said(), StartsWith("recorded in"));
  EXPECT_THAT(names(), testing::ElementsAre("x.tcpdiag"));
}

// In a process of its own: the exit code, or the signal that ended it.
int status_of_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

void signal_is_let_through(int signal) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

TEST_F(OutputsTest, full_disk_costs_the_records_that_do_not_fit_and_nothing_else) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const int status = status_of_child([this] {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("tcpdiag", directory().c_str(), "tmpfs", 0, "size=600k"), 0);
    RecordingOutput full = recording(path());
    Outputs outputs({.recording = &full}, progress_);
    EXPECT_TRUE(run(outputs, 3000));
    EXPECT_THAT(said(), HasSubstr("has gaps from here on: No space left on device; make room"));
    const auto records = records_of(path());
    EXPECT_EQ(records.size() - 2 + loss_of(records).disk_full, 3000U + 7);
    // Those of the beginning are there without a hole, although the disk was full in the middle of a transaction.
    std::uint64_t in_a_row = 0;
    for (const auto& record : records) {
      const auto* event = std::get_if<model::Event>(&record);
      if (event != nullptr && event->socket.id.value == in_a_row + 1) ++in_a_row;
    }
    EXPECT_EQ(in_a_row, records.size() - 2);
    EXPECT_NE(in_a_row % 500, 0U);
    EXPECT_GT(in_a_row, 600U);
  });
  EXPECT_EQ(status, 0);
}

TEST_F(OutputsTest, signal_takes_back_what_is_not_finished) {
  const int status = status_of_child([this] {
    end_at_signals();
    signal_is_let_through(SIGTERM);
    RecordingOutput half = recording(path());
    Result<Output> output = Output::open(path("report"), false, std::nullopt);
    Result<Output> lines = Output::open(path("lines"), false, std::nullopt);
    ASSERT_TRUE(output && lines);
    EXPECT_EQ(lines->write_some("a line\n", true).bytes, 7U);
    half.writer()->on_sample(trace_start());
    EXPECT_EQ(names().size(), 4U);
    ::raise(SIGTERM);
    ::_exit(2);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  EXPECT_THAT(names(), testing::ElementsAre("lines")) << "whole lines are worth something, half a recording is not";
}

TEST_F(OutputsTest, after_the_trace_the_second_signal_ends_the_program) {
  const int status = status_of_child([this] {
    end_at_signals();
    const Result<Signals> signals = Signals::block();
    ::raise(SIGINT);  // it ended the trace
    ::raise(SIGINT);
    signals->let_end();
    Result<Output> output = Output::open(path("report"), false, std::nullopt);
    ::raise(SIGINT);
    EXPECT_THAT(names(), testing::ElementsAre("report"));
    ::raise(SIGINT);
    ::_exit(2);
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_THAT(names(), IsEmpty());
}

}  // namespace
}  // namespace tcpdiag::session
