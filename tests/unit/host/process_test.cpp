// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

class ProcessOfFakeHost : public testing::Test {
 protected:
  test::FakeTree tree_;
};

TEST_F(ProcessOfFakeHost, exists) {
  tree_.write("811/comm", "ruby\n");
  EXPECT_TRUE(process_exists(811, tree_.root()));
  EXPECT_FALSE(process_exists(812, tree_.root()));
}

TEST_F(ProcessOfFakeHost, cgroup_is_that_of_version_2) {
  tree_.write("1/cgroup", "0::/system.slice/puma.service\n");
  tree_.write("2/cgroup", "9:name=systemd:/old\n4:memory:/old\n0::/new\n");
  tree_.write("3/cgroup", "4:memory:/only/version/1\n");
  tree_.write("4/cgroup", "0::/\n");
  tree_.write("5/cgroup", "0::/with\x1b[31mcolour");
  EXPECT_EQ(cgroup_path_of(1, tree_.root()), "/system.slice/puma.service");
  EXPECT_EQ(cgroup_path_of(2, tree_.root()), "/new");
  EXPECT_EQ(cgroup_path_of(3, tree_.root()), std::nullopt);
  EXPECT_EQ(cgroup_path_of(4, tree_.root()), "/");
  EXPECT_EQ(cgroup_path_of(5, tree_.root()), "/with\x1b[31mcolour");
  EXPECT_EQ(cgroup_path_of(6, tree_.root()), std::nullopt);
}

TEST_F(ProcessOfFakeHost, comm_is_raw_and_without_the_line_end) {
  tree_.write("1/comm", "ruby\n");
  tree_.write("2/comm", std::string("a\n\xFF\n"));
  tree_.write("3/comm", "");
  EXPECT_EQ(comm_of(1, tree_.root()), "ruby");
  EXPECT_EQ(comm_of(2, tree_.root()), "a\n\xFF");
  EXPECT_EQ(comm_of(3, tree_.root()), "");
  EXPECT_EQ(comm_of(4, tree_.root()), std::nullopt);
}

TEST_F(ProcessOfFakeHost, thread_group) {
  tree_.write("815/status", "Name:\tTgid:\t1\nUmask:\t0022\nTgid:\t811\nPid:\t815\n");
  tree_.write("816/status", "Name:\tx\n");
  tree_.write("817/status", "Tgid:\tmany\n");
  EXPECT_EQ(thread_group_of(815, tree_.root()), 811U);
  EXPECT_EQ(thread_group_of(816, tree_.root()), std::nullopt);
  EXPECT_EQ(thread_group_of(817, tree_.root()), std::nullopt);
  EXPECT_EQ(thread_group_of(818, tree_.root()), std::nullopt);
}

TEST_F(ProcessOfFakeHost, peak_memory_is_in_bytes) {
  tree_.write("self/status", "VmPeak:\t  9000 kB\nVmHWM:\t    4711 kB\n");
  EXPECT_EQ(own_peak_rss(tree_.root()), 4711U * 1024);
  EXPECT_EQ(own_peak_rss(tree_.path("none")), 0U);
}

TEST(Process, this_one) {
  const auto self = static_cast<std::uint32_t>(::getpid());
  EXPECT_TRUE(process_exists(self));
  EXPECT_EQ(thread_group_of(self), self);
  EXPECT_EQ(comm_of(self), "host_test");
  EXPECT_GT(own_peak_rss(), 0U);
}

}  // namespace
}  // namespace tcpdiag::host
