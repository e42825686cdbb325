// SPDX-License-Identifier: Apache-2.0
// The table of abilities against kernels that are, and kernels that may come.
#include "doctor/abilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "fake_machines.h"
#include "util/escape.h"

namespace tcpdiag::doctor::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<std::string> lacking(const Abilities& abilities) {
  std::vector<std::string> names;
  for (const model::Ability& one : abilities.of_report()) {
    if (!one.available) names.push_back(one.name);
  }
  return names;
}

std::string reason(const Abilities& abilities, const std::string& name) {
  for (const model::Ability& one : abilities.of_report()) {
    if (one.name == name) return one.reason;
  }
  return "no such ability";
}

TEST(AbilityTable, every_row_can_be_read_by_a_person) {
  std::set<std::string_view> seen;
  for (const Ability& ability : ability_table()) {
    EXPECT_TRUE(seen.insert(ability.name).second) << ability.name << " is there twice";
    EXPECT_FALSE(ability.lost.empty()) << ability.name;
    EXPECT_FALSE(ability.title.empty()) << ability.name;
    EXPECT_LE(columns(ability.title), 33U) << ability.title;
    EXPECT_TRUE(ability.rests_on.empty() || seen.contains(ability.rests_on))
        << ability.name << " rests on what is below";
  }
}

TEST(Abilities, of_kernels_by_what_they_have) {
  EXPECT_THAT(lacking(Abilities(types_of_5_10())),
              ElementsAre("socket_storage", "socket_cookie", "error_reports", "reset_without_socket", "reset_reasons",
                          "retransmit_failures"));
  EXPECT_THAT(lacking(Abilities(types_of_6_1())),
              ElementsAre("reset_without_socket", "reset_reasons", "retransmit_failures"));
  EXPECT_THAT(lacking(Abilities(types_of_6_12())), ElementsAre("retransmit_failures"));
  EXPECT_THAT(lacking(Abilities(types_of_6_18())), IsEmpty());
  for (const KernelTypes& types : {types_of_5_10(), types_of_6_1(), types_of_6_12(), types_of_6_18()}) {
    EXPECT_TRUE(Abilities(types).check());
  }
}

TEST(Abilities, of_each_pair_of_programs_the_one_whose_form_the_kernel_has) {
  const Abilities old(types_of_5_10());
  EXPECT_TRUE(old.loads("tcpd_send_reset", false));
  EXPECT_FALSE(old.loads("tcpd_send_reset_reason", false));
  EXPECT_TRUE(old.loads("tcpd_retransmit", false));
  EXPECT_FALSE(old.loads("tcpd_retransmit_error", false));
  EXPECT_FALSE(old.loads("tcpd_error_report", false));
  EXPECT_FALSE(old.loads("tcpd_send_reset_nested", false)) << "this kernel skips nothing";

  const Abilities between(types_of_6_1());
  EXPECT_TRUE(between.loads("tcpd_send_reset_nested", false));
  EXPECT_FALSE(between.loads("tcpd_send_reset_reason_nested", false));
  EXPECT_TRUE(between.loads("tcpd_retransmit_nested", false));

  const Abilities recent(types_of_6_18());
  EXPECT_FALSE(recent.loads("tcpd_send_reset", false));
  EXPECT_FALSE(recent.loads("tcpd_send_reset_nested", false));
  EXPECT_TRUE(recent.loads("tcpd_send_reset_reason", false));
  EXPECT_TRUE(recent.loads("tcpd_send_reset_reason_nested", false));
  EXPECT_TRUE(recent.loads("tcpd_retransmit_error_nested", false));
  EXPECT_TRUE(recent.loads("tcpd_error_report", false));
  EXPECT_FALSE(recent.loads("tcpd_unheard_of", false));
}

TEST(Abilities, programs_for_children_are_loaded_for_children_only) {
  const Abilities abilities(types_of_6_18());
  EXPECT_FALSE(abilities.loads("tcpd_fork", false));
  EXPECT_TRUE(abilities.loads("tcpd_fork", true));
  KernelTypes types = types_of_6_18();
  types.tracepoints.erase("sched_process_exit");
  const Abilities without(types);
  EXPECT_FALSE(without.loads("tcpd_fork", true));
  EXPECT_TRUE(without.check());
}

TEST(Abilities, a_required_tracepoint_that_is_missing_is_named_with_a_cure) {
  KernelTypes types = types_of_6_18();
  types.tracepoints.erase("tcp_probe");
  const Result<> result = Abilities(types).check();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().exit_code, ExitCode::kNotAble);
  EXPECT_EQ(
      result.error().what,
      "cannot trace: this kernel has no tracepoint tcp_probe (what arrives is not seen: no delay can be measured)");
  EXPECT_THAT(result.error().cure, HasSubstr("5.10"));
}

TEST(Abilities, arguments_that_are_not_known_are_not_guessed_at) {
  for (const char* arguments : {"sock *, sk_buff *, int, int", "sk_buff *, sock *", "sock *", "?", ""}) {
    KernelTypes types = types_of_6_18();
    types.tracepoints["tcp_retransmit_skb"] = arguments;
    const Abilities abilities(types);
    const Result<> result = abilities.check();
    ASSERT_FALSE(result) << arguments;
    EXPECT_THAT(result.error().what, StartsWith("cannot trace: tracepoint tcp_retransmit_skb of this kernel has"));
    EXPECT_THAT(result.error().what, HasSubstr("a form that is not known"));
    EXPECT_EQ(result.error().cure, "look for a newer tcpdiag");
    EXPECT_THAT(reason(abilities, "retransmit_failures"), HasSubstr("a form that is not known"));
  }
}

TEST(Abilities, an_optional_tracepoint_in_a_strange_form_makes_a_run_poorer) {
  KernelTypes types = types_of_6_18();
  types.tracepoints["inet_sk_error_report"] = "sock *, int";
  types.tracepoints["tcp_rcv_space_adjust"] = "int";
  const Abilities abilities(types);
  EXPECT_TRUE(abilities.check());
  EXPECT_THAT(lacking(abilities), ElementsAre("read_wait", "app_gap", "error_reports"));
  EXPECT_FALSE(abilities.loads("tcpd_error_report", false));
  EXPECT_FALSE(abilities.loads("tcpd_rcv_space_adjust", false));
}

TEST(Abilities, without_ring_buffer_or_iterators_nothing_is_traced) {
  KernelTypes no_ring = types_of_6_18();
  no_ring.enumerators.erase("BPF_MAP_TYPE_RINGBUF");
  EXPECT_THAT(Abilities(no_ring).check().error().what, HasSubstr("BPF_MAP_TYPE_RINGBUF"));
  KernelTypes no_iterators = types_of_6_18();
  no_iterators.functions.erase("bpf_iter_task_file");
  EXPECT_THAT(Abilities(no_iterators).check().error().what, HasSubstr("bpf_iter_task_file"));
}

TEST(Abilities, storage_needs_both_of_its_functions) {
  for (const char* function : {"bpf_sk_storage_get_tracing", "bpf_sock_from_file"}) {
    KernelTypes types = types_of_6_18();
    types.functions.erase(function);
    const Abilities abilities(types);
    EXPECT_FALSE(abilities.works(kSocketStorage)) << function;
    EXPECT_TRUE(abilities.works(kSocketCookie));
    EXPECT_THAT(reason(abilities, "socket_storage"), StartsWith("kernel before 5.11: "));
  }
}

TEST(Abilities, a_kernel_that_skips_nothing_needs_no_twins) {
  const Abilities abilities(types_of_5_10());
  EXPECT_EQ(reason(abilities, "nested_events"), "");
  EXPECT_FALSE(abilities.works("nested_events"));
}

TEST(Abilities, a_refused_program_takes_what_can_best_be_done_without) {
  Abilities abilities(types_of_6_18());
  abilities.refuse("tcpd_set_state_nested", "Permission denied");
  EXPECT_THAT(lacking(abilities), ElementsAre("nested_events"));
  EXPECT_EQ(reason(abilities, "nested_events"),
            "this kernel refuses program tcpd_set_state_nested (tracepoint inet_sock_set_state): Permission denied: an "
            "event of a softirq that "
            "interrupts a program at the same tracepoint is not seen");
  EXPECT_FALSE(abilities.loads("tcpd_retransmit_error_nested", false));
  EXPECT_TRUE(abilities.loads("tcpd_set_state", false));
  EXPECT_TRUE(abilities.check());
}

TEST(Abilities, a_refused_form_falls_back_to_the_older_one) {
  Abilities abilities(types_of_6_18());
  abilities.refuse("tcpd_send_reset_reason", "Permission denied");
  abilities.refuse("tcpd_send_reset_reason_nested", "Permission denied");  // gone with the first
  EXPECT_THAT(lacking(abilities), ElementsAre("reset_without_socket", "reset_reasons"));
  EXPECT_TRUE(abilities.loads("tcpd_send_reset", false));
  EXPECT_TRUE(abilities.loads("tcpd_send_reset_nested", false));
  EXPECT_TRUE(abilities.check());

  abilities.refuse("tcpd_send_reset", "Invalid argument");
  const Result<> result = abilities.check();
  ASSERT_FALSE(result);
  EXPECT_EQ(
      result.error().what,
      "cannot trace: this kernel refuses program tcpd_send_reset (tracepoint tcp_send_reset): Invalid argument (resets "
      "that this host sends are not seen)");
  EXPECT_THAT(result.error().cure, HasSubstr("TCPDIAG_DEBUG_BPF=1"));
}

TEST(Abilities, of_an_unknown_kernel_nothing_is_claimed) {
  const Abilities abilities;
  EXPECT_TRUE(abilities.check());
  EXPECT_FALSE(abilities.loads("tcpd_probe", false));
  for (const Standing& one : abilities.standings()) EXPECT_EQ(one.answer, Answer::kUnknown);
}

}  // namespace
}  // namespace tcpdiag::doctor::testing
