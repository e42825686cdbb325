// SPDX-License-Identifier: Apache-2.0
// Filters in words.
#include "model/filters.h"

#include <gtest/gtest.h>

namespace tcpdiag::model {
namespace {

TEST(Filters, NoLimitIsNone) {
  Filters filters;
  EXPECT_TRUE(filters.takes_everything());
  filters.netns_inodes = {4026531840};  // always there, and not typed by anybody
  EXPECT_EQ(filters.describe(), "none");
  EXPECT_FALSE(filters.limits_sockets());
}

TEST(Filters, NamespacesLimitNoSocketsOfTheirs) {
  for (const Filters& filters : {Filters{.netns_inodes = {7}}, Filters{.netns_as_given = {"blue"}}}) {
    EXPECT_FALSE(filters.limits_sockets());
    EXPECT_FALSE(filters.takes_everything());
  }
}

TEST(Filters, EveryOtherKindLimitsSockets) {
  const std::vector<Filters> each = {{.pids = {811}},
                                     {.comms = {"ruby"}},
                                     {.cgroups = {{.path = "/"}}},
                                     {.local_ports = {80}},
                                     {.remote_ports = {443}},
                                     {.local = {*Cidr::parse("10.0.0.0/8")}},
                                     {.remote = {*Cidr::parse("10.0.0.0/8")}},
                                     {.families = {4}},
                                     {.role = Role::kInbound},
                                     {.expression = *parse_expression("port 80")}};
  for (const Filters& filters : each) {
    EXPECT_TRUE(filters.limits_sockets()) << filters.describe();
    EXPECT_FALSE(filters.takes_everything()) << filters.describe();
  }
}

TEST(Filters, ValuesAreAlternativesAndKindsAddUp) {
  Filters filters;
  filters.pids = {811, 812};
  filters.remote_ports = {443};
  EXPECT_EQ(filters.describe(), "pid 811 or 812, remote port 443");
}

TEST(Filters, NamesEveryKind) {
  Filters filters;
  filters.local_ports = {80};
  filters.local = {*Cidr::parse("10.0.0.0/8")};
  filters.remote = {*Cidr::parse("fd00::1")};
  filters.families = {6};
  filters.netns_as_given = {"blue"};
  filters.role = Role::kInbound;
  EXPECT_EQ(filters.describe(),
            "local port 80, local address 10.0.0.0/8, remote address fd00::1, family IPv6, network namespace blue, "
            "role inbound");
}

TEST(Filters, ProcessesByAncestryNameAndCgroup) {
  Filters filters;
  filters.pids = {811};
  filters.children = true;
  filters.descendants = {812, 813};  // found, not typed
  filters.comms = {"ruby", "puma"};
  filters.cgroups = {{.path = "/system.slice/puma.service", .id = 7, .below = {8, 9}}};
  EXPECT_EQ(filters.describe(),
            "pid 811 and its descendants, command name ruby or puma, cgroup /system.slice/puma.service");
  filters = {};
  filters.pids = {811, 900};
  filters.children = true;
  EXPECT_EQ(filters.describe(), "pid 811 or 900 and their descendants");
}

TEST(Filters, ExpressionAsTyped) {
  Filters filters;
  filters.families = {4};
  filters.expression = *parse_expression("not port 22");
  EXPECT_EQ(filters.describe(), "family IPv4, expression \"not port 22\"");
}

}  // namespace
}  // namespace tcpdiag::model
