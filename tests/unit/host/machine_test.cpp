// SPDX-License-Identifier: Apache-2.0
#include "host/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

// This program in namespace A with process 7; 8 in B, which has a name, and 9 in C. Plain files cannot be entered.
TEST(NetnsReach, counts_each_namespace_once) {
  const test::FakeTree tree;
  tree.write("proc/self/ns/net", "A");
  tree.link("proc/self/ns/net", "proc/7/ns/net");
  tree.link("proc/self/ns/net", "run/netns/own");
  tree.write("run/netns/blue", "B");
  tree.link("run/netns/blue", "proc/8/ns/net");
  tree.write("proc/9/ns/net", "C");
  tree.write("proc/10/status", "gone meanwhile");
  const auto reach =
      netns_reach({.proc = tree.path("proc"), .named = {tree.path("run/netns")}, .also = {}, .check_kind = false});
  ASSERT_TRUE(reach);
  EXPECT_EQ(reach->others, 2U);
  EXPECT_EQ(reach->enterable, 0U);
  EXPECT_EQ(reach->hidden, 0U);
}

TEST(NetnsReach, is_not_known_without_proc) {
  const test::FakeTree tree;
  EXPECT_FALSE(netns_reach({.proc = tree.path("proc"), .named = {}, .also = {}, .check_kind = false}));
}

TEST(Machine, of_this_very_host) {
  const model::Machine machine = read_machine(0);
  EXPECT_NE(machine.host.kernel, "");
  EXPECT_NE(machine.host.arch, "");
  EXPECT_TRUE(machine.privileges.capabilities);
}

}  // namespace
}  // namespace tcpdiag::host
