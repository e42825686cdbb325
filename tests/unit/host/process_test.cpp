// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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

TEST_F(ProcessOfFakeHost, zombies) {
  tree_.write("1/status", "Name:\tx\nState:\tZ (zombie)\n");
  tree_.write("2/status", "Name:\tState:\tZ\nState:\tS (sleeping)\n");
  EXPECT_TRUE(is_zombie(1, tree_.root()));
  EXPECT_FALSE(is_zombie(2, tree_.root()));
  EXPECT_FALSE(is_zombie(3, tree_.root()));
}

// 811 with 812 (with 814, with 815) and 813; 900 with 901; 1 is the parent of 811 and 900.
class FamilyOfFakeHost : public ProcessOfFakeHost {
 protected:
  FamilyOfFakeHost() {
    for (const auto& [pid, parent] : std::vector<std::pair<int, int>>{
             {1, 0}, {811, 1}, {812, 811}, {813, 811}, {814, 812}, {815, 814}, {900, 1}, {901, 900}}) {
      tree_.write(fmt::format("{}/status", pid), fmt::format("Name:\tx\nPid:\t{}\nPPid:\t{}\n", pid, parent));
    }
    tree_.write("816/status", "Name:\tx\n");
    tree_.write("net/status", "PPid:\t811\n");
  }
};

TEST_F(FamilyOfFakeHost, descendants) {
  EXPECT_THAT(descendants_of({811}, tree_.root()), ElementsAre(812, 813, 814, 815));
  EXPECT_THAT(descendants_of({812, 900}, tree_.root()), ElementsAre(814, 815, 901));
  EXPECT_THAT(descendants_of({811, 814}, tree_.root()), ElementsAre(812, 813, 815));
  EXPECT_THAT(descendants_of({1}, tree_.root()), ElementsAre(811, 812, 813, 814, 815, 900, 901));
  EXPECT_THAT(descendants_of({815}, tree_.root()), IsEmpty());
  EXPECT_THAT(descendants_of({4711}, tree_.root()), IsEmpty());
  EXPECT_THAT(descendants_of({}, tree_.root()), IsEmpty());
  EXPECT_THAT(descendants_of({811}, tree_.path("none")), IsEmpty());
}

TEST_F(FamilyOfFakeHost, descendants_of_a_circle) {
  tree_.write("811/status", "PPid:\t815\n");  // numbers given anew while they were read
  EXPECT_THAT(descendants_of({812}, tree_.root()), ElementsAre(811, 813, 814, 815));
}

class PidNamespaceOfFakeHost : public ProcessOfFakeHost {
 protected:
  PidNamespaceOfFakeHost() {
    tree_.write("initial", "");
    tree_.write("other", "");
  }
  bool shows_hosts() const {
    struct stat status {};
    EXPECT_EQ(::stat(tree_.path("initial").c_str(), &status), 0);
    return shows_host_pids(tree_.path("proc"), status.st_ino);
  }
};

TEST_F(PidNamespaceOfFakeHost, on_the_host) {
  tree_.link("initial", "proc/self/ns/pid");
  EXPECT_TRUE(shows_hosts());  // process 1 may be hidden
}

TEST_F(PidNamespaceOfFakeHost, in_a_container) {
  tree_.link("other", "proc/self/ns/pid");
  EXPECT_FALSE(shows_hosts());
  tree_.link("other", "proc/1/ns/pid");
  EXPECT_FALSE(shows_hosts());
}

TEST_F(PidNamespaceOfFakeHost, in_a_container_with_the_hosts_proc) {
  tree_.link("other", "proc/self/ns/pid");
  EXPECT_FALSE(shows_hosts());
  tree_.link("initial", "proc/2/ns/pid");
  EXPECT_TRUE(shows_hosts());
}

TEST_F(PidNamespaceOfFakeHost, unknown_is_taken_for_the_host) { EXPECT_TRUE(shows_hosts()); }

TEST_F(ProcessOfFakeHost, peak_memory_is_in_bytes) {
  tree_.write("self/status", "VmPeak:\t  9000 kB\nVmHWM:\t    4711 kB\n");
  EXPECT_EQ(PeakRss(tree_.root()).bytes(), 4711U * 1024);
  EXPECT_EQ(PeakRss(tree_.path("none")).bytes(), 0U);
}

TEST(Process, this_one) {
  const auto self = static_cast<std::uint32_t>(::getpid());
  EXPECT_TRUE(process_exists(self));
  EXPECT_EQ(thread_group_of(self), self);
  EXPECT_EQ(comm_of(self), "host_test");
  EXPECT_GT(PeakRss().bytes(), 0U);
}

}  // namespace
}  // namespace tcpdiag::host
