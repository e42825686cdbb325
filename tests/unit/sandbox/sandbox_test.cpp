// SPDX-License-Identifier: Apache-2.0
// Each test confines a child of its own, since there is no way back. None of this needs root: what only root can give
// up is tested live (tests/live/test_privileges.py).
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>

#include "unit/sandbox/attempts.h"
#include "unit/util/fake_tree.h"
#include "util/io.h"

namespace tcpdiag::sandbox {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

constexpr int kNotConfined = 99;

// What ended a child: its exit status, or -N for signal N.
int end_of(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// The answer of `work` in a confined child.
int confined(const Needs& needs, const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(enter(needs) ? work() : kNotConfined);
  return end_of(child);
}

// The text that `work` returns in a child, which it may confine itself.
std::string said_by_child(const std::function<std::string()>& work) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const Fd from(pipe[0]);
  Fd to(pipe[1]);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(write_all(to.get(), work()));
  to.reset();
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = ::read(from.get(), part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  EXPECT_EQ(end_of(child), 0);
  return text;
}

bool has(const std::string& name) {
  const std::string answer = said_by_child([&name] {
    const auto features = enter({});
    for (const model::Feature& one : features.value()) {
      if (one.name == name) return std::string(one.available ? "yes" : "no");
    }
    return std::string("not told");
  });
  EXPECT_THAT(answer, MatchesRegex("yes|no")) << name;
  return answer == "yes";
}

int opens(const std::string& path, int flags) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

class Confined : public testing::Test {
 protected:
  Confined() {
    tree_.write("own/draft", "draft");
    tree_.write("own/report", "old");
    tree_.write("proc/8/cgroup", "0::/new\n");
    tree_.write("foreign/secret", "secret");
    own_ = directory("own");
    proc_ = directory("proc");
    needs_.live = true;
    needs_.readable = {proc_.get()};
    needs_.replaceable = {own_.get()};
  }
  Fd directory(const char* name) const {
    return Fd(::open(tree_.path(name).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  std::string content(const char* name) const { return read_small_file(tree_.path(name)).value_or("none"); }

  test::FakeTree tree_;
  Fd own_;
  Fd proc_;
  Needs needs_;
};

TEST_F(Confined, no_attempt_to_do_more_works) {
  const test::Targets targets(tree_.path("foreign"), ::geteuid());
  for (const test::Attempt& attempt : targets.attempts()) {
    const int error = confined(needs_, attempt.make);
    EXPECT_NE(error, 0) << attempt.name << " worked";
    EXPECT_NE(error, kNotConfined) << attempt.name;
    EXPECT_GE(error, 0) << attempt.name << " ended the process";
  }
  EXPECT_EQ(content("foreign/secret"), "secret");
}

// Otherwise the test above would prove nothing. As anybody: root's attempts are in the live test.
TEST_F(Confined, who_is_not_confined_can) {
  const test::Targets targets(tree_.path("foreign"), ::geteuid());
  const std::string_view for_anybody =
      " read_a_file write_a_file make_a_file rename_a_file connect_tcp connect_udp connect_unix start_a_process "
      "start_a_program signal_a_process send_on_an_open_socket executable_memory memory_made_executable be_dumpable ";
  for (const test::Attempt& attempt : targets.attempts()) {
    if (for_anybody.find(" " + attempt.name + " ") == std::string_view::npos) continue;
    const pid_t child = ::fork();
    if (child == 0) ::_exit(attempt.make());
    EXPECT_EQ(end_of(child), 0) << attempt.name;
  }
}

TEST_F(Confined, what_is_open_can_be_read_and_written) {
  const Fd secret(::open(tree_.path("foreign/secret").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(confined({},
                     [&] {
                       std::array<char, 6> text{};
                       if (::pread(secret.get(), text.data(), text.size(), 0) != 6) return errno;
                       if (::ftruncate(secret.get(), 0) != 0 || ::pwrite(secret.get(), "new", 3, 0) != 3) return errno;
                       return ::fsync(secret.get()) == 0 ? 0 : errno;
                     }),
            0);
  EXPECT_EQ(content("foreign/secret"), "new");
}

TEST_F(Confined, a_file_is_renamed_and_removed_where_that_is_needed) {
  EXPECT_EQ(confined(needs_, [&] { return ::renameat(own_.get(), "draft", own_.get(), "report") == 0 ? 0 : errno; }),
            0);
  EXPECT_EQ(content("own/report"), "draft");
  EXPECT_EQ(content("own/draft"), "none");
  EXPECT_EQ(confined(needs_, [&] { return ::unlinkat(own_.get(), "report", 0) == 0 ? 0 : errno; }), 0);
  EXPECT_EQ(content("own/report"), "none");
}

TEST_F(Confined, no_file_is_moved_out_of_there_or_into_it) {
  if (!has("confined_files")) GTEST_SKIP() << "no Landlock here: paths cannot be told apart";
  for (const auto& way : {std::pair{"draft", "../foreign/draft"}, std::pair{"../foreign/secret", "report"}}) {
    EXPECT_NE(
        confined(needs_, [&] { return ::renameat(own_.get(), way.first, own_.get(), way.second) == 0 ? 0 : errno; }),
        0);
  }
  EXPECT_NE(confined(needs_, [&] { return ::unlinkat(own_.get(), "../foreign/secret", 0) == 0 ? 0 : errno; }), 0);
  EXPECT_EQ(content("foreign/secret"), "secret");
  EXPECT_EQ(content("own/draft"), "draft");
}

TEST_F(Confined, files_of_processes_can_be_read_and_only_those) {
  const bool limited = has("confined_files");
  const std::string cgroup = tree_.path("proc/8/cgroup");
  EXPECT_EQ(confined(needs_, [&] { return opens(cgroup, O_RDONLY); }), limited ? 0 : EPERM);
  EXPECT_EQ(confined(needs_, [&] { return opens(tree_.path("proc/8"), O_RDONLY | O_DIRECTORY); }), limited ? 0 : EPERM);
  EXPECT_NE(confined(needs_, [&] { return opens(cgroup, O_RDWR); }), 0);
  EXPECT_NE(confined(needs_, [&] { return opens(cgroup, O_PATH); }), 0);
  EXPECT_NE(confined(needs_, [&] { return opens(tree_.path("proc/8/new"), O_WRONLY | O_CREAT); }), 0);
  EXPECT_NE(confined(needs_, [&] { return opens(tree_.path("proc/8/../../foreign/secret"), O_RDONLY); }), 0);
}

// What the C library does by itself, and the event loop.
TEST_F(Confined, goes_on_working) {
  std::array<int, 2> sockets{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), 0);
  const Fd near(sockets[0]);
  const Fd far(sockets[1]);
  EXPECT_EQ(confined(needs_,
                     [&] {
                       std::vector<std::string> many(20'000, std::string(500, 'x'));  // 10 MB
                       std::stable_sort(many.begin(), many.end());
                       std::qsort(many.data(), 0, sizeof(std::string), [](const void*, const void*) { return 0; });
                       const Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
                       if (!timer) return errno;
                       char one = 'x';
                       if (::send(near.get(), &one, 1, 0) != 1) return errno;
                       if (::recv(far.get(), &one, 1, MSG_DONTWAIT) != 1) return errno;
                       std::array<char, 64> line{};
                       std::snprintf(line.data(), line.size(), "%f", 1.5);
                       return ::isatty(near.get()) == 0 && errno == ENOTTY ? 0 : errno;
                     }),
            0);
}

TEST_F(Confined, a_bug_still_aborts) {
  EXPECT_EQ(confined(needs_,
                     [] {
                       std::abort();
                       return 0;
                     }),
            -SIGABRT);
}

TEST_F(Confined, only_a_trace_asks_sockets_and_sets_timers) {
  const auto makes_a_timer = [] { return Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) ? 0 : errno; };
  EXPECT_EQ(confined(needs_, makes_a_timer), 0);
  needs_.live = false;
  EXPECT_EQ(confined(needs_, makes_a_timer), EPERM);
}

TEST_F(Confined, a_call_that_is_not_foreseen_ends_it_where_that_is_wanted) {
  needs_.kill_on_refusal = true;
  EXPECT_EQ(confined(needs_, [] { return ::socket(AF_INET, SOCK_STREAM, 0); }), -SIGSYS);
  EXPECT_EQ(confined(needs_, [] { return 7; }), 7);
}

TEST_F(Confined, says_so_in_its_status) {
  const std::string status = said_by_child([this] {
    const Fd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    if (!enter(needs_)) return std::string("not confined");
    std::string text(8192, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(::pread(file.get(), text.data(), text.size(), 0), 0)));
    return text;
  });
  for (const char* line : {"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n",
                           "CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"}) {
    EXPECT_THAT(status, HasSubstr(line));
  }
}

TEST_F(Confined, not_with_a_second_thread_that_would_keep_its_privileges) {
  const std::string answer = said_by_child([this] {
    std::string what;
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return std::string("no pipe");
    std::thread second([&pipe] {
      char none = 0;
      while (::read(pipe[0], &none, 1) < 0) {
      }
    });
    const auto features = enter(needs_);
    what = features ? "confined" : features.error().what;
    ::close(pipe[1]);
    second.join();
    return what;
  });
  EXPECT_THAT(answer, HasSubstr("thread"));
}

TEST(Privileges, are_out_of_effect_for_the_time_of_a_question) {
  const auto effective = [] {
    const std::string status = read_small_file("/proc/self/status").value_or("");
    return status.substr(status.find("CapEff:"), 24);
  };
  const std::string before = effective();
  std::string meanwhile;
  const Result<bool> answer = works_without_capabilities([&] {
    meanwhile = effective();
    return true;
  });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(*answer);
  EXPECT_EQ(meanwhile, "CapEff:\t0000000000000000");
  EXPECT_EQ(effective(), before);
  EXPECT_FALSE(*works_without_capabilities([] { return false; }));
}

}  // namespace
}  // namespace tcpdiag::sandbox
