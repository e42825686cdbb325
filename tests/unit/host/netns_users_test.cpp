// SPDX-License-Identifier: Apache-2.0
#include "host/netns_users.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

// This program in namespace A; B is asked about.
class UsersOfFakeHost : public testing::Test {
 protected:
  UsersOfFakeHost() {
    tree_.write("proc/self/ns/net", "A");
    tree_.link("proc/self/ns/net", "proc/7/ns/net");
    tree_.write("proc/cpuinfo", "not a process");
    tree_.write("B", "B");
    places_ = {.proc = tree_.path("proc"),
               .named = {tree_.path("run/netns")},
               .also = {tree_.path("run/docker/netns")},
               .check_kind = false};
  }

  NetnsUsers users() const {
    struct stat status {};
    EXPECT_EQ(::stat(tree_.path("B").c_str(), &status), 0);
    return NetnsUsers(static_cast<std::uint32_t>(status.st_ino), places_);
  }
  void remove(const char* name) const { std::filesystem::remove_all(tree_.path(name)); }

  test::FakeTree tree_;
  NetnsPlaces places_;
};

TEST_F(UsersOfFakeHost, none) { EXPECT_FALSE(users().any()); }

TEST_F(UsersOfFakeHost, process_until_it_is_gone) {
  tree_.link("B", "proc/8/ns/net");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  EXPECT_TRUE(users.any());
  remove("proc/8");
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, process_that_left_for_another_namespace) {
  tree_.link("B", "proc/8/ns/net");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  remove("proc/8");
  tree_.link("proc/self/ns/net", "proc/8/ns/net");  // or its number is another's now
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, another_takes_the_place_of_the_one_that_has_gone) {
  tree_.link("B", "proc/8/ns/net");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  tree_.link("B", "proc/9/ns/net");
  remove("proc/8");
  EXPECT_TRUE(users.any());
  remove("proc/9");
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, name_without_a_process) {
  for (const char* name : {"run/netns/blue", "run/docker/netns/0123"}) {
    tree_.link("B", name);
    NetnsUsers users = this->users();
    EXPECT_TRUE(users.any()) << name;
    remove(name);
    EXPECT_FALSE(users.any()) << name;
  }
}

TEST_F(UsersOfFakeHost, mounted_elsewhere) {
  struct stat status {};
  ASSERT_EQ(::stat(tree_.path("B").c_str(), &status), 0);
  tree_.link("B", "srv/net");
  tree_.write("proc/self/mountinfo",
              fmt::format("25 1 0:21 / / rw - ext4 /dev/vda rw\n\n36 25 0:4 net:[{}] {} rw - nsfs nsfs rw\nnet:[",
                          status.st_ino, tree_.path("srv/net")));
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  remove("srv/net");
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, thread_of_a_process_elsewhere) {
  tree_.link("B", "proc/7/task/9/ns/net");
  NetnsUsers users = this->users();
  EXPECT_TRUE(users.any());
  remove("proc/7/task/9");
  EXPECT_FALSE(users.any());
}

TEST_F(UsersOfFakeHost, born_while_nobody_was_left) {
  NetnsUsers users = this->users();
  EXPECT_FALSE(users.any());
  tree_.link("B", "proc/8/ns/net");
  EXPECT_TRUE(users.any());
}

// Of this machine: this process is in its own namespace, so that one is in use.
TEST(NetnsUsers, own_namespace_is_in_use) {
  const auto own = own_netns();
  ASSERT_TRUE(own);
  NetnsUsers users(own->inode);
  EXPECT_TRUE(users.any());
  EXPECT_TRUE(users.any());
}

}  // namespace
}  // namespace tcpdiag::host
