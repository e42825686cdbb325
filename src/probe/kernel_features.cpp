// SPDX-License-Identifier: Apache-2.0
// One walk over the kernel's types: the walk costs a few milliseconds, a look-up by name as much each.
#include "probe/kernel_features.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <array>
#include <memory>
#include <string_view>

namespace tcpdiag::probe {

namespace {

struct BtfDeleter {
  void operator()(btf* b) const { btf__free(b); }
};

// Tracepoints that the programs attach to, with the numbers of arguments that are known to work.
struct Tracepoint {
  std::string_view name;
  bool required;
  unsigned args_min;
  unsigned args_max;
};
constexpr std::array kTracepoints{
    Tracepoint{"inet_sock_set_state", true, 3, 3},
    Tracepoint{"tcp_retransmit_skb", true, 2, 3},
    Tracepoint{"tcp_retransmit_synack", true, 2, 2},
    Tracepoint{"tcp_send_reset", true, 2, 3},
    Tracepoint{"tcp_receive_reset", true, 1, 1},
    Tracepoint{"tcp_destroy_sock", true, 1, 1},
    Tracepoint{"tcp_probe", true, 2, 2},
    Tracepoint{"net_dev_queue", true, 1, 1},
    Tracepoint{"net_dev_start_xmit", true, 2, 2},
    Tracepoint{"tcp_rcv_space_adjust", true, 1, 1},
    Tracepoint{"inet_sk_error_report", false, 1, 1},
};

constexpr std::string_view kTracepointPrefix = "btf_trace_";
constexpr std::string_view kReasonPrefix = "SK_RST_REASON_";

// btf_trace_NAME is a typedef of a pointer to a function whose first argument is the probe's own data.
unsigned argument_count(const btf* types, const btf_type* type) {
  const btf_type* pointer = btf__type_by_id(types, type->type);
  if (pointer == nullptr || !btf_is_ptr(pointer)) return 0;
  const btf_type* function = btf__type_by_id(types, pointer->type);
  if (function == nullptr || !btf_is_func_proto(function) || btf_vlen(function) == 0) return 0;
  return btf_vlen(function) - 1U;
}

void read_reasons(const btf* types, const btf_type* type, std::map<std::uint32_t, std::string>& reasons) {
  const struct btf_enum* values = btf_enum(type);
  for (unsigned i = 0; i < btf_vlen(type); ++i) {
    const char* text = btf__name_by_offset(types, values[i].name_off);
    std::string_view name = text != nullptr ? text : "";
    if (values[i].val < 0 || name.substr(0, kReasonPrefix.size()) != kReasonPrefix) continue;
    reasons.emplace(static_cast<std::uint32_t>(values[i].val), std::string(name.substr(kReasonPrefix.size())));
  }
}

}  // namespace

bool KernelFeatures::reset_has_reason() const {
  const auto it = tracepoints.find("tcp_send_reset");
  return it != tracepoints.end() && it->second == 3;
}

bool KernelFeatures::retransmit_has_error() const {
  const auto it = tracepoints.find("tcp_retransmit_skb");
  return it != tracepoints.end() && it->second == 3;
}

std::vector<model::Ability> KernelFeatures::abilities() const {
  std::vector<model::Ability> list;
  const auto add = [&list](std::string name, bool available, std::string reason) {
    list.push_back({std::move(name), available, available ? std::string{} : std::move(reason)});
  };
  add("socket_storage", sk_storage_in_tracing,
      "kernel before 5.11: sockets are kept in a table of fixed size; the oldest is dropped when it is full");
  add("socket_cookie", cookie_in_tracing, "kernel before 5.12: sockets have tcpdiag's own numbers instead of cookies");
  add("reset_reasons", reset_has_reason() && !reset_reasons.empty(),
      "kernel before 6.10: why this host sent a RST is derived from the socket's state");
  add("reset_without_socket", reset_has_reason(),
      "kernel before 6.10: a RST sent for no socket or for one in TIME_WAIT is not seen");
  add("retransmit_failures", retransmit_has_error(),
      "kernel before 6.17: retransmissions that could not be sent are not seen per socket");
  add("error_reports", has("inet_sk_error_report"), "kernel before 5.14: ICMP errors during a connect are not seen");
  return list;
}

Result<KernelFeatures> read_kernel_features() {
  const std::unique_ptr<btf, BtfDeleter> types(btf__load_vmlinux_btf());
  if (!types) {
    return fail(ExitCode::kNotAble, "this kernel has no type information (/sys/kernel/btf/vmlinux)",
                "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as Debian's and Amazon Linux's are");
  }
  KernelFeatures features;
  const unsigned count = btf__type_cnt(types.get());
  for (unsigned id = 1; id < count; ++id) {
    const btf_type* type = btf__type_by_id(types.get(), id);
    const unsigned kind = btf_kind(type);
    if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_FUNC && kind != BTF_KIND_ENUM) continue;
    const char* text = btf__name_by_offset(types.get(), type->name_off);
    const std::string_view name = text != nullptr ? text : "";
    if (kind == BTF_KIND_FUNC) {
      // The helpers' own functions: a helper that tracing programs may call has one compiled in.
      if (name == "bpf_sk_storage_get_tracing") features.sk_storage_in_tracing = true;
      if (name == "bpf_get_socket_ptr_cookie") features.cookie_in_tracing = true;
      if (name == "bpf_sock_from_file") features.sock_from_file = true;
      if (name == "bpf_prog_inc_misses_counter") features.skips_nested_runs = true;
    } else if (kind == BTF_KIND_ENUM) {
      if (name == "sk_rst_reason") read_reasons(types.get(), type, features.reset_reasons);
    } else if (name.substr(0, kTracepointPrefix.size()) == kTracepointPrefix) {
      const std::string_view tracepoint = name.substr(kTracepointPrefix.size());
      for (const Tracepoint& known : kTracepoints) {
        if (known.name == tracepoint) {
          features.tracepoints.emplace(std::string(tracepoint), argument_count(types.get(), type));
        }
      }
    }
  }
  for (const Tracepoint& known : kTracepoints) {
    const auto it = features.tracepoints.find(std::string(known.name));
    if (it == features.tracepoints.end()) {
      if (!known.required) continue;
      return fail(ExitCode::kNotAble, fmt::format("this kernel has no tracepoint {}", known.name),
                  "Linux 5.10 or later is needed");
    }
    if (it->second >= known.args_min && it->second <= known.args_max) continue;
    if (known.required) {
      return fail(ExitCode::kNotAble,
                  fmt::format("tracepoint {} of this kernel has {} arguments, a form that is not known", known.name,
                              it->second),
                  "look for a newer tcpdiag");
    }
    features.tracepoints.erase(it);
  }
  return features;
}

}  // namespace tcpdiag::probe
