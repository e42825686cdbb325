// SPDX-License-Identifier: Apache-2.0
// The table of features against kernels that are, and kernels that may come.
#include "doctor/features.h"

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

std::vector<std::string> lacking(const Features& features) {
  std::vector<std::string> names;
  for (const model::Feature& one : features.of_report()) {
    if (!one.available) names.push_back(one.name);
  }
  return names;
}

std::string reason(const Features& features, const std::string& name) {
  for (const model::Feature& one : features.of_report()) {
    if (one.name == name) return one.reason;
  }
  return "no such feature";
}

TEST(FeatureTable, every_row_can_be_read_by_a_person) {
  std::set<std::string_view> seen;
  for (const Feature& feature : feature_table()) {
    EXPECT_TRUE(seen.insert(feature.name).second) << feature.name << " is there twice";
    EXPECT_FALSE(feature.lost.empty()) << feature.name;
    EXPECT_FALSE(feature.title.empty()) << feature.name;
    EXPECT_LE(columns(feature.title), 33U) << feature.title;
    EXPECT_TRUE(feature.rests_on.empty() || seen.contains(feature.rests_on))
        << feature.name << " rests on what is below";
  }
}

TEST(Features, of_kernels_by_what_they_have) {
  EXPECT_THAT(lacking(Features(types_of_5_10())),
              ElementsAre("socket_storage", "waiting_readers", "socket_cookie", "error_reports", "reset_without_socket",
                          "reset_reasons", "retransmit_failures", "packet_drops", "drop_receivers"));
  EXPECT_THAT(lacking(Features(types_of_6_1())),
              ElementsAre("reset_without_socket", "reset_reasons", "retransmit_failures", "drop_receivers"));
  EXPECT_THAT(lacking(Features(types_of_6_12())), ElementsAre("retransmit_failures"));
  EXPECT_THAT(lacking(Features(types_of_6_18())), IsEmpty());
  for (const KernelTypes& types : {types_of_5_10(), types_of_6_1(), types_of_6_12(), types_of_6_18()}) {
    EXPECT_TRUE(Features(types).check());
  }
}

TEST(Features, of_each_pair_of_programs_the_one_whose_form_the_kernel_has) {
  const Features old(types_of_5_10());
  EXPECT_TRUE(old.loads("tcpd_send_reset", false));
  EXPECT_FALSE(old.loads("tcpd_send_reset_reason", false));
  EXPECT_TRUE(old.loads("tcpd_retransmit", false));
  EXPECT_FALSE(old.loads("tcpd_retransmit_error", false));
  EXPECT_FALSE(old.loads("tcpd_error_report", false));
  EXPECT_FALSE(old.loads("tcpd_send_reset_nested", false)) << "this kernel skips nothing";

  const Features between(types_of_6_1());
  EXPECT_TRUE(between.loads("tcpd_send_reset_nested", false));
  EXPECT_FALSE(between.loads("tcpd_send_reset_reason_nested", false));
  EXPECT_TRUE(between.loads("tcpd_retransmit_nested", false));

  EXPECT_FALSE(old.loads("tcpd_dropped", false));
  EXPECT_FALSE(old.loads("tcpd_listens", false));
  EXPECT_EQ(reason(old, "packet_drops"),
            "kernel before 5.17: a packet that this host drops looks like one that the network lost");
  EXPECT_TRUE(between.loads("tcpd_dropped", false));
  EXPECT_TRUE(between.loads("tcpd_dropped_nested", false));
  EXPECT_FALSE(between.loads("tcpd_dropped_rx", false));

  const Features recent(types_of_6_18());
  EXPECT_FALSE(recent.loads("tcpd_dropped", false));
  EXPECT_TRUE(recent.loads("tcpd_dropped_rx", false));
  EXPECT_TRUE(recent.loads("tcpd_dropped_rx_nested", false));
  EXPECT_TRUE(recent.loads("tcpd_listens", false));
  EXPECT_FALSE(recent.loads("tcpd_send_reset", false));
  EXPECT_FALSE(recent.loads("tcpd_send_reset_nested", false));
  EXPECT_TRUE(recent.loads("tcpd_send_reset_reason", false));
  EXPECT_TRUE(recent.loads("tcpd_send_reset_reason_nested", false));
  EXPECT_TRUE(recent.loads("tcpd_retransmit_error_nested", false));
  EXPECT_TRUE(recent.loads("tcpd_error_report", false));
  EXPECT_FALSE(recent.loads("tcpd_unheard_of", false));
}

TEST(Features, programs_for_children_are_loaded_for_children_only) {
  const Features features(types_of_6_18());
  EXPECT_FALSE(features.loads("tcpd_fork", false));
  EXPECT_TRUE(features.loads("tcpd_fork", true));
  KernelTypes types = types_of_6_18();
  types.tracepoints.erase("sched_process_exit");
  const Features without(types);
  EXPECT_FALSE(without.loads("tcpd_fork", true));
  EXPECT_TRUE(without.check());
}

TEST(Features, a_required_tracepoint_that_is_missing_is_named_with_a_hint) {
  KernelTypes types = types_of_6_18();
  types.tracepoints.erase("tcp_probe");
  const Result<> result = Features(types).check();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().exit_code, ExitCode::kNotAble);
  EXPECT_EQ(
      result.error().what,
      "cannot trace: this kernel has no tracepoint tcp_probe (what arrives is not seen: no delay can be measured)");
  EXPECT_THAT(result.error().hint, HasSubstr("5.10"));
}

TEST(Features, arguments_that_are_not_known_are_not_guessed_at) {
  for (const char* arguments : {"sock *, sk_buff *, int, int", "sk_buff *, sock *", "sock *", "?", ""}) {
    KernelTypes types = types_of_6_18();
    types.tracepoints["tcp_retransmit_skb"] = arguments;
    const Features features(types);
    const Result<> result = features.check();
    ASSERT_FALSE(result) << arguments;
    EXPECT_THAT(result.error().what, StartsWith("cannot trace: tracepoint tcp_retransmit_skb of this kernel has"));
    EXPECT_THAT(result.error().what, HasSubstr("a form that is not known"));
    EXPECT_EQ(result.error().hint, "look for a newer tcpdiag");
    EXPECT_THAT(reason(features, "retransmit_failures"), HasSubstr("a form that is not known"));
  }
}

TEST(Features, an_optional_tracepoint_in_a_strange_form_makes_a_run_degraded) {
  KernelTypes types = types_of_6_18();
  types.tracepoints["inet_sk_error_report"] = "sock *, int";
  types.tracepoints["tcp_rcv_space_adjust"] = "int";
  const Features features(types);
  EXPECT_TRUE(features.check());
  EXPECT_THAT(lacking(features), ElementsAre("read_wait", "app_gap", "error_reports"));
  EXPECT_FALSE(features.loads("tcpd_error_report", false));
  EXPECT_FALSE(features.loads("tcpd_rcv_space_adjust", false));
}

TEST(Features, without_ring_buffer_or_iterators_nothing_is_traced) {
  KernelTypes no_ring = types_of_6_18();
  no_ring.enumerators.erase("BPF_MAP_TYPE_RINGBUF");
  EXPECT_THAT(Features(no_ring).check().error().what, HasSubstr("BPF_MAP_TYPE_RINGBUF"));
  KernelTypes no_iterators = types_of_6_18();
  no_iterators.functions.erase("bpf_iter_task_file");
  EXPECT_THAT(Features(no_iterators).check().error().what, HasSubstr("bpf_iter_task_file"));
}

TEST(Features, storage_needs_both_of_its_functions) {
  for (const char* function : {"bpf_sk_storage_get_tracing", "bpf_sock_from_file"}) {
    KernelTypes types = types_of_6_18();
    types.functions.erase(function);
    const Features features(types);
    EXPECT_FALSE(features.works(kSocketStorage)) << function;
    EXPECT_TRUE(features.works(kSocketCookie));
    EXPECT_THAT(reason(features, "socket_storage"), StartsWith("kernel before 5.11: "));
  }
}

TEST(Features, a_kernel_that_skips_nothing_needs_no_twins) {
  const Features features(types_of_5_10());
  EXPECT_EQ(reason(features, "nested_events"), "");
  EXPECT_FALSE(features.works("nested_events"));
}

TEST(Features, a_refused_program_takes_what_can_best_be_done_without) {
  Features features(types_of_6_18());
  features.refuse("tcpd_set_state_nested", "Permission denied");
  EXPECT_THAT(lacking(features), ElementsAre("nested_events"));
  EXPECT_EQ(reason(features, "nested_events"),
            "this kernel refuses program tcpd_set_state_nested (tracepoint inet_sock_set_state): Permission denied: an "
            "event of a softirq that "
            "interrupts a program at the same tracepoint is not seen");
  EXPECT_FALSE(features.loads("tcpd_retransmit_error_nested", false));
  EXPECT_TRUE(features.loads("tcpd_set_state", false));
  EXPECT_TRUE(features.check());
}

TEST(Features, a_refused_form_falls_back_to_the_older_one) {
  Features features(types_of_6_18());
  features.refuse("tcpd_send_reset_reason", "Permission denied");
  features.refuse("tcpd_send_reset_reason_nested", "Permission denied");  // gone with the first
  EXPECT_THAT(lacking(features), ElementsAre("reset_without_socket", "reset_reasons"));
  EXPECT_TRUE(features.loads("tcpd_send_reset", false));
  EXPECT_TRUE(features.loads("tcpd_send_reset_nested", false));
  EXPECT_TRUE(features.check());

  features.refuse("tcpd_send_reset", "Invalid argument");
  const Result<> result = features.check();
  ASSERT_FALSE(result);
  EXPECT_EQ(
      result.error().what,
      "cannot trace: this kernel refuses program tcpd_send_reset (tracepoint tcp_send_reset): Invalid argument (resets "
      "that this host sends are not seen)");
  EXPECT_THAT(result.error().hint, HasSubstr("TCPDIAG_DEBUG_BPF=1"));
}

TEST(Features, look_ups_may_be_refused_or_left_out_and_tcp_goes_on) {
  Features refused(types_of_6_18());
  EXPECT_TRUE(refused.loads("tcpd_dev_queue_dns", false));
  EXPECT_FALSE(refused.loads("tcpd_dev_queue", false));
  refused.refuse("tcpd_dev_queue_dns", "Argument list too long");
  Features unwanted(types_of_6_18());
  unwanted.leave_out(kDns, "--no-dns");
  for (const Features* one : {&refused, &unwanted}) {
    EXPECT_THAT(lacking(*one), ElementsAre("dns"));
    EXPECT_TRUE(one->loads("tcpd_dev_queue", false));
    EXPECT_FALSE(one->loads("tcpd_dev_queue_dns", false));
    EXPECT_FALSE(one->loads("tcpd_dns_arrives", false));
    EXPECT_TRUE(one->check());
  }
  EXPECT_EQ(reason(unwanted, "dns"),
            "left out by --no-dns: a name that is resolved slowly, or not at all, is not seen");
}

TEST(Features, of_an_unknown_kernel_nothing_is_claimed) {
  const Features features;
  EXPECT_TRUE(features.check());
  EXPECT_FALSE(features.loads("tcpd_probe", false));
  for (const Standing& one : features.standings()) EXPECT_EQ(one.answer, Answer::kUnknown);
}

}  // namespace
}  // namespace tcpdiag::doctor::testing
