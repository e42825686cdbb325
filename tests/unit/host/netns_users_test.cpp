// SPDX-License-Identifier: Apache-2.0
#include "host/netns_users.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

constexpr std::uint32_t kInode = 4026532288;

// Process 1 in namespace A; B is asked about.
class UsersOfFakeHost : public testing::Test {
 protected:
  UsersOfFakeHost() {
    tree_.write("proc/1/net/dev", "A");
    tree_.link("proc/1/net/dev", "proc/7/net/dev");
    tree_.write("proc/cpuinfo", "not a process");
    tree_.write("proc/self/mountinfo", "25 1 0:21 / / rw - ext4 /dev/vda rw\n");
    tree_.write("B", "B");
  }

  NetnsUsers users() const { return {kInode, identity_at(tree_.path("B")), tree_.path("proc")}; }
  void remove(const char* name) const { std::filesystem::remove_all(tree_.path(name)); }

  test::FakeTree tree_;
};

TEST_F(UsersOfFakeHost, none) { EXPECT_FALSE(users().any()); }

TEST_F(UsersOfFakeHost, process_until_it_is_gone) {
  tree_.link("B", "proc/8/net/dev");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  EXPECT_TRUE(users.any());
  remove("proc/8");
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, process_that_left_for_another_namespace) {
  tree_.link("B", "proc/8/net/dev");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  remove("proc/8");
  tree_.link("proc/1/net/dev", "proc/8/net/dev");  // or its number is another's now
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, another_takes_the_place_of_the_one_that_has_gone) {
  tree_.link("B", "proc/8/net/dev");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  tree_.link("B", "proc/9/net/dev");
  remove("proc/8");
  EXPECT_TRUE(users.any());
  remove("proc/9");
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, name_without_a_process) {
  NetnsUsers users = this->users();
  EXPECT_FALSE(users.any());
  // The file is written again, not replaced: it is open.
  tree_.write("proc/self/mountinfo", fmt::format("25 1 0:21 / / rw - ext4 /dev/vda rw\n"
                                                 "36 25 0:4 net:[{}] /run/netns/blue rw shared:9 - nsfs nsfs rw\n",
                                                 kInode));
  EXPECT_TRUE(users.any());
  tree_.write("proc/self/mountinfo", fmt::format("36 25 0:4 net:[{}] /run/netns/red rw - nsfs nsfs rw\n", kInode + 1));
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, thread_of_a_process_elsewhere) {
  tree_.link("B", "proc/7/task/9/net/dev");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  remove("proc/7/task/9");
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, born_while_nobody_was_left) {
  NetnsUsers users = this->users();
  EXPECT_FALSE(users.any());
  tree_.link("B", "proc/8/net/dev");
  EXPECT_TRUE(users.any());
}

TEST_F(UsersOfFakeHost, not_known_counts_as_some) {
  EXPECT_TRUE(NetnsUsers(kInode, std::nullopt, tree_.path("proc")).any());
  remove("proc/1");  // hidepid=
  EXPECT_TRUE(users().any());
}

// Of this machine: this process is in its own namespace, so that one is in use.
TEST(NetnsUsers, own_namespace_is_in_use) {
  const auto own = own_netns();
  ASSERT_TRUE(own);
  NetnsUsers users = NetnsUsers::of(*own);
  EXPECT_TRUE(users.any());
  EXPECT_TRUE(users.any());
}

// The file that tells namespaces apart is the same by every way to it.
TEST(NetnsUsers, threads_and_processes_of_one_namespace_show_one_file) {
  const auto file = identity_at("/proc/thread-self/net/dev");
  ASSERT_TRUE(file);
  EXPECT_EQ(identity_at(fmt::format("/proc/{}/net/dev", ::getpid())), file);
  EXPECT_EQ(identity_at(fmt::format("/proc/{0}/task/{0}/net/dev", ::getpid())), file);
}

}  // namespace
}  // namespace tcpdiag::host
