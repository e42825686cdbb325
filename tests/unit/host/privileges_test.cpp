// SPDX-License-Identifier: Apache-2.0
#include "host/privileges.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/util/fake_tree.h"
#include "util/io.h"

namespace tcpdiag::host {
namespace {

using testing::HasSubstr;
using testing::Optional;

class PrivilegesOnFakeHost : public testing::Test {
 protected:
  model::Privileges read() const { return read_privileges(tree_.path("proc"), tree_.path("sys")); }

  test::FakeTree tree_;
};

// What system calls tell, against what /proc tells of this very process.
TEST_F(PrivilegesOnFakeHost, capabilities_are_known_without_proc) {
  const std::optional<std::string> status = read_small_file("/proc/self/status");
  if (!status) GTEST_SKIP() << "no /proc here";
  const model::Privileges privileges = read();
  ASSERT_TRUE(privileges.capabilities);
  EXPECT_THAT(*status, HasSubstr(fmt::format("CapEff:\t{:016x}\n", privileges.capabilities->effective)));
  EXPECT_THAT(*status, HasSubstr(fmt::format("CapPrm:\t{:016x}\n", privileges.capabilities->permitted)));
  EXPECT_THAT(*status, HasSubstr(fmt::format("CapBnd:\t{:016x}\n", privileges.capabilities->bounding)));
  EXPECT_TRUE(privileges.memlock_bytes);
}

TEST_F(PrivilegesOnFakeHost, what_cannot_be_read_is_not_known) {
  const model::Privileges privileges = read();
  EXPECT_FALSE(privileges.initial_user_namespace);
  EXPECT_FALSE(privileges.lockdown);
  EXPECT_FALSE(privileges.seccomp);
  EXPECT_FALSE(privileges.unprivileged_bpf_disabled);
}

TEST_F(PrivilegesOnFakeHost, another_user_namespace_than_the_hosts) {
  tree_.write("proc/self/ns/user", "a file has no such inode");
  EXPECT_THAT(read().initial_user_namespace, Optional(false));
}

TEST_F(PrivilegesOnFakeHost, lockdown_is_the_word_in_brackets) {
  tree_.write("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  EXPECT_THAT(read().lockdown, Optional(model::Lockdown::kNone));
  tree_.write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_THAT(read().lockdown, Optional(model::Lockdown::kIntegrity));
  tree_.write("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  EXPECT_THAT(read().lockdown, Optional(model::Lockdown::kConfidentiality));
  tree_.write("sys/kernel/security/lockdown", "nonsense\n");
  EXPECT_FALSE(read().lockdown);
}

TEST_F(PrivilegesOnFakeHost, a_kernel_without_the_lockdown_module) {
  tree_.write("sys/kernel/security/lsm", "capability,landlock,yama,apparmor");
  EXPECT_THAT(read().lockdown, Optional(model::Lockdown::kNone));
  tree_.write("sys/kernel/security/lsm", "lockdown,capability,landlock");  // whose file may not be read
  EXPECT_FALSE(read().lockdown);
}

TEST_F(PrivilegesOnFakeHost, seccomp) {
  tree_.write("proc/self/status", "Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n");
  EXPECT_THAT(read().seccomp, Optional(model::Seccomp::kDisabled));
  tree_.write("proc/self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n");
  EXPECT_THAT(read().seccomp, Optional(model::Seccomp::kFilter));
  for (const char* strange : {"Name:\tx\nSeccomp:\t7\n", "Name:\tx\nSeccomp:\t", "Name:\tx\n", ""}) {
    tree_.write("proc/self/status", strange);
    EXPECT_FALSE(read().seccomp) << strange;
  }
}

TEST_F(PrivilegesOnFakeHost, sysctls) {
  tree_.write("proc/sys/kernel/unprivileged_bpf_disabled", "2\n");
  tree_.write("proc/sys/kernel/perf_event_paranoid", "-1\n");
  tree_.write("proc/sys/kernel/kptr_restrict", "1 or so\n");
  const model::Privileges privileges = read();
  EXPECT_THAT(privileges.unprivileged_bpf_disabled, Optional(2));
  EXPECT_THAT(privileges.perf_event_paranoid, Optional(-1));
  EXPECT_FALSE(privileges.kptr_restrict);
}

}  // namespace
}  // namespace tcpdiag::host
