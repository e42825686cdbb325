// SPDX-License-Identifier: Apache-2.0
#include "host/sysctls.h"

#include <gtest/gtest.h>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

Netns self() {
  Netns own;
  own.is_self = true;
  return own;
}

TEST(Sysctls, of_a_recent_kernel) {
  const test::FakeTree tree;
  tree.write("core/somaxconn", "4096\n");
  tree.write("ipv4/tcp_syn_retries", "6\n");
  tree.write("ipv4/tcp_synack_retries", "5\n");
  tree.write("ipv4/tcp_retries2", "15\n");
  tree.write("ipv4/tcp_orphan_retries", "0\n");
  tree.write("ipv4/tcp_fin_timeout", "60\n");
  tree.write("ipv4/tcp_keepalive_time", "7200\n");
  tree.write("ipv4/tcp_keepalive_intvl", "75\n");
  tree.write("ipv4/tcp_keepalive_probes", "9\n");
  tree.write("ipv4/tcp_rto_min_us", "200000\n");
  tree.write("ipv4/tcp_rto_max_ms", "120000\n");
  tree.write("ipv4/tcp_syn_linear_timeouts", "4\n");
  tree.write("ipv4/tcp_syncookies", "1\n");
  tree.write("ipv4/tcp_timestamps", "1\n");
  const NetnsSysctls all = read_netns_sysctls(self(), tree.root());
  EXPECT_EQ(all.somaxconn, 4096U);
  EXPECT_EQ(all.timestamps, 1U);
  EXPECT_EQ(all.tcp.syn_retries, 6U);
  EXPECT_EQ(all.tcp.synack_retries, 5U);
  EXPECT_EQ(all.tcp.retries2, 15U);
  EXPECT_EQ(all.tcp.orphan_retries, 0U);
  EXPECT_EQ(all.tcp.fin_timeout_s, 60U);
  EXPECT_EQ(all.tcp.keepalive_time_s, 7200U);
  EXPECT_EQ(all.tcp.keepalive_intvl_s, 75U);
  EXPECT_EQ(all.tcp.keepalive_probes, 9U);
  EXPECT_EQ(all.tcp.rto_min_us, 200000U);
  EXPECT_EQ(all.tcp.rto_max_ms, 120000U);
  EXPECT_EQ(all.tcp.syn_linear_timeouts, 4U);
  EXPECT_EQ(all.tcp.syncookies, 1U);
}

TEST(Sysctls, what_an_old_kernel_has_not_or_what_makes_no_sense_is_not_known) {
  const test::FakeTree tree;
  tree.write("ipv4/tcp_syn_retries", "6\n");
  tree.write("ipv4/tcp_retries2", "-1\n");
  tree.write("ipv4/tcp_fin_timeout", "");
  tree.write("ipv4/tcp_keepalive_time", "99999999999\n");
  const NetnsSysctls all = read_netns_sysctls(self(), tree.root());
  EXPECT_EQ(all.tcp.syn_retries, 6U);
  EXPECT_EQ(all.somaxconn, std::nullopt);
  EXPECT_EQ(all.tcp.retries2, std::nullopt);
  EXPECT_EQ(all.tcp.fin_timeout_s, std::nullopt);
  EXPECT_EQ(all.tcp.keepalive_time_s, std::nullopt);
  EXPECT_EQ(all.tcp.syn_linear_timeouts, std::nullopt);
}

// Of this machine: needs no privileges for the own namespace.
TEST(Sysctls, of_the_own_namespace) {
  const auto own = own_netns();
  ASSERT_TRUE(own);
  const NetnsSysctls all = read_netns_sysctls(*own);
  EXPECT_GT(all.somaxconn.value_or(0), 0U);
  EXPECT_TRUE(all.tcp.syn_retries);
  EXPECT_GT(all.tcp.keepalive_time_s.value_or(0), 0U);
}

TEST(Sysctls, of_what_is_no_namespace) {
  Netns none;
  none.fd = Fd(::dup(STDIN_FILENO));
  const NetnsSysctls all = read_netns_sysctls(none);
  EXPECT_EQ(all.somaxconn, std::nullopt);
  EXPECT_EQ(all.tcp.syn_retries, std::nullopt);
}

}  // namespace
}  // namespace tcpdiag::host
