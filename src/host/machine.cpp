// SPDX-License-Identifier: Apache-2.0
#include "host/machine.h"

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "host/cgroup.h"
#include "host/facts.h"
#include "host/files.h"
#include "host/instance.h"
#include "host/nic.h"
#include "host/privileges.h"
#include "host/process.h"
#include "host/sysctls.h"
#include "util/io.h"

namespace tcpdiag::host {
namespace {

bool can_enter(const std::string& path, const NetnsPlaces& places) {
  const Result<Netns> netns = find_netns(path, places);
  return netns && run_in_netns(*netns, [] {});
}

std::optional<bool> is_ec2() {
  const std::optional<std::string> vendor = read_small_file("/sys/class/dmi/id/sys_vendor");
  if (!vendor) return std::nullopt;
  return vendor->starts_with("Amazon EC2");
}

}  // namespace

std::optional<model::NetnsReach> netns_reach(const NetnsPlaces& places) {
  const Result<Netns> own = own_netns(places);
  if (!own) return std::nullopt;
  model::NetnsReach reach;
  reach.own_inode = own->inode;
  reach.own_is_initial = own->is_initial;
  std::set<std::uint64_t> seen{own->inode};
  const auto meet = [&](const std::string& path) {
    const std::optional<FileIdentity> identity = identity_at(path);
    if (!identity || reach.others >= kMostNetnsTried || !seen.insert(identity->inode).second)
      return identity.has_value();
    ++reach.others;
    if (can_enter(path, places)) ++reach.enterable;
    return true;
  };
  for (const std::string& directory : places.named) {
    for (const std::string& name : names_in(directory)) meet(directory + "/" + name);
  }
  for (const std::uint32_t pid : numbers_in(places.proc)) {
    const std::string path = places.proc + "/" + std::to_string(pid) + "/ns/net";
    if (!meet(path) && (errno == EACCES || errno == EPERM) && !is_zombie(pid, places.proc)) ++reach.hidden;
  }
  return reach;
}

model::Machine read_machine(std::time_t now) {
  model::Machine machine;
  machine.host = host_facts(now);
  machine.host.instance_type = instance_type_from_dmi();
  if (machine.host.instance_type) machine.host.instance_type_source = "dmi";
  machine.is_ec2 = is_ec2();
  machine.privileges = read_privileges();
  if (process_exists(static_cast<std::uint32_t>(::getpid()))) machine.sees_host_pids = shows_host_pids();
  machine.netns = netns_reach();
  machine.cgroups = cgroup_trees();
  if (const Result<Netns> own = own_netns()) {
    machine.tcp_timestamps = read_netns_sysctls(*own).timestamps;
    if (auto nics = NicStatistics::open(*own)) machine.nics = nics->read({});
  }
  return machine;
}

}  // namespace tcpdiag::host
