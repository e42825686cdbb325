// SPDX-License-Identifier: Apache-2.0
#include "host/netns.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

using testing::HasSubstr;

// This program in namespace A; process 7 in A too; 8 in B, which is called "blue"; 9 in C without a name; D has a
// name, "empty", and no process.
class NetnsOfFakeHost : public testing::Test {
 protected:
  NetnsOfFakeHost() {
    tree_.write("proc/self/ns/net", "A");
    tree_.link("proc/self/ns/net", "proc/7/ns/net");
    tree_.write("run/netns/blue", "B");
    tree_.link("run/netns/blue", "proc/8/ns/net");
    tree_.write("proc/9/ns/net", "C");
    tree_.write("run/netns/empty", "D");
    tree_.write("proc/cpuinfo", "not a process");
    places_ = {.proc = tree_.path("proc"),
               .named = {tree_.path("run/netns"), tree_.path("var/run/netns")},
               .also = {tree_.path("run/docker/netns")},
               .check_kind = false};
  }

  std::uint32_t inode(const char* name) const {
    struct stat status {};
    EXPECT_EQ(::stat(tree_.path(name).c_str(), &status), 0);
    return static_cast<std::uint32_t>(status.st_ino);
  }

  test::FakeTree tree_;
  NetnsPlaces places_;
};

TEST_F(NetnsOfFakeHost, own) {
  const auto own = own_netns(places_);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->inode, inode("proc/self/ns/net"));
  EXPECT_TRUE(own->is_self);
  EXPECT_EQ(own->name, "");
  EXPECT_TRUE(own->fd);
}

TEST_F(NetnsOfFakeHost, the_hosts_own_is_that_of_process_1) {
  tree_.link("run/netns/blue", "proc/1/ns/net");
  EXPECT_FALSE(own_netns(places_)->is_initial);
  EXPECT_TRUE(netns_of_pid(8, places_)->is_initial);
  EXPECT_FALSE(netns_of_pid(9, places_)->is_initial);
}

TEST_F(NetnsOfFakeHost, where_process_1_cannot_be_asked_the_own_is_taken_for_the_hosts) {
  EXPECT_TRUE(own_netns(places_)->is_initial);
  EXPECT_FALSE(netns_of_pid(8, places_)->is_initial);
}

TEST_F(NetnsOfFakeHost, of_processes) {
  const auto same = netns_of_pid(7, places_);
  ASSERT_TRUE(same);
  EXPECT_TRUE(same->is_self);
  const auto other = netns_of_pid(8, places_);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->is_self);
  EXPECT_EQ(other->name, "blue");
  const auto none = netns_of_pid(4711, places_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().exit_code, ExitCode::kUsage);
  EXPECT_EQ(none.error().what, "no process 4711");
}

TEST_F(NetnsOfFakeHost, found_by_pid_name_path_and_inode) {
  const std::uint32_t blue = inode("run/netns/blue");
  for (const std::string& spec :
       {std::string("8"), std::string("blue"), tree_.path("run/netns/blue"), tree_.path("proc/8/ns/net"),
        fmt::format("{}", blue), fmt::format("net:[{}]", blue)}) {
    const auto found = find_netns(spec, places_);
    ASSERT_TRUE(found) << spec << ": " << found.error().what;
    EXPECT_EQ(found->inode, blue) << spec;
    EXPECT_EQ(found->name, "blue") << spec;
    EXPECT_FALSE(found->is_self) << spec;
  }
}

TEST_F(NetnsOfFakeHost, inode_of_a_namespace_without_a_process_or_a_name) {
  const auto empty = find_netns(fmt::format("{}", inode("run/netns/empty")), places_);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->name, "empty");
  const auto nameless = find_netns(fmt::format("{}", inode("proc/9/ns/net")), places_);
  ASSERT_TRUE(nameless);
  EXPECT_EQ(nameless->name, "");
}

TEST_F(NetnsOfFakeHost, a_number_is_a_process_first) {
  tree_.link("proc/9/ns/net", "run/netns/7");
  const auto found = find_netns("7", places_);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_self);
}

TEST_F(NetnsOfFakeHost, what_is_not_there) {
  for (const char* spec : {"red", "4711", "net:[4711]", "net:[x]", "/nowhere/net", "", "../blue\x1b"}) {
    const auto found = find_netns(spec, places_);
    ASSERT_FALSE(found) << spec;
    EXPECT_EQ(found.error().exit_code, ExitCode::kUsage) << spec;
    EXPECT_EQ(found.error().what.find('\x1b'), std::string::npos) << spec;
  }
}

TEST_F(NetnsOfFakeHost, plain_file_is_no_namespace) {
  places_.check_kind = true;
  const auto found = find_netns(tree_.path("run/netns/blue"), places_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().exit_code, ExitCode::kUsage);
  EXPECT_THAT(found.error().what, HasSubstr("is not a network namespace"));
}

// Of this machine: needs no privileges for the own process.
TEST(Netns, own_is_found_in_every_way) {
  const auto own = own_netns();
  ASSERT_TRUE(own);
  EXPECT_TRUE(own->is_self);
  for (const std::string& spec :
       {fmt::format("{}", ::getpid()), std::string("/proc/self/ns/net"), fmt::format("{}", own->inode)}) {
    const auto found = find_netns(spec);
    ASSERT_TRUE(found) << spec << ": " << found.error().what;
    EXPECT_EQ(found->inode, own->inode);
    EXPECT_TRUE(found->is_self);
  }
}

// Somebody without any privilege asks for a process that is another's: its namespace may not be opened, but being the
// own one it is known all the same.
TEST(Netns, own_is_found_by_a_process_that_may_not_be_looked_at) {
  const auto own = own_netns();
  ASSERT_TRUE(own);
  const pid_t asked = ::getpid();
  ::prctl(PR_SET_DUMPABLE, 0);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    const bool hidden = ::access(fmt::format("/proc/{}/ns/net", asked).c_str(), F_OK) != 0;
    const auto found = netns_of_pid(static_cast<std::uint32_t>(asked));
    ::_exit(hidden && found && found->inode == own->inode ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  ::prctl(PR_SET_DUMPABLE, 1);
  EXPECT_EQ(status, 0);
}

TEST(Netns, another_kind_of_namespace_is_refused) {
  const auto found = find_netns("/proc/self/ns/uts");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().exit_code, ExitCode::kUsage);
}

}  // namespace
}  // namespace tcpdiag::host
