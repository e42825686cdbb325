// SPDX-License-Identifier: Apache-2.0
// Kernels as their type information describes them: made here, with the same library that reads it.
#include "source/bpf/kernel_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "doctor/features.h"
#include "source/bpf/configure.h"  // which brings what the skeleton is made of
#include "tcpdiag.skel.h"

namespace tcpdiag::bpf {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

struct BtfDeleter {
  void operator()(btf* b) const { btf__free(b); }
};

// Arguments are words as kernel code has them: "const sock*", "u8", "const enum sk_rst_reason".
class FakeKernel {
 public:
  FakeKernel() : types_(btf__new_empty()) {
    btf__add_int(types_.get(), "int", 4, BTF_INT_SIGNED);
    void_function_ = btf__add_func_proto(types_.get(), 0);
  }

  void tracepoint(const std::string& name, std::initializer_list<const char*> arguments) {
    std::vector<int> ids{pointer_to(0)};  // the probe's own data
    for (const char* argument : arguments) ids.push_back(type(argument));
    const int proto = btf__add_func_proto(types_.get(), 0);
    for (const int id : ids) btf__add_func_param(types_.get(), "", id);
    btf__add_typedef(types_.get(), ("btf_trace_" + name).c_str(), pointer_to(proto));
  }
  void function(const char* name) { btf__add_func(types_.get(), name, BTF_FUNC_STATIC, void_function_); }
  void enumeration(const char* name, std::initializer_list<std::pair<const char*, int>> values) {
    named_["enum " + std::string(name)] = btf__add_enum(types_.get(), name, 4);
    for (const auto& [value, number] : values) btf__add_enum_value(types_.get(), value, number);
  }

  btf* types() { return types_.get(); }
  doctor::KernelTypes read() const { return kernel_types_of(types_.get()); }
  doctor::Features features() const { return doctor::Features(read()); }

 private:
  int pointer_to(int id) { return btf__add_ptr(types_.get(), id); }

  int type(std::string word) {
    if (word.starts_with("const ")) return btf__add_const(types_.get(), type(word.substr(6)));
    if (word.ends_with('*')) return pointer_to(type(word.substr(0, word.size() - 1)));
    if (const auto found = named_.find(word); found != named_.end()) return found->second;
    int id = 0;
    if (word == "int") return 1;
    if (word == "bool") {
      id = btf__add_typedef(types_.get(), "bool", btf__add_int(types_.get(), "_Bool", 1, BTF_INT_BOOL));
    } else {
      id = btf__add_struct(types_.get(), word.c_str(), 8);
    }
    named_[word] = id;
    return id;
  }

  std::unique_ptr<btf, BtfDeleter> types_;
  std::map<std::string, int> named_;
  int void_function_ = 0;
};

// What is left out of a kernel that has everything.
FakeKernel kernel_without(const std::string& left_out) {
  FakeKernel kernel;
  kernel.enumeration("sk_rst_reason",
                     {{"SK_RST_REASON_NOT_SPECIFIED", 0}, {"SK_RST_REASON_NO_SOCKET", 1}, {"SOMETHING_ELSE", 2}});
  kernel.enumeration("skb_drop_reason", {{"SKB_NOT_DROPPED_YET", 0},
                                         {"SKB_DROP_REASON_NOT_SPECIFIED", 2},
                                         {"SKB_DROP_REASON_NETFILTER_DROP", 12},
                                         {"SKB_DROP_REASON_TCP_OLD_DATA", 33}});
  kernel.enumeration("bpf_map_type", {{"BPF_MAP_TYPE_HASH", 1}});
  if (left_out != "BPF_MAP_TYPE_RINGBUF") kernel.enumeration("bpf_map_type", {{"BPF_MAP_TYPE_RINGBUF", 27}});
  const auto tracepoint = [&](const char* name, std::initializer_list<const char*> arguments) {
    if (name != left_out) kernel.tracepoint(name, arguments);
  };
  tracepoint("inet_sock_set_state", {"const sock*", "const int", "const int"});
  tracepoint("tcp_destroy_sock", {"sock*"});
  tracepoint("tcp_send_reset", {"const sock*", "const sk_buff*", "const enum sk_rst_reason"});
  tracepoint("tcp_receive_reset", {"sock*"});
  tracepoint("tcp_retransmit_skb", {"const sock*", "const sk_buff*", "int"});
  tracepoint("tcp_retransmit_synack", {"const sock*", "const request_sock*"});
  tracepoint("tcp_probe", {"sock*", "const sk_buff*"});
  tracepoint("net_dev_start_xmit", {"const sk_buff*", "const net_device*"});
  tracepoint("net_dev_queue", {"sk_buff*"});
  tracepoint("netif_receive_skb", {"sk_buff*"});
  tracepoint("kfree_skb", {"sk_buff*", "void*", "enum skb_drop_reason", "sock*"});
  tracepoint("tcp_rcv_space_adjust", {"sock*"});
  tracepoint("inet_sk_error_report", {"const sock*"});
  tracepoint("sched_process_fork", {"task_struct*", "task_struct*"});
  tracepoint("sched_process_exit", {"task_struct*", "bool"});
  tracepoint("something_else", {"int"});
  for (const char* function : {"bpf_iter_tcp", "bpf_iter_task_file", "bpf_sk_storage_get_tracing", "bpf_sock_from_file",
                               "bpf_iter_bpf_sk_storage_map", "bpf_get_socket_ptr_cookie",
                               "bpf_prog_inc_misses_counter", "bpf_ktime_get_coarse_ns", "schedule"}) {
    if (function != left_out) kernel.function(function);
  }
  return kernel;
}

TEST(KernelTypes, of_a_kernel_that_has_everything) {
  const FakeKernel kernel = kernel_without("nothing");
  const doctor::KernelTypes types = kernel.read();
  EXPECT_EQ(types.tracepoints.at("inet_sock_set_state"), "sock *, int, int");
  EXPECT_EQ(types.tracepoints.at("tcp_send_reset"), "sock *, sk_buff *, enum sk_rst_reason");
  EXPECT_EQ(types.tracepoints.at("sched_process_exit"), "task_struct *, _Bool");
  EXPECT_EQ(types.tracepoints.count("something_else"), 0U);
  EXPECT_EQ(types.functions.count("schedule"), 0U);
  EXPECT_EQ(types.functions.count("bpf_ktime_get_coarse_ns"), 1U);
  EXPECT_THAT(types.reset_reasons, UnorderedElementsAre(Pair(0U, "NOT_SPECIFIED"), Pair(1U, "NO_SOCKET")));
  EXPECT_THAT(types.drop_reasons, UnorderedElementsAre(Pair(12U, "NETFILTER_DROP"))) << "old data is no drop";
  const doctor::Features features = kernel.features();
  for (const doctor::Standing& one : features.standings()) EXPECT_TRUE(one.works()) << one.feature->name;
}

TEST(KernelTypes, what_is_required_and_missing_is_named) {
  for (const char* missing : {"inet_sock_set_state", "tcp_destroy_sock", "tcp_send_reset", "tcp_receive_reset",
                              "tcp_retransmit_skb", "tcp_retransmit_synack", "tcp_probe", "net_dev_start_xmit",
                              "net_dev_queue", "BPF_MAP_TYPE_RINGBUF", "bpf_iter_tcp", "bpf_iter_task_file"}) {
    const Result<> result = kernel_without(missing).features().check();
    ASSERT_FALSE(result) << missing;
    EXPECT_EQ(result.error().exit_code, ExitCode::kNotAble);
    EXPECT_THAT(result.error().what, HasSubstr(missing));
  }
}

TEST(KernelTypes, what_is_optional_and_missing_is_no_obstacle) {
  const std::map<std::string, std::string> features{{"bpf_sk_storage_get_tracing", "socket_storage"},
                                                    {"bpf_get_socket_ptr_cookie", "socket_cookie"},
                                                    {"inet_sk_error_report", "error_reports"},
                                                    {"tcp_rcv_space_adjust", "read_wait"},
                                                    {"sched_process_exit", "children"}};
  for (const auto& [missing, feature] : features) {
    const doctor::Features of_kernel = kernel_without(missing).features();
    EXPECT_TRUE(of_kernel.check()) << missing;
    EXPECT_FALSE(of_kernel.works(feature)) << missing;
  }
}

TEST(KernelTypes, a_list_of_arguments_that_changed_is_told) {
  FakeKernel kernel = kernel_without("tcp_probe");
  kernel.tracepoint("tcp_probe", {"sock*", "sk_buff*", "int"});
  const Result<> result = kernel.features().check();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().what, HasSubstr("(sock *, sk_buff *, int), a form that is not known"));
}

TEST(KernelTypes, of_nothing_nothing_is_read) {
  FakeKernel kernel;
  const doctor::KernelTypes types = kernel.read();
  EXPECT_TRUE(types.tracepoints.empty());
  EXPECT_FALSE(kernel.features().check());
}

TEST(KernelTypes, strange_types_are_not_followed_for_ever) {
  FakeKernel kernel;
  btf* types = kernel.types();
  btf__add_typedef(types, "btf_trace_tcp_probe", 1);  // no pointer to a function
  const int next = static_cast<int>(btf__type_cnt(types));
  btf__add_const(types, next + 1);  // two that lead to each other
  btf__add_volatile(types, next);
  const int own_data = btf__add_ptr(types, 0);
  const int proto = btf__add_func_proto(types, 0);
  btf__add_func_param(types, "", own_data);
  btf__add_func_param(types, "", next);
  btf__add_typedef(types, "btf_trace_tcp_destroy_sock", btf__add_ptr(types, proto));
  const doctor::KernelTypes read = kernel.read();
  EXPECT_EQ(read.tracepoints.at("tcp_probe"), "?");
  EXPECT_EQ(read.tracepoints.count("tcp_destroy_sock"), 1U);
  EXPECT_FALSE(kernel.features().check());
}

// The table and the programs that are built are of one opinion.
TEST(FeatureTable, names_every_program_that_there_is_and_no_other) {
  struct Deleter {
    void operator()(tcpdiag_bpf* skeleton) const { tcpdiag_bpf::destroy(skeleton); }
  };
  const std::unique_ptr<tcpdiag_bpf, Deleter> skeleton(tcpdiag_bpf::open());
  ASSERT_TRUE(skeleton);
  std::set<std::string> built;
  std::map<std::string, std::string> tracepoint_of;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    built.emplace(bpf_program__name(program));
    const std::string section = bpf_program__section_name(program);
    tracepoint_of[bpf_program__name(program)] = section.substr(section.find('/') + 1);
  }
  std::set<std::string> named;
  for (const doctor::Feature& feature : doctor::feature_table()) {
    for (const auto* list : {&feature.programs, &feature.instead}) named.insert(list->begin(), list->end());
    if (feature.tracepoints.size() != 1) continue;
    for (const std::string_view one : feature.programs) {
      EXPECT_EQ(tracepoint_of[std::string(one)], feature.tracepoints.front().name) << one;
    }
  }
  EXPECT_EQ(built, named);
}

}  // namespace
}  // namespace tcpdiag::bpf
