// SPDX-License-Identifier: Apache-2.0
// The machine around the kernel: namespaces, cgroups, network cards.
#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <string_view>

#include "doctor/rows.h"

namespace tcpdiag::doctor {
namespace {

constexpr std::string_view kEnaDriver = "ena";
constexpr std::size_t kMostDevicesNamed = 4;

Row row(std::string id, std::string name, Weight weight) {
  return {.id = std::move(id),
          .name = std::move(name),
          .group = Group::kHost,
          .weight = weight,
          .found = {},
          .lost = {},
          .hint = {}};
}

Row pid_namespace_row(const model::Machine& machine) {
  Row out = row("pid_namespace", "the host's process numbers", Weight::kOptional);
  if (!machine.sees_host_pids) {
    out.found = "not known: /proc does not tell";
  } else if (*machine.sees_host_pids) {
    allow(out, "seen here");
  } else {
    refuse(out, "this is a container with numbers of its own", "-p is refused; cgroups of processes are not shown",
           "docker: --pid=host; Kubernetes: hostPID: true");
  }
  return out;
}

Row own_netns_row(const model::Machine& machine) {
  Row out = row("network_namespace", "this network namespace", Weight::kNote);
  if (!machine.netns) {
    out.found = "not known: /proc does not tell";
  } else if (machine.netns->own_is_initial) {
    allow(out, fmt::format("the host's ({})", machine.netns->own_inode));
  } else {
    refuse(out, fmt::format("a container's, or another one apart from the host's ({})", machine.netns->own_inode),
           "without --netns a trace sees the sockets of this namespace only, and not its uplink",
           "docker: --network=host; Kubernetes: hostNetwork: true; or --netns PID");
  }
  return out;
}

Row other_netns_row(const model::Machine& machine) {
  Row out = row("other_namespaces", "other network namespaces", Weight::kOptional);
  const auto& capabilities = machine.privileges.capabilities;
  const bool is_admin = capabilities && (capabilities->effective >> CAP_SYS_ADMIN & 1U) != 0;
  const std::string lost = "--netns, and -p with a process of another namespace";
  if (!machine.netns) {
    out.found = "not known: /proc does not tell";
  } else if (machine.netns->others == 0 && (is_admin || !capabilities)) {
    out.answer = is_admin ? Answer::kYes : Answer::kUnknown;
    out.found = "none is seen";
  } else if (machine.netns->others == 0) {
    refuse(out, "none is seen, and none could be entered (no CAP_SYS_ADMIN)", lost,
           "run it with sudo; in a container: --cap-add SYS_ADMIN");
  } else if (machine.netns->enterable == machine.netns->others) {
    allow(out, fmt::format("{} seen, all can be entered", machine.netns->others));
  } else {
    refuse(out, fmt::format("{} seen, {} can be entered", machine.netns->others, machine.netns->enterable), lost,
           "run it with sudo; in a container: --cap-add SYS_ADMIN --cap-add SYS_PTRACE");
  }
  if (machine.netns && machine.netns->hidden > 0) {
    out.found += fmt::format("; those of {} processes are hidden from this user", machine.netns->hidden);
  }
  return out;
}

Row cgroup_row(const model::Machine& machine) {
  Row out = row("cgroup2", "cgroups of version 2", Weight::kOptional);
  if (!machine.cgroups) {
    out.found = "not known: /proc does not tell";
  } else if (!machine.cgroups->v2.empty()) {
    allow(out, "at " + machine.cgroups->v2 + (machine.cgroups->v1 ? ", beside version 1" : ""));
  } else {
    refuse(out, machine.cgroups->v1 ? "only those of version 1 are mounted" : "none are mounted",
           "--cgroup; whose cgroup a process is in",
           machine.cgroups->v1 ? "boot with systemd.unified_cgroup_hierarchy=1"
                               : "mount -t cgroup2 cgroup2 /sys/fs/cgroup; in a container: mount the host's");
  }
  return out;
}

Row timestamps_row(const model::Machine& machine) {
  Row out = row("tcp_timestamps", "TCP timestamps", Weight::kOptional);
  if (!machine.tcp_timestamps) {
    out.found = "not known: /proc/sys/net does not tell";
  } else if (*machine.tcp_timestamps != 0) {
    allow(out, fmt::format("net.ipv4.tcp_timestamps {}", *machine.tcp_timestamps));
  } else {
    refuse(out, "net.ipv4.tcp_timestamps 0",
           "queueing on the way from the peer, one way (path_queue_in), is not measured",
           "sysctl net.ipv4.tcp_timestamps=1; it holds for new connections");
  }
  return out;
}

Row instance_row(const model::Machine& machine) {
  Row out = row("instance_type", "EC2 instance type", Weight::kNote);
  const model::HostInfo& host = machine.host;
  if (host.instance_type) {
    allow(out, fmt::format("{} ({})", *host.instance_type, host.instance_type_source));
  } else if (machine.is_ec2 == false) {
    refuse(out, "the firmware (DMI) is not EC2's", "the baseline of this host's network is not known",
           "--instance-type TYPE, if it is an instance all the same");
  } else {
    out.found = "the firmware (DMI) does not tell";
    out.lost = "the baseline of this host's network";
    out.hint = "--instance-type TYPE, or --imds, which asks EC2's metadata service";
  }
  return out;
}

bool is_relevant(const model::NicSample& nic) { return nic.counters_supported || nic.driver == kEnaDriver; }

std::string driver_of(const model::NicSample& nic) {
  if (nic.driver.empty()) return "driver not told";
  return nic.driver_version.empty() ? nic.driver : nic.driver + " " + nic.driver_version;
}

constexpr const char* kLostWithoutCounters = "whether the cloud throttles this host: bandwidth, packets, connections";

Row nic_row(const model::NicSample& nic) {
  Row out = row("nic." + nic.device, "allowances of " + nic.device, Weight::kOptional);
  std::string has;
  std::string lacks;
  for (const char* allowance : model::kAllowances) {
    std::string& list = nic.exceeded.contains(allowance) ? has : lacks;
    list += fmt::format("{}{}", list.empty() ? "" : " ", allowance);
  }
  if (has.empty()) {
    refuse(out, driver_of(nic) + ": none are counted", kLostWithoutCounters, "ENA driver 2.2.10 or later has them");
    return out;
  }
  allow(out, driver_of(nic) + ": " + has + (lacks.empty() ? "" : "; not " + lacks));
  return out;
}

// Of devices that count nothing one row is enough: a host of containers has hundreds.
Row other_nics_row(const std::vector<model::NicSample>& nics, bool is_ec2) {
  Row out = row("nic", "allowances of network devices", is_ec2 ? Weight::kOptional : Weight::kNote);
  std::string list;
  for (std::size_t i = 0; i < nics.size() && i < kMostDevicesNamed; ++i) {
    list += fmt::format("{}{} ({})", i == 0 ? "" : ", ", nics[i].device, driver_of(nics[i]));
  }
  if (nics.size() > kMostDevicesNamed) list += fmt::format(" and {} more", nics.size() - kMostDevicesNamed);
  refuse(out, nics.empty() ? "no network device is up" : "none are counted: " + list, kLostWithoutCounters,
         is_ec2 ? "trace where the uplink is (docker: --network=host); ENA driver 2.2.10 or later counts them"
                : "only EC2's ENA driver counts them");
  return out;
}

void append_nics(const model::Machine& machine, std::vector<Row>& rows) {
  if (!machine.nics) {
    Row out = row("nic", "allowances of network devices", Weight::kNote);
    out.found = "the devices of this network namespace could not be asked";
    rows.push_back(std::move(out));
    return;
  }
  for (const model::NicSample& nic : *machine.nics) {
    if (is_relevant(nic)) rows.push_back(nic_row(nic));
  }
  if (!std::ranges::any_of(*machine.nics, is_relevant)) {
    rows.push_back(other_nics_row(*machine.nics, machine.is_ec2.value_or(false)));
  }
}

}  // namespace

std::vector<Row> host_rows(const model::Machine& machine) {
  std::vector<Row> rows;
  rows.push_back(pid_namespace_row(machine));
  rows.push_back(own_netns_row(machine));
  rows.push_back(other_netns_row(machine));
  rows.push_back(cgroup_row(machine));
  rows.push_back(timestamps_row(machine));
  rows.push_back(instance_row(machine));
  append_nics(machine, rows);
  return rows;
}

}  // namespace tcpdiag::doctor
