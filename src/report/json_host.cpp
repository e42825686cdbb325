// SPDX-License-Identifier: Apache-2.0
// The JSON of the circumstances: which tool with which filters on which host, how its TCP is set, its network cards.
#include <cstdint>
#include <optional>
#include <vector>

#include "report/json.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

// All limits of a card that has counters; null for those that its driver has not, or that were not read twice.
Json exceeded_json(const model::NicPicture& nic) {
  if (!nic.counters_supported) return nullptr;
  Json out = Json::object();
  for (const char* name : model::kAllowances) out[name] = nullptr;
  for (const model::AllowanceLimit& limit : nic.limits) out[limit.limit] = limit.delta;
  return out;
}

Json per_second_json(const model::NicPicture& nic) {
  if (!nic.counters_supported) return nullptr;
  Json out = Json::object();
  for (const model::AllowanceLimit& limit : nic.limits) out[limit.limit] = limit.per_second;
  return out;
}

Json limits_json(const JsonContext& context, const model::NicPicture& nic) {
  Json out = Json::array();
  for (const model::AllowanceLimit& limit : nic.limits) {
    out.push_back({{"limit", limit.limit},
                   {"delta", limit.delta},
                   {"seconds_with_delta", limit.seconds_with_delta},
                   {"max_per_s", limit.max_per_s},
                   {"max_per_minute", limit.max_per_minute},
                   {"first_at", context.at(limit.first_at)},
                   {"last_at", context.at(limit.last_at)}});
  }
  return out;
}

Json blocks(const std::vector<model::Cidr>& blocks) {
  Json out = Json::array();
  for (const model::Cidr& block : blocks) out.push_back(block.to_string());
  return out;
}

Json seconds_or_null(const std::optional<std::uint32_t>& value) {
  return value ? Json(static_cast<double>(*value)) : Json(nullptr);
}

}  // namespace

Json tool_json(const model::TraceStart& start) {
  return {{"name", "tcpdiag"}, {"version", text_json(start.tool_version)}, {"git", text_or_null(start.tool_git)}};
}

Json filters_json(const model::Filters& filters) {
  Json cgroups = Json::array();
  for (const model::CgroupFilter& cgroup : filters.cgroups) cgroups.push_back(text_json(cgroup.path));
  return {{"pid", filters.pids},
          {"children", filters.children},
          {"comm", texts_json(filters.comms)},
          {"local_port", filters.local_ports},
          {"remote_port", filters.remote_ports},
          {"local", blocks(filters.local)},
          {"remote", blocks(filters.remote)},
          {"family", filters.families},
          {"netns", texts_json(filters.netns_as_given)},
          {"cgroup", std::move(cgroups)},
          {"role", filters.role ? role_json(*filters.role) : Json(nullptr)},
          {"expression", filters.expression ? text_json(filters.expression->text) : Json(nullptr)}};
}

Json features_json(const std::vector<model::Feature>& features) {
  Json out = Json::object();
  for (const model::Feature& feature : features) {
    out[valid_utf8(feature.name)] = {{"available", feature.available}, {"reason", text_or_null(feature.reason)}};
  }
  return out;
}

Json host_json(const model::HostInfo& host) {
  return {{"hostname", text_json(host.hostname)},
          {"kernel", text_json(host.kernel)},
          {"arch", text_json(host.arch)},
          {"instance_type", text_or_null(host.instance_type.value_or(""))},
          {"instance_type_source", text_or_null(host.instance_type ? host.instance_type_source : "")},
          {"utc_offset_s", host.utc_offset_s},
          {"cpus", host.cpus}};
}

Json tcp_sysctls_json(const std::vector<model::NetnsInfo>& namespaces) {
  Json out = Json::array();
  for (const model::NetnsInfo& netns : namespaces) {
    const model::TcpSysctls& sysctls = netns.sysctls;
    const Json rto_max_us = sysctls.rto_max_ms ? Json(std::uint64_t{1000} * *sysctls.rto_max_ms) : Json(nullptr);
    out.push_back({{"netns_inode", netns.inode},
                   {"somaxconn", or_null(netns.somaxconn)},
                   {"syn_retries", or_null(sysctls.syn_retries)},
                   {"synack_retries", or_null(sysctls.synack_retries)},
                   {"retries2", or_null(sysctls.retries2)},
                   {"orphan_retries", or_null(sysctls.orphan_retries)},
                   {"fin_timeout_s", seconds_or_null(sysctls.fin_timeout_s)},
                   {"keepalive_time_s", seconds_or_null(sysctls.keepalive_time_s)},
                   {"keepalive_intvl_s", seconds_or_null(sysctls.keepalive_intvl_s)},
                   {"keepalive_probes", or_null(sysctls.keepalive_probes)},
                   {"rto_min_us", or_null(sysctls.rto_min_us)},
                   {"rto_max_us", rto_max_us},
                   {"syn_linear_timeouts", or_null(sysctls.syn_linear_timeouts)},
                   {"syncookies", or_null(sysctls.syncookies)}});
  }
  return out;
}

Json nics_json(const JsonContext& context) {
  Json out = Json::array();
  for (const model::NicPicture& nic : context.report.picture.nics) {
    out.push_back({{"device", text_json(nic.device)},
                   {"netns_inode", nic.netns_inode},
                   {"driver", text_or_null(nic.driver)},
                   {"driver_version", text_or_null(nic.driver_version)},
                   {"counters_supported", nic.counters_supported},
                   {"driver_reset", nic.driver_reset},
                   {"allowance_exceeded", exceeded_json(nic)},
                   {"conntrack_available_min", or_null(nic.conntrack_available_min)},
                   {"per_second", per_second_json(nic)},
                   {"limits", limits_json(context, nic)}});
  }
  return out;
}

}  // namespace tcpdiag::report
