// SPDX-License-Identifier: Apache-2.0
#include "host/instance.h"

#include <gtest/gtest.h>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

std::optional<std::string> type_of(std::string_view vendor, std::string_view product) {
  const test::FakeTree tree;
  tree.write("sys_vendor", vendor);
  tree.write("product_name", product);
  return instance_type_from_dmi(tree.root());
}

TEST(InstanceOfDmi, nitro_tells_the_type) {
  EXPECT_EQ(type_of("Amazon EC2\n", "t4g.micro\n"), "t4g.micro");
  EXPECT_EQ(type_of("Amazon EC2\n", "u-6tb1.112xlarge\n"), "u-6tb1.112xlarge");
  EXPECT_EQ(type_of("Amazon EC2\n", "m7i.metal-24xl\n"), "m7i.metal-24xl");
}

TEST(InstanceOfDmi, others_do_not) {
  EXPECT_EQ(type_of("Xen\n", "HVM domU\n"), std::nullopt);
  EXPECT_EQ(type_of("Google\n", "Google Compute Engine\n"), std::nullopt);
  EXPECT_EQ(type_of("QEMU\n", "t4g.micro\n"), std::nullopt);
  EXPECT_EQ(type_of("Amazon EC2\n", "HVM domU\n"), std::nullopt);
  EXPECT_EQ(type_of("Amazon EC2\n", "server\n"), std::nullopt);
  EXPECT_EQ(type_of("Amazon EC2\n", "t4g.\x1b[31m\n"), std::nullopt);
  EXPECT_EQ(type_of("Amazon EC2\n", ""), std::nullopt);
  EXPECT_EQ(type_of("Amazon EC2\n", std::string(100'000, 'a') + ".b"), std::nullopt);
  const test::FakeTree empty;
  EXPECT_EQ(instance_type_from_dmi(empty.root()), std::nullopt);
}

TEST(InstanceType, form) {
  for (const char* good : {"t4g.micro", "cache.t4g.micro", "m7i.metal-24xl", "e2-micro", "x"}) {
    EXPECT_TRUE(is_instance_type(good)) << good;
  }
  EXPECT_TRUE(is_instance_type(std::string(64, 'x')));
  EXPECT_FALSE(is_instance_type(std::string(65, 'x')));
  for (const char* bad :
       {"", "T4G.micro", "t4g micro", "t4g.micro\n", ".micro", "-t4g", "4t.micro", "t4g/../x", "\xe4"}) {
    EXPECT_FALSE(is_instance_type(bad)) << bad;
  }
}

}  // namespace
}  // namespace tcpdiag::host
