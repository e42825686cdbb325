// SPDX-License-Identifier: Apache-2.0
#include "knowledge/timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <tuple>

#include "knowledge/ports.h"

namespace tcpdiag::knowledge {
namespace {

std::optional<double> length(const std::vector<KnownTimer>& timers, TimerLimit limit) {
  for (const KnownTimer& timer : timers) {
    if (timer.limit == limit) return timer.seconds;
  }
  return std::nullopt;
}

double connect_s(std::uint32_t retries, std::optional<std::uint32_t> linear) {
  model::TcpSysctls sysctls;
  sysctls.syn_retries = retries;
  sysctls.syn_linear_timeouts = linear;
  return length(kernel_timers(sysctls), TimerLimit::kConnect).value_or(0);
}

TEST(KnownTimers, are_complete_and_each_is_there_once) {
  std::set<std::tuple<std::string_view, double, TimerLimit>> seen;
  for (const KnownTimer& timer : known_timers()) {
    EXPECT_FALSE(timer.name.empty());
    EXPECT_GE(timer.seconds, 1) << timer.name;  // below that nothing is taken for a timer
    EXPECT_NE(timer.origin, TimerOrigin::kThisHostSysctl) << timer.name;
    EXPECT_NE(timer.owner, TimerOwner::kKernel) << timer.name;
    EXPECT_TRUE(seen.insert({timer.name, timer.seconds, timer.limit}).second) << timer.name;
    EXPECT_TRUE(timer.owner != TimerOwner::kMiddlebox || timer.limit == TimerLimit::kIdle) << timer.name;
  }
}

TEST(KnownTimers, of_haproxy_are_examples) {
  for (const KnownTimer& timer : known_timers()) {
    EXPECT_EQ(timer.name.starts_with("HAProxy"), timer.origin == TimerOrigin::kExampleOnly) << timer.name;
  }
}

// RFC 6298, as `time` of a connect to a black hole shows it.
TEST(KernelTimers, of_connects_double_from_one_second) {
  EXPECT_DOUBLE_EQ(connect_s(0, std::nullopt), 1);
  EXPECT_DOUBLE_EQ(connect_s(1, std::nullopt), 3);
  EXPECT_DOUBLE_EQ(connect_s(5, 0), 63);
  EXPECT_DOUBLE_EQ(connect_s(6, std::nullopt), 127);
  EXPECT_DOUBLE_EQ(connect_s(6, 4), 131);        // ip-sysctl.rst, tcp_syn_linear_timeouts
  EXPECT_DOUBLE_EQ(connect_s(7, 0), 127 + 120);  // TCP_RTO_MAX
}

TEST(KernelTimers, of_requests_are_the_kernels_estimate) {
  model::TcpSysctls sysctls;
  sysctls.retries2 = 15;
  EXPECT_NEAR(length(kernel_timers(sysctls), TimerLimit::kRequest).value_or(0), 924.6, 1e-6);  // ip-sysctl.rst
  sysctls.retries2 = 8;
  EXPECT_NEAR(length(kernel_timers(sysctls), TimerLimit::kRequest).value_or(0), 102.2, 1e-6);
  sysctls.retries2 = 15;
  sysctls.rto_max_ms = 10'000;
  EXPECT_NEAR(length(kernel_timers(sysctls), TimerLimit::kRequest).value_or(0), 12.6 + 10 * 10, 1e-6);
}

TEST(KernelTimers, of_keepalive_need_all_three) {
  model::TcpSysctls sysctls;
  EXPECT_TRUE(kernel_timers(sysctls).empty());
  sysctls.keepalive_time_s = 7200;
  sysctls.keepalive_probes = 9;
  EXPECT_EQ(length(kernel_timers(sysctls), TimerLimit::kIdle), 7200);
  EXPECT_EQ(length(kernel_timers(sysctls), TimerLimit::kKeepalive), std::nullopt);
  sysctls.keepalive_intvl_s = 75;
  EXPECT_EQ(length(kernel_timers(sysctls), TimerLimit::kKeepalive), 7875);
  for (const KnownTimer& timer : kernel_timers(sysctls)) {
    EXPECT_STREQ(to_string(timer.origin), "this_host_sysctl");
    EXPECT_EQ(timer.owner, TimerOwner::kKernel);
  }
}

TEST(Ports, are_hints) {
  EXPECT_TRUE(is_redis_port(6379));
  EXPECT_FALSE(is_redis_port(443));
  EXPECT_TRUE(is_http_port(443));
  EXPECT_TRUE(is_http_port(8080));
  EXPECT_FALSE(is_http_port(7000));
}

}  // namespace
}  // namespace tcpdiag::knowledge
