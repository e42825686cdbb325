// SPDX-License-Identifier: Apache-2.0
// One walk over the kernel's types: the walk costs a few milliseconds, a look-up by name as much each.
#include "source/bpf/kernel_types.h"

#include <bpf/btf.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "model/drop_reason.h"
#include "source/bpf/libbpf_log.h"

namespace tcpdiag::bpf {

namespace {

struct BtfDeleter {
  void operator()(btf* b) const { btf__free(b); }
};

constexpr const char* kTypes = "/sys/kernel/btf/vmlinux";
constexpr std::string_view kTracepointPrefix = "btf_trace_";
constexpr std::string_view kReasonEnum = "sk_rst_reason";
constexpr std::string_view kReasonPrefix = "SK_RST_REASON_";
constexpr std::string_view kDropEnum = "skb_drop_reason";
constexpr std::string_view kDropPrefix = "SKB_DROP_REASON_";
constexpr int kDeepest = 32;  // qualifiers and typedefs around one type

struct Wanted {
  std::set<std::string_view> tracepoints;
  std::set<std::string_view> functions{doctor::kMemoryAccountingFunction};
  std::set<std::string_view> enumerators;

  Wanted() {
    for (const doctor::Feature& feature : doctor::feature_table()) {
      for (const doctor::Tracepoint& tracepoint : feature.tracepoints) tracepoints.insert(tracepoint.name);
      functions.insert(feature.functions.begin(), feature.functions.end());
      enumerators.insert(feature.enumerators.begin(), feature.enumerators.end());
    }
  }
};

std::string_view name_at(const btf* types, std::uint32_t offset) {
  const char* text = btf__name_by_offset(types, offset);
  return text != nullptr ? text : "";
}

// "sock *", "int", "enum sk_rst_reason": without qualifiers and typedefs, which say nothing of how it is passed.
std::string spelling(const btf* types, std::uint32_t id) {
  std::string stars;
  for (int depth = 0; depth < kDeepest; ++depth) {
    if (id == 0) return "void" + stars;
    const btf_type* type = btf__type_by_id(types, id);
    if (type == nullptr) break;
    if (btf_is_ptr(type)) {
      stars += stars.empty() ? " *" : "*";
    } else if (!btf_is_mod(type) && !btf_is_typedef(type) && !btf_is_type_tag(type)) {
      const bool is_enum = btf_is_any_enum(type);
      return (is_enum ? "enum " : "") + std::string(name_at(types, type->name_off)) + stars;
    }
    id = type->type;
  }
  return "?";
}

// btf_trace_NAME is a typedef of a pointer to a function whose first argument is the probe's own data.
std::string arguments_of(const btf* types, const btf_type* type) {
  const btf_type* pointer = btf__type_by_id(types, type->type);
  if (pointer == nullptr || !btf_is_ptr(pointer)) return "?";
  const btf_type* function = btf__type_by_id(types, pointer->type);
  if (function == nullptr || !btf_is_func_proto(function)) return "?";
  std::string list;
  for (unsigned i = 1; i < btf_vlen(function); ++i) {
    if (i > 1) list += ", ";
    list += spelling(types, btf_params(function)[i].type);
  }
  return list;
}

void read_enumerators(const btf* types, const btf_type* type, const Wanted& wanted, doctor::KernelTypes& found) {
  const struct btf_enum* values = btf_enum(type);
  const std::string_view enumeration = name_at(types, type->name_off);
  const bool is_resets = enumeration == kReasonEnum;
  const bool is_drops = enumeration == kDropEnum;
  for (unsigned i = 0; i < btf_vlen(type); ++i) {
    const std::string_view name = name_at(types, values[i].name_off);
    if (wanted.enumerators.contains(name)) found.enumerators.emplace(name);
    const auto value = static_cast<std::uint32_t>(values[i].val);
    if (is_resets && values[i].val >= 0 && name.starts_with(kReasonPrefix)) {
      found.reset_reasons.emplace(value, std::string(name.substr(kReasonPrefix.size())));
    } else if (is_drops && name.starts_with(kDropPrefix) && model::is_drop(name.substr(kDropPrefix.size()))) {
      found.drop_reasons.emplace(value, std::string(name.substr(kDropPrefix.size())));
    }
  }
}

// btf__load_vmlinux_btf() looks in several places and says only that none has them.
int why_no_types() {
  if (::access(kTypes, F_OK) != 0) return errno;
  const std::unique_ptr<btf, BtfDeleter> types(btf__parse(kTypes, nullptr));
  return types ? EAGAIN : errno;
}

}  // namespace

doctor::KernelTypes kernel_types_of(const btf* types) {
  const Wanted wanted;
  doctor::KernelTypes found;
  const unsigned count = btf__type_cnt(types);
  for (unsigned id = 1; id < count; ++id) {
    const btf_type* type = btf__type_by_id(types, id);
    if (btf_is_enum(type)) {
      read_enumerators(types, type, wanted, found);
    } else if (btf_is_func(type)) {
      // The helpers' own functions: a helper that tracing programs may call has one compiled in.
      const std::string_view name = name_at(types, type->name_off);
      if (wanted.functions.contains(name)) found.functions.emplace(name);
    } else if (btf_is_typedef(type)) {
      std::string_view name = name_at(types, type->name_off);
      if (!name.starts_with(kTracepointPrefix)) continue;
      name.remove_prefix(kTracepointPrefix.size());
      if (wanted.tracepoints.contains(name)) found.tracepoints.emplace(name, arguments_of(types, type));
    }
  }
  return found;
}

Result<doctor::KernelTypes> read_kernel_types() {
  hush_libbpf();
  const std::unique_ptr<btf, BtfDeleter> types(btf__load_vmlinux_btf());
  if (!types) return tl::unexpected(doctor::no_types(::access("/sys/kernel", F_OK) == 0, why_no_types()));
  return kernel_types_of(types.get());
}

}  // namespace tcpdiag::bpf
