// SPDX-License-Identifier: Apache-2.0
// Verdicts, and the rows that they rest on.
#include "doctor/examine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <cerrno>

#include "fake_machines.h"

namespace tcpdiag::doctor::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Row row_of(const Examination& examination, const std::string& id) {
  for (const Row& row : examination.rows) {
    if (row.id == id) return row;
  }
  ADD_FAILURE() << "no row " << id;
  return {};
}

std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

void grant(model::Machine& machine, std::uint64_t effective, std::uint64_t bounding) {
  machine.privileges.capabilities =
      model::Capabilities{.effective = effective, .permitted = effective, .bounding = bounding};
}

TEST(Examine, everything) {
  const Examination result = examine(kernel_that_loads(types_of_6_18()), good_machine());
  EXPECT_EQ(result.verdict, Readiness::kEverything);
  EXPECT_EQ(result.answer, "can trace: everything");
  for (const Row& row : result.rows) {
    EXPECT_EQ(row.answer, Answer::kYes) << row.id;
    EXPECT_EQ(row.lost, "") << row.id;
    EXPECT_EQ(row.hint, "") << row.id;
  }
}

TEST(Examine, an_older_kernel_is_degraded_and_says_what_is_lost) {
  const Examination result = examine(kernel_that_loads(types_of_6_12()), good_machine());
  EXPECT_EQ(result.verdict, Readiness::kDegraded);
  EXPECT_EQ(result.answer, "can trace, degraded: retransmissions that failed");
  const Row row = row_of(result, "retransmit_failures");
  EXPECT_EQ(row.answer, Answer::kNo);
  EXPECT_THAT(row.lost, HasSubstr("could not be sent"));
  EXPECT_EQ(row.hint, "Linux 6.17 or later has it");
}

TEST(Examine, every_no_has_a_hint_and_what_is_lost) {
  Kernel kernel;
  kernel.no_types = no_types(true, ENOENT);
  for (model::Machine& machine : std::vector{container(), machine_of_a_user(), model::Machine{}}) {
    for (const Kernel& one : {kernel, kernel_that_loads(types_of_5_10()), kernel_that_loads({})}) {
      for (const Row& row : examine(one, machine).rows) {
        if (row.answer != Answer::kNo) continue;
        EXPECT_NE(row.found, "") << row.id;
        EXPECT_NE(row.lost, "") << row.id;
        EXPECT_NE(row.hint, "") << row.id;
      }
    }
  }
}

TEST(Examine, a_kernel_without_types) {
  for (const bool has_sys : {true, false}) {
    Kernel kernel;
    kernel.no_types = no_types(has_sys, ENOENT);
    const Examination result = examine(kernel, good_machine());
    EXPECT_EQ(result.verdict, Readiness::kCannot);
    EXPECT_EQ(result.answer, "cannot trace: " + kernel.no_types->what + "; " + kernel.no_types->hint);
    EXPECT_EQ(row_of(result, "tcp_probe").answer, Answer::kUnknown);
    EXPECT_EQ(row_of(result, "programs").answer, Answer::kUnknown);
    EXPECT_TRUE(result.features.empty());
  }
  EXPECT_THAT(no_types(false, ENOENT).hint, HasSubstr("mount"));
  EXPECT_THAT(no_types(true, ENOENT).hint, HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

TEST(Examine, types_that_are_there_and_cannot_be_read) {
  EXPECT_THAT(no_types(true, EMFILE).hint, HasSubstr("ulimit -n"));
  EXPECT_THAT(no_types(true, ENOMEM).hint, HasSubstr("ulimit -v"));
  EXPECT_THAT(no_types(true, EACCES).hint, HasSubstr("sudo"));
  for (const int error : {EINVAL, EPROTO, EIO}) {
    EXPECT_THAT(no_types(true, error).what, HasSubstr("damaged"));
    EXPECT_THAT(no_types(true, error).hint, HasSubstr("findmnt"));
  }
}

TEST(Examine, a_tcpdiag_without_the_live_source) {
  Kernel kernel;
  kernel.built_in = false;
  const Examination result = examine(kernel, good_machine());
  EXPECT_EQ(result.verdict, Readiness::kCannot);
  EXPECT_THAT(result.answer, StartsWith("cannot trace: this tcpdiag was built without"));
}

TEST(Examine, a_missing_tracepoint_leaves_the_load_test_out) {
  KernelTypes types = types_of_6_18();
  types.tracepoints.erase("tcp_probe");
  Kernel kernel = kernel_that_loads(types);
  kernel.load = LoadTest::kNotTried;
  const Examination result = examine(kernel, good_machine());
  EXPECT_EQ(result.verdict, Readiness::kCannot);
  EXPECT_EQ(
      result.answer,
      "cannot trace: this kernel has no tracepoint tcp_probe; Linux 5.10 or later, with TCP and tracepoints built "
      "in, has it");
  EXPECT_EQ(row_of(result, "tcp_probe").programs, std::vector<std::string>{"tcpd_probe"});
}

TEST(Examine, a_refused_program_is_reported_with_its_tracepoint) {
  Kernel kernel = kernel_that_loads(types_of_6_18());
  kernel.features.refuse("tcpd_probe", "Permission denied");
  kernel.load = LoadTest::kRefused;
  kernel.refused = {{"tcpd_probe", "Permission denied"}};
  kernel.load_error = kernel.features.check().error();
  const Examination result = examine(kernel, good_machine());
  EXPECT_EQ(result.verdict, Readiness::kCannot);
  EXPECT_THAT(
      result.answer,
      StartsWith("cannot trace: this kernel refuses program tcpd_probe (tracepoint tcp_probe): Permission denied; "));
  EXPECT_THAT(result.answer, Not(HasSubstr("reasons"))) << "the load test is no reason of its own";
  EXPECT_THAT(row_of(result, "tcp_probe").lost, HasSubstr("no delay can be measured"));
  EXPECT_EQ(row_of(result, "programs").found, "refused: tcpd_probe (Permission denied)");
}

TEST(Examine, of_several_reasons_the_first_is_reported_and_how_many_there_are) {
  KernelTypes types = types_of_6_18();
  types.tracepoints.erase("tcp_probe");
  types.enumerators.erase("BPF_MAP_TYPE_RINGBUF");
  Kernel kernel = kernel_that_loads(types);
  kernel.load = LoadTest::kNotTried;
  EXPECT_THAT(examine(kernel, machine_of_a_user()).answer,
              AllOf(StartsWith("cannot trace: this kernel has no BPF_MAP_TYPE_RINGBUF; "),
                    HasSubstr("the first of 3 reasons")));
}

TEST(Examine, a_refused_program_that_is_not_needed_makes_it_degraded) {
  Kernel kernel = kernel_that_loads(types_of_6_18());
  kernel.features.refuse("tcpd_error_report", "Permission denied");
  kernel.refused = {{"tcpd_error_report", "Permission denied"}};
  const Examination result = examine(kernel, good_machine());
  EXPECT_EQ(result.answer, "can trace, degraded: ICMP errors during a connect");
  EXPECT_THAT(row_of(result, "programs").found, HasSubstr("refused: tcpd_error_report"));
}

TEST(Privileges, of_root_and_of_the_capabilities_needed) {
  model::Machine machine = good_machine();
  for (const std::uint64_t enough : {kAllCapabilities, bit(CAP_SYS_ADMIN), bit(CAP_BPF) | bit(CAP_PERFMON)}) {
    grant(machine, enough, kAllCapabilities);
    EXPECT_TRUE(check_privileges(machine.privileges)) << enough;
  }
  for (const std::uint64_t little : {std::uint64_t{0}, bit(CAP_BPF), bit(CAP_PERFMON), bit(CAP_NET_ADMIN)}) {
    grant(machine, little, kAllCapabilities);
    const Result<> result = check_privileges(machine.privileges);
    ASSERT_FALSE(result) << little;
    EXPECT_EQ(result.error().exit_code, ExitCode::kNotAble);
    EXPECT_THAT(result.error().what, StartsWith("not permitted"));
    EXPECT_EQ(result.error().hint, "run it with sudo");
  }
}

TEST(Privileges, what_sudo_cannot_give_is_not_asked_of_sudo) {
  const Result<> result = check_privileges(container().privileges);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().hint, HasSubstr("--cap-add BPF"));
  EXPECT_THAT(result.error().hint, Not(HasSubstr("run it with sudo")));
}

TEST(Privileges, unknown_is_no_refusal) { EXPECT_TRUE(check_privileges(model::Privileges{})); }

TEST(Privileges, root_of_a_user_namespace_is_not_root) {
  model::Machine machine = good_machine();
  machine.privileges.initial_user_namespace = false;
  const Result<> result = check_privileges(machine.privileges);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().hint, HasSubstr("rootless"));
}

TEST(Privileges, lockdown_hinders_from_confidentiality_on) {
  model::Machine machine = good_machine();
  machine.privileges.lockdown = model::Lockdown::kIntegrity;
  EXPECT_TRUE(check_privileges(machine.privileges));
  machine.privileges.lockdown = model::Lockdown::kConfidentiality;
  EXPECT_FALSE(check_privileges(machine.privileges));
}

TEST(Privileges, a_filter_of_system_calls_shows_when_the_programs_are_loaded) {
  model::Machine machine = good_machine();
  machine.privileges.seccomp = model::Seccomp::kFilter;
  EXPECT_TRUE(check_privileges(machine.privileges));
  Kernel kernel = kernel_that_loads(types_of_6_18());
  EXPECT_EQ(row_of(examine(kernel, machine), "seccomp").answer, Answer::kYes);
  kernel.load = LoadTest::kNotPermitted;
  const Examination refused = examine(kernel, machine);
  EXPECT_EQ(row_of(refused, "seccomp").answer, Answer::kNo);
  EXPECT_EQ(row_of(refused, "programs").answer, Answer::kNo);
  EXPECT_EQ(refused.verdict, Readiness::kCannot);
  kernel.load = LoadTest::kNotTried;
  EXPECT_EQ(row_of(examine(kernel, machine), "seccomp").answer, Answer::kUnknown);
}

TEST(Privileges, locked_memory_matters_where_the_kernel_counts_it) {
  model::Machine machine = good_machine();
  machine.privileges.memlock_bytes = 65536;
  grant(machine, kAllCapabilities & ~bit(CAP_SYS_RESOURCE), kAllCapabilities);
  Kernel kernel = kernel_that_loads(types_of_6_18());
  kernel.load = LoadTest::kNotTried;
  const auto memory = [&] { return row_of(examine(kernel, machine), "locked_memory"); };
  EXPECT_EQ(memory().answer, Answer::kYes);
  kernel.memory_is_locked = true;
  EXPECT_EQ(memory().answer, Answer::kNo);
  EXPECT_THAT(memory().found, HasSubstr("64 KiB"));
  machine.privileges.memlock_bytes = std::uint64_t{1} << 30;
  EXPECT_EQ(memory().answer, Answer::kYes);
  machine.privileges.memlock_bytes = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(memory().found, "locked memory is unlimited");
  machine.privileges.memlock_bytes = 65536;
  grant(machine, kAllCapabilities, kAllCapabilities);
  EXPECT_EQ(memory().answer, Answer::kYes) << "libbpf raises the limit";
  grant(machine, 0, 0);
  kernel.memory_is_locked.reset();
  EXPECT_EQ(memory().answer, Answer::kUnknown);
}

TEST(Host, a_card_without_counters_is_a_loss_on_ec2_only) {
  model::Machine machine = good_machine();
  machine.nics->front().counters_supported = false;
  machine.nics->front().exceeded.clear();
  EXPECT_EQ(row_of(examine(kernel_that_loads(types_of_6_18()), machine), "nic.ens5").weight, Weight::kOptional);
  machine.nics->front().driver = "virtio_net";
  EXPECT_EQ(examine(kernel_that_loads(types_of_6_18()), machine).verdict, Readiness::kDegraded);
  machine.is_ec2 = false;
  EXPECT_EQ(examine(kernel_that_loads(types_of_6_18()), machine).verdict, Readiness::kEverything);
}

TEST(Host, hundreds_of_devices_are_one_row) {
  model::Machine machine = container();
  machine.nics->resize(300, machine.nics->front());
  const Examination result = examine(kernel_that_loads(types_of_6_18()), machine);
  EXPECT_THAT(row_of(result, "nic").found, HasSubstr("and 296 more"));
}

TEST(Host, tcp_timestamps_that_are_off) {
  model::Machine machine = good_machine();
  machine.tcp_timestamps = 0;
  EXPECT_EQ(examine(kernel_that_loads(types_of_6_18()), machine).answer, "can trace, degraded: TCP timestamps");
}

TEST(Host, what_is_not_known_is_said_beside_the_verdict) {
  model::Machine machine = good_machine();
  machine.cgroups.reset();
  EXPECT_EQ(examine(kernel_that_loads(types_of_6_18()), machine).answer,
            "can trace: everything; not known: cgroups of version 2");
}

TEST(Host, of_other_namespaces_only_those_that_can_be_entered) {
  model::Machine machine = good_machine();
  machine.netns->enterable = 1;
  EXPECT_EQ(row_of(examine(kernel_that_loads(types_of_6_18()), machine), "other_namespaces").found,
            "2 seen, 1 can be entered");
  machine.netns->others = machine.netns->enterable = 0;
  EXPECT_EQ(row_of(examine(kernel_that_loads(types_of_6_18()), machine), "other_namespaces").answer, Answer::kYes);
  grant(machine, bit(CAP_BPF) | bit(CAP_PERFMON), kAllCapabilities);
  EXPECT_EQ(row_of(examine(kernel_that_loads(types_of_6_18()), machine), "other_namespaces").answer, Answer::kNo);
}

}  // namespace
}  // namespace tcpdiag::doctor::testing
