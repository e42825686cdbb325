// SPDX-License-Identifier: Apache-2.0
// Filters in words.
#include "model/filters.h"

#include <gtest/gtest.h>

namespace tcpdiag::model {
namespace {

TEST(Filters, NoLimitIsNone) {
  Filters filters;
  filters.netns_inodes = {4026531840};  // always there, and not typed by anybody
  EXPECT_EQ(filters.describe(), "none");
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

}  // namespace
}  // namespace tcpdiag::model
