// SPDX-License-Identifier: Apache-2.0
#include "host/rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

using testing::HasSubstr;

class RightsOnFakeHost : public testing::Test {
 protected:
  void capabilities(const std::string& hex) {
    tree_.write("proc/self/status",
                "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t" + hex + "\nCapBnd:\t000001ffffffffff\n");
  }
  Result<> check() const { return check_tracing_rights(tree_.path("proc"), tree_.path("sys")); }

  test::FakeTree tree_;
};

TEST_F(RightsOnFakeHost, of_root_and_of_the_capabilities_needed) {
  tree_.write("sys/kernel/btf/vmlinux", "BTF");
  for (const char* enough : {"000001ffffffffff", "0000000000200000", "000000c000000000"}) {
    capabilities(enough);
    EXPECT_TRUE(check()) << enough;
  }
  for (const char* little : {"0000000000000000", "0000008000000000", "0000004000000000", "0000000000001000"}) {
    capabilities(little);
    const Result<> result = check();
    ASSERT_FALSE(result) << little;
    EXPECT_EQ(result.error().exit_code, ExitCode::kNotAble);
    EXPECT_EQ(result.error().cure, "run it with sudo");
  }
}

TEST_F(RightsOnFakeHost, unknown_is_no_refusal) {
  tree_.write("sys/kernel/btf/vmlinux", "BTF");
  EXPECT_TRUE(check());
  capabilities("nonsense");
  EXPECT_TRUE(check());
}

TEST_F(RightsOnFakeHost, kernel_without_types) {
  capabilities("000001ffffffffff");
  const Result<> result = check();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().exit_code, ExitCode::kNotAble);
  EXPECT_THAT(result.error().what, HasSubstr("/sys/kernel/btf/vmlinux"));
  EXPECT_THAT(result.error().cure, HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

}  // namespace
}  // namespace tcpdiag::host
