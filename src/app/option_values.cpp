// SPDX-License-Identifier: Apache-2.0
#include "app/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>

#include "app/option_parsing.h"
#include "host/instance.h"
#include "model/expression.h"
#include "util/duration.h"
#include "util/escape.h"
#include "util/number.h"
#include "util/size.h"

namespace tcpdiag::app {
namespace {

using model::Address;
using model::Cidr;

constexpr std::size_t kSmallestRing = std::size_t{64} << 10;
constexpr std::size_t kLargestRing = std::size_t{1} << 30;
constexpr std::uint32_t kMostEndpoints = 4096;
constexpr std::size_t kMostSockets = 1'000'000;
// By way of a geostationary satellite it is 0.6 s.
constexpr model::Duration kLargestFloor = std::chrono::seconds{10};

// Its form alone: which types there are is not this program's to say, new ones come every month.
std::optional<std::string> parse_instance_type(std::string_view text) {
  return host::is_instance_type(text) ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<std::uint64_t> parse_ring_size(std::string_view text) {
  const std::optional<std::uint64_t> bytes = parse_size(text);
  const bool fits = bytes && *bytes >= kSmallestRing && *bytes <= kLargestRing && std::has_single_bit(*bytes);
  return fits ? bytes : std::nullopt;
}

// A bare number would be seconds, as everywhere, but whoever writes one here means milliseconds: it is asked for.
std::optional<model::Duration> parse_floor(std::string_view text) {
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return std::nullopt;
  const std::optional<model::Duration> floor = parse_duration(text);
  const bool fits = floor && *floor >= std::chrono::microseconds{1} && *floor <= kLargestFloor;
  return fits ? floor : std::nullopt;
}

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

Result<model::Filters> to_filters(const TypedTraceOptions& typed) {
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

}  // namespace

Result<TraceOptions> to_trace_options(const TypedTraceOptions& typed) {
  auto filters = to_filters(typed);
  if (!filters) return tl::unexpected(filters.error());
  auto duration = one_of<model::Duration>("--duration", typed.duration, parse_duration, "duration",
                                          "write 30s, 5m, 1h or 500ms; a bare number is seconds; at most a year");
  if (!duration) return tl::unexpected(duration.error());
  auto floor = one_of<model::Duration>("--floor", typed.floor, parse_floor, "round-trip time",
                                       "write 0.5ms or 200us, with the unit, from 1us to 10s");
  if (!floor) return tl::unexpected(floor.error());
  auto format =
      one_of<Format>("--format", typed.format, one_word_of<Format>({{"text", Format::kText}, {"json", Format::kJson}}),
                     "format", "text or json");
  if (!format) return tl::unexpected(format.error());
  auto output = one_of<std::string>("--output", typed.output, any_text, "file", "name a file");
  if (!output) return tl::unexpected(output.error());
  auto fail_on = one_of<model::Severity>("--fail-on", typed.fail_on,
                                         one_word_of<model::Severity>({{"notice", model::Severity::kNotice},
                                                                       {"warning", model::Severity::kWarning},
                                                                       {"critical", model::Severity::kCritical}}),
                                         "severity", "notice, warning or critical");
  if (!fail_on) return tl::unexpected(fail_on.error());
  auto sockets = one_of<std::size_t>("--sockets", typed.sockets, number_from_to<std::size_t>(0, kMostSockets),
                                     "number of sockets", "a number from 0 to 1000000");
  if (!sockets) return tl::unexpected(sockets.error());
  auto ring = one_of<std::uint64_t>("--ring-size", typed.ring_size, parse_ring_size, "ring size",
                                    "a power of two from 64KiB to 1GiB, such as 8MiB");
  if (!ring) return tl::unexpected(ring.error());
  auto endpoints =
      one_of<std::uint32_t>("--max-endpoints", typed.max_endpoints, number_from_to<std::uint32_t>(1, kMostEndpoints),
                            "number of endpoints", fmt::format("a number from 1 to {}", kMostEndpoints));
  if (!endpoints) return tl::unexpected(endpoints.error());
  constexpr std::string_view kTypes = "types are such as t4g.micro or cache.m7g.large, in small letters";
  auto instance_type =
      one_of<std::string>("--instance-type", typed.instance_type, parse_instance_type, "instance type", kTypes);
  if (!instance_type) return tl::unexpected(instance_type.error());
  auto peer_instance =
      one_of<std::string>("--peer-instance", typed.peer_instance, parse_instance_type, "instance type", kTypes);
  if (!peer_instance) return tl::unexpected(peer_instance.error());

  TraceOptions options;
  options.filters = std::move(*filters);
  options.duration = *duration;
  options.floor = *floor;
  options.format = format->value_or(options.format);
  options.output = output->value_or("");
  if (options.output == "-") options.output.clear();  // as everywhere: standard output
  options.force = typed.force;
  options.fail_on = *fail_on;
  options.sockets = *sockets;
  options.ring_bytes = ring->value_or(options.ring_bytes);
  options.max_endpoints = endpoints->value_or(options.max_endpoints);
  options.instance_type = instance_type->value_or("");
  options.peer_instance = peer_instance->value_or("");
  options.imds = typed.imds;
  return options;
}

}  // namespace tcpdiag::app
