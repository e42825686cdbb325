// SPDX-License-Identifier: Apache-2.0
#include "cli/filter_options.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "model/expression.h"
#include "util/escape.h"

namespace tcpdiag::cli {
namespace {

using model::Address;
using model::Cidr;

// Which IP families an address block can match.
struct Families {
  bool v4 = false;
  bool v6 = false;
  bool any() const { return v4 || v6; }
  Families operator&(Families other) const { return {.v4 = v4 && other.v4, .v6 = v6 && other.v6}; }
};

Families families_of(const Cidr& block) {
  constexpr int kMappedPrefix = 96;  // IPv4 is ::ffff:0:0/96 here
  if (block.address.is_v4() && block.prefix_length >= kMappedPrefix) return {.v4 = true, .v6 = false};
  const bool also_v4 = block.contains(*Address::parse("0.0.0.0"));
  return {.v4 = also_v4, .v6 = true};
}

Families families_of(const std::vector<Cidr>& blocks) {
  if (blocks.empty()) return {.v4 = true, .v6 = true};
  Families all;
  for (const Cidr& block : blocks) {
    const Families one = families_of(block);
    all.v4 = all.v4 || one.v4;
    all.v6 = all.v6 || one.v6;
  }
  return all;
}

// With -4 or -6 alone every address must be of that family: one that is not was a slip, even beside others.
Result<> check_family(const std::vector<int>& families, std::string_view option, const std::vector<Cidr>& blocks) {
  if (families.size() != 1) return {};
  for (const Cidr& block : blocks) {
    const Families can = families_of(block);
    if (families[0] == 4 ? can.v4 : can.v6) continue;
    return contradiction(fmt::format("-{} contradicts {} {}, which is IPv{}", families[0], option, block.to_string(),
                                     families[0] == 4 ? 6 : 4),
                         "leave one of them out");
  }
  return {};
}

Result<> check_contradictions(const model::Filters& filters) {
  for (const auto& [option, blocks] : {std::pair("-a", &filters.local), std::pair("-A", &filters.remote)}) {
    Result<> sound = check_family(filters.families, option, *blocks);
    if (!sound) return sound;
  }
  if (!(families_of(filters.local) & families_of(filters.remote)).any()) {
    return contradiction(fmt::format("-a {} and -A {} are of different IP families: no socket has both",
                                     filters.local[0].to_string(), filters.remote[0].to_string()),
                         "leave one of them out");
  }
  return {};
}

// The kernel keeps the first 15 bytes of a name (TASK_COMM_LEN): a longer one would match nothing.
Result<> check_comms(const std::vector<std::string>& comms) {
  constexpr std::size_t kLongest = 15;
  for (const std::string& comm : comms) {
    if (comm.size() <= kLongest) continue;
    return fail(ExitCode::kUsage, fmt::format("--comm: '{}' is longer than {} bytes", escape_terminal(comm), kLongest),
                fmt::format("the kernel keeps {}: write '{}'", kLongest, escape_terminal(comm.substr(0, kLongest))));
  }
  return {};
}

Result<std::optional<model::Expression>> to_expression(const Typed& words) {
  if (words.empty()) return std::optional<model::Expression>();
  auto expression = model::parse_expression(fmt::format("{}", fmt::join(words, " ")));
  if (!expression) return tl::unexpected(expression.error());
  return std::move(*expression);
}

}  // namespace

Result<model::Filters> to_filters(const TypedFilters& typed) {
  constexpr std::string_view kPorts = "ports are numbers from 1 to 65535, such as 443 or 80,443";
  constexpr std::string_view kAddresses = "write 10.0.0.1, 10.0.0.0/24 or fd00::/8; names are not looked up";
  const auto port = number_from_to<std::uint16_t>(1, 65535);
  model::Filters filters;

  auto pids = list_of<std::uint32_t>("--pid", typed.pid, number_from_to<std::uint32_t>(1, 1U << 22), "process id",
                                     "process ids are numbers, as `ps -e` shows them");
  if (!pids) return tl::unexpected(pids.error());
  if (typed.children && pids->empty()) {
    return contradiction("--children needs the process whose children are meant", "name it with -p PID");
  }
  auto comms = list_of<std::string>("--comm", typed.comm, any_text, "command name",
                                    "names are as `ps -e` shows them, such as redis-server");
  if (!comms) return tl::unexpected(comms.error());
  if (const Result<> fit = check_comms(*comms); !fit) return tl::unexpected(fit.error());
  auto cgroups = list_of<std::string>("--cgroup", typed.cgroup, any_text, "cgroup",
                                      "give a path such as /system.slice/puma.service, or an id");
  if (!cgroups) return tl::unexpected(cgroups.error());
  auto local_ports = list_of<std::uint16_t>("--local-port", typed.local_port, port, "port", kPorts);
  if (!local_ports) return tl::unexpected(local_ports.error());
  auto remote_ports = list_of<std::uint16_t>("--remote-port", typed.remote_port, port, "port", kPorts);
  if (!remote_ports) return tl::unexpected(remote_ports.error());
  auto local = list_of<Cidr>("--local", typed.local, Cidr::parse, "IP address", kAddresses);
  if (!local) return tl::unexpected(local.error());
  auto remote = list_of<Cidr>("--remote", typed.remote, Cidr::parse, "IP address", kAddresses);
  if (!remote) return tl::unexpected(remote.error());
  auto netns = list_of<std::string>("--netns", typed.netns, any_text, "network namespace",
                                    "give a process id, a path, a name under /run/netns or an inode");
  if (!netns) return tl::unexpected(netns.error());
  auto roles = list_of<model::Role>(
      "--role", typed.role,
      one_word_of<model::Role>({{"outbound", model::Role::kOutbound}, {"inbound", model::Role::kInbound}}), "role",
      "outbound (this host connected) or inbound (it accepted)");
  if (!roles) return tl::unexpected(roles.error());
  auto expression = to_expression(typed.expression);
  if (!expression) return tl::unexpected(expression.error());

  filters.pids = std::move(*pids);
  filters.children = typed.children;
  filters.comms = std::move(*comms);
  for (std::string& path : *cgroups) filters.cgroups.push_back({.path = std::move(path), .id = 0, .below = {}});
  filters.local_ports = std::move(*local_ports);
  filters.remote_ports = std::move(*remote_ports);
  filters.local = std::move(*local);
  filters.remote = std::move(*remote);
  filters.netns_as_given = std::move(*netns);
  if (typed.ipv4) filters.families.push_back(4);
  if (typed.ipv6) filters.families.push_back(6);
  filters.expression = std::move(*expression);
  if (roles->size() == 1) filters.role = roles->front();  // both: any role
  if (const Result<> sound = check_contradictions(filters); !sound) return tl::unexpected(sound.error());
  return filters;
}

}  // namespace tcpdiag::cli
