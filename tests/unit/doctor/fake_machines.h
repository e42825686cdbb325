// SPDX-License-Identifier: Apache-2.0
// Kernels and machines as the doctor is told of them. The arguments are those of Debian's kernels.
#pragma once

#include <limits>
#include <string>
#include <utility>

#include "doctor/examine.h"

namespace tcpdiag::doctor::testing {

inline KernelTypes types_of_5_10() {
  KernelTypes types;
  types.tracepoints = {{"inet_sock_set_state", "sock *, int, int"},
                       {"tcp_destroy_sock", "sock *"},
                       {"tcp_send_reset", "sock *, sk_buff *"},
                       {"tcp_receive_reset", "sock *"},
                       {"tcp_retransmit_skb", "sock *, sk_buff *"},
                       {"tcp_retransmit_synack", "sock *, request_sock *"},
                       {"tcp_probe", "sock *, sk_buff *"},
                       {"net_dev_start_xmit", "sk_buff *, net_device *"},
                       {"net_dev_queue", "sk_buff *"},
                       {"netif_receive_skb", "sk_buff *"},
                       {"tcp_rcv_space_adjust", "sock *"},
                       {"sched_process_fork", "task_struct *, task_struct *"},
                       {"sched_process_exit", "task_struct *"},
                       {"kfree_skb", "sk_buff *, void *"}};
  types.functions = {"bpf_iter_tcp", "bpf_iter_task_file"};
  types.enumerators = {"BPF_MAP_TYPE_RINGBUF"};
  return types;
}

inline KernelTypes types_of_6_1() {
  KernelTypes types = types_of_5_10();
  types.tracepoints["inet_sk_error_report"] = "sock *";
  types.tracepoints["kfree_skb"] = "sk_buff *, void *, enum skb_drop_reason";
  types.enumerators.insert("SKB_DROP_REASON_NOT_SPECIFIED");
  types.drop_reasons = {{8, "NETFILTER_DROP"}};
  types.functions.insert({"bpf_sk_storage_get_tracing", "bpf_sock_from_file", "bpf_iter_bpf_sk_storage_map",
                          "bpf_get_socket_ptr_cookie", "bpf_prog_inc_misses_counter", "bpf_ktime_get_coarse_ns"});
  return types;
}

inline KernelTypes types_of_6_12() {
  KernelTypes types = types_of_6_1();
  types.tracepoints["tcp_send_reset"] = "sock *, sk_buff *, enum sk_rst_reason";
  types.tracepoints["kfree_skb"] = "sk_buff *, void *, enum skb_drop_reason, sock *";
  types.enumerators.insert("SK_RST_REASON_NOT_SPECIFIED");
  types.reset_reasons = {{0, "NOT_SPECIFIED"}, {1, "NO_SOCKET"}};
  return types;
}

inline KernelTypes types_of_6_18() {
  KernelTypes types = types_of_6_12();
  types.tracepoints["tcp_retransmit_skb"] = "sock *, sk_buff *, int";
  types.tracepoints["sched_process_exit"] = "task_struct *, _Bool";
  return types;
}

inline Kernel kernel_that_loads(const KernelTypes& types) {
  Kernel kernel;
  kernel.features = Features(types);
  kernel.memory_is_locked = !types.functions.contains(kMemoryAccountingFunction);
  kernel.load = LoadTest::kPassed;
  kernel.programs = 20;
  return kernel;
}

constexpr std::uint64_t kAllCapabilities = 0x1ffffffffff;

// An EC2 instance with everything, as root.
inline model::Machine good_machine() {
  model::Machine machine;
  machine.host.hostname = "cache-1";
  machine.host.kernel = "6.18.44";
  machine.host.arch = "x86_64";
  machine.host.cpus = 2;
  machine.host.instance_type = "t4g.micro";
  machine.host.instance_type_source = "dmi";
  machine.is_ec2 = true;
  machine.privileges.capabilities =
      model::Capabilities{.effective = kAllCapabilities, .permitted = kAllCapabilities, .bounding = kAllCapabilities};
  machine.privileges.initial_user_namespace = true;
  machine.privileges.lockdown = model::Lockdown::kNone;
  machine.privileges.seccomp = model::Seccomp::kDisabled;
  machine.privileges.memlock_bytes = std::uint64_t{8} << 20;
  machine.privileges.unprivileged_bpf_disabled = 2;
  machine.privileges.perf_event_paranoid = 2;
  machine.privileges.kptr_restrict = 0;
  machine.sees_host_pids = true;
  machine.netns =
      model::NetnsReach{.own_inode = 4026531840, .own_is_initial = true, .others = 2, .enterable = 2, .hidden = 0};
  machine.cgroups = model::CgroupTrees{.v2 = "/sys/fs/cgroup", .v1 = false};
  machine.tcp_timestamps = 1;
  model::NicSample nic;
  nic.device = "ens5";
  nic.driver = "ena";
  nic.driver_version = "2.13.0g";
  nic.counters_supported = true;
  for (const char* allowance : model::kAllowances) nic.exceeded[allowance] = 0;
  machine.nics = {nic};
  return machine;
}

// The same as some user.
inline model::Machine machine_of_a_user() {
  model::Machine machine = good_machine();
  machine.privileges.uid = 65534;
  machine.privileges.capabilities = model::Capabilities{.effective = 0, .permitted = 0, .bounding = kAllCapabilities};
  machine.privileges.lockdown.reset();
  machine.netns->enterable = 0;
  machine.netns->hidden = 112;
  return machine;
}

// Docker without options, on no EC2 instance.
inline model::Machine container() {
  constexpr std::uint64_t kOfDocker = 0xa80425fb;
  model::Machine machine = good_machine();
  machine.host.hostname = "7f3c2a0e9b1d";
  machine.host.instance_type.reset();
  machine.host.instance_type_source.clear();
  machine.is_ec2 = false;
  machine.privileges.capabilities =
      model::Capabilities{.effective = kOfDocker, .permitted = kOfDocker, .bounding = kOfDocker};
  machine.privileges.lockdown.reset();
  machine.privileges.seccomp = model::Seccomp::kFilter;
  machine.sees_host_pids = false;
  machine.netns =
      model::NetnsReach{.own_inode = 4026532281, .own_is_initial = false, .others = 0, .enterable = 0, .hidden = 0};
  machine.cgroups = model::CgroupTrees{.v2 = {}, .v1 = true};
  model::NicSample nic;
  nic.device = "eth0";
  nic.driver = "veth";
  nic.driver_version = "1.0";
  machine.nics = {nic};
  return machine;
}

}  // namespace tcpdiag::doctor::testing
