// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag doctor` as one JSON object, "tcpdiag.doctor/1".
#include <array>
#include <limits>

#include "report/doctor.h"
#include "report/json.h"

namespace tcpdiag::report {
namespace {

const char* name_of(model::Lockdown lockdown) {
  switch (lockdown) {
    case model::Lockdown::kNone:
      return "none";
    case model::Lockdown::kIntegrity:
      return "integrity";
    case model::Lockdown::kConfidentiality:
      return "confidentiality";
  }
  return "none";
}

const char* name_of(model::Seccomp seccomp) {
  switch (seccomp) {
    case model::Seccomp::kDisabled:
      return "disabled";
    case model::Seccomp::kStrict:
      return "strict";
    case model::Seccomp::kFilter:
      return "filter";
  }
  return "disabled";
}

// capabilities(7); the numbers are the kernel's (linux/capability.h) and never change.
struct Capability {
  const char* name;
  unsigned number;
};
constexpr std::array kCapabilities{Capability{"CAP_NET_ADMIN", 12}, Capability{"CAP_SYS_PTRACE", 19},
                                   Capability{"CAP_SYS_ADMIN", 21}, Capability{"CAP_SYS_RESOURCE", 24},
                                   Capability{"CAP_PERFMON", 38},   Capability{"CAP_BPF", 39}};

Json capabilities_json(const std::optional<model::Capabilities>& sets) {
  if (!sets) return nullptr;
  Json out = Json::object();
  for (const Capability& one : kCapabilities) {
    const auto in = [&one](std::uint64_t set) { return (set >> one.number & 1U) != 0; };
    out[one.name] = {
        {"effective", in(sets->effective)}, {"permitted", in(sets->permitted)}, {"bounding", in(sets->bounding)}};
  }
  return out;
}

Json privileges_json(const model::Privileges& privileges) {
  const bool unlimited = privileges.memlock_bytes == std::numeric_limits<std::uint64_t>::max();
  return {{"uid", privileges.uid},
          {"capabilities", capabilities_json(privileges.capabilities)},
          {"initial_user_namespace", or_null(privileges.initial_user_namespace)},
          {"lockdown", privileges.lockdown ? Json(name_of(*privileges.lockdown)) : Json(nullptr)},
          {"seccomp", privileges.seccomp ? Json(name_of(*privileges.seccomp)) : Json(nullptr)},
          {"locked_memory_unlimited", privileges.memlock_bytes ? Json(unlimited) : Json(nullptr)},
          {"locked_memory_bytes", unlimited ? Json(nullptr) : or_null(privileges.memlock_bytes)},
          {"unprivileged_bpf_disabled", or_null(privileges.unprivileged_bpf_disabled)},
          {"perf_event_paranoid", or_null(privileges.perf_event_paranoid)},
          {"kptr_restrict", or_null(privileges.kptr_restrict)}};
}

Json row_json(const doctor::Row& row) {
  Json out;
  out["id"] = text_json(row.id);
  out["name"] = text_json(row.name);
  out["group"] = doctor::to_string(row.group);
  out["weight"] = doctor::to_string(row.weight);
  out["answer"] = doctor::to_string(row.answer);
  out["found"] = text_or_null(row.found);
  out["lost"] = text_or_null(row.lost);
  out["cure"] = text_or_null(row.hint);
  out["programs"] = texts_json(row.programs);
  return out;
}

Json nics_json(const std::optional<std::vector<model::NicSample>>& nics) {
  if (!nics) return nullptr;
  Json list = Json::array();
  for (const model::NicSample& nic : *nics) {
    Json allowances = Json::array();
    for (const char* allowance : model::kAllowances) {
      if (nic.exceeded.contains(allowance)) allowances.push_back(allowance);
    }
    list.push_back({{"device", text_json(nic.device)},
                    {"driver", text_or_null(nic.driver)},
                    {"driver_version", text_or_null(nic.driver_version)},
                    {"counters_supported", nic.counters_supported},
                    {"allowances_counted", std::move(allowances)}});
  }
  return list;
}

}  // namespace

std::string render_doctor_json(const doctor::Examination& examination, const DoctorHeader& header) {
  const model::Machine& machine = examination.machine;
  JsonDocument out;
  out.add("schema", "tcpdiag.doctor/1");
  out.add("tool",
          {{"name", "tcpdiag"}, {"version", text_json(header.tool_version)}, {"git", text_or_null(header.tool_git)}});
  out.add("command", texts_json(header.command));
  out.add("answer", text_json(examination.answer));
  out.add("verdict", doctor::to_string(examination.verdict));
  out.add("can_trace", examination.verdict != doctor::Readiness::kCannot);
  out.add("host", host_json(machine.host));
  out.add("rights", privileges_json(machine.privileges));
  const auto row = [&](std::size_t i) { return row_json(examination.rows[i]); };
  out.add_list("rows", examination.rows.size(), row);
  out.add("abilities", features_json(examination.features));
  out.add("nic", nics_json(machine.nics));
  return out.take();
}

}  // namespace tcpdiag::report
