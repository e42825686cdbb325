// SPDX-License-Identifier: Apache-2.0
#include "session/confinement.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/session/fake_source.h"
#include "unit/util/fake_tree.h"

namespace tcpdiag::session {
namespace {

using testing::ElementsAre;

TEST(UserToBecome, nobody_else_without_root) {
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    ::_exit(user_to_become(Caller{.uid = 4711, .gid = 4712}, {}) ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(UserToBecome, of_root) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root";
  const test::FakeTree tree;
  ASSERT_EQ(::chown(tree.root().c_str(), 4713, 4714), 0);
  const Fd directory(::open(tree.root().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

  const auto caller = user_to_become(Caller{.uid = 4711, .gid = 4712}, {directory.get()});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->uid, 4711U);
  EXPECT_EQ(caller->gid, 4712U);
  EXPECT_THAT(caller->groups, ElementsAre(4712));  // the database knows no such user

  const auto owner = user_to_become(std::nullopt, {directory.get()});
  ASSERT_TRUE(owner);
  EXPECT_EQ(owner->uid, 4713U);
  EXPECT_EQ(owner->gid, 4714U);
  EXPECT_TRUE(owner->groups.empty());

  const auto nobody = user_to_become(std::nullopt, {});
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->uid, 65534U);
  EXPECT_EQ(nobody->gid, 65534U);
}

// In a child: there is no way back.
int confined(const std::function<Result<std::vector<model::Feature>>()>& confine, const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!confine()) ::_exit(2);
    ::_exit(work() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(Confinement, of_a_trace_goes_on_with_events_and_timers) {
  test::FakeSource source;
  test::NullSink sink;
  EXPECT_EQ(confined([&] { return confine_trace(std::nullopt, {}, source); },
                     [&] {
                       source.have_event();
                       source.drain(sink);
                       return source.drained == 1;
                     }),
            0);
}

TEST(Confinement, of_a_command_without_a_trace_still_writes_what_is_open) {
  const test::FakeTree tree;
  const std::string path = tree.path("answer");
  const Fd answer(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(confined([] { return confine_offline({}); },
                     [&] { return ::write(answer.get(), "x", 1) == 1 && ::access("/", F_OK) == 0; }),
            0);
}

}  // namespace
}  // namespace tcpdiag::session
