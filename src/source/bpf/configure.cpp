// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/configure.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string>
#include <vector>

#include "tcpdiag.skel.h"
#include "util/io.h"

namespace tcpdiag::bpf {

tl::unexpected<Error> load_error(const char* doing, int error) {
  const int code = error < 0 ? -error : error;
  if (code == EPERM) {  // EACCES is the verifier's
    return fail(ExitCode::kNotAble, fmt::format("not permitted to {} the kernel programs", doing),
                "run it with sudo; 'tcpdiag doctor' says what is missing");
  }
  if (code == ENOMEM || code == ESRCH) {  // ESRCH: libbpf has read the kernel's types before, and cannot once more
    return fail(ExitCode::kNotAble, fmt::format("no memory to {} the kernel programs", doing),
                "raise the limits of memory (ulimit -l and -v, memory.max of its cgroup), or lower --ring-size or "
                "--max-endpoints");
  }
  return fail(ExitCode::kNotAble,
              fmt::format("this kernel does not {} the kernel programs: {}", doing, std::strerror(code)),
              cure_of(code, "'tcpdiag doctor' says what is lost, TCPDIAG_DEBUG_BPF=1 what the kernel says"));
}

namespace {

static_assert(model::Expression::kMaxSteps == TCPD_EXPRESSION_STEPS);

constexpr std::uint8_t kPresent = 1;

// The length of a jiffy: the resolution of the coarse clocks is one tick (clock_getres(2)).
std::uint32_t tick_ns() {
  timespec resolution{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0 || resolution.tv_nsec <= 0) return 4'000'000;
  return static_cast<std::uint32_t>(resolution.tv_nsec);
}

std::uint8_t op_of(model::ExpressionOp op) {
  switch (op) {
    case model::ExpressionOp::kNet:
      return TCPD_EXPR_NET;
    case model::ExpressionOp::kPort:
      return TCPD_EXPR_PORT;
    case model::ExpressionOp::kAnd:
      return TCPD_EXPR_AND;
    case model::ExpressionOp::kOr:
      return TCPD_EXPR_OR;
    case model::ExpressionOp::kNot:
      break;
  }
  return TCPD_EXPR_NOT;
}

tcpd_expression_step step_of(const model::ExpressionStep& from) {
  tcpd_expression_step step{};
  step.op = op_of(from.op);
  step.local = from.side != model::ExpressionSide::kRemote;
  step.remote = from.side != model::ExpressionSide::kLocal;
  step.port_low = from.port_low;
  step.port_high = from.port_high;
  std::array<std::uint8_t, sizeof(step.mask)> mask{};
  for (int bit = 0; bit < from.net.prefix_length; ++bit) {
    mask[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  }
  std::memcpy(step.net, from.net.address.bytes.data(), sizeof(step.net));
  std::memcpy(step.mask, mask.data(), sizeof(step.mask));
  return step;
}

tcpd_comm comm_key(const std::string& comm) {
  tcpd_comm key{};
  std::memcpy(key.name, comm.data(), std::min(comm.size(), sizeof(key.name) - 1));
  return key;
}

tl::unexpected<Error> too_many(const bpf_map* map, std::size_t count) {
  return fail(ExitCode::kUsage,
              fmt::format("{} values for one filter, at most {} fit", count, bpf_map__max_entries(map)),
              "name fewer, or a wider address block");
}

template <typename Key>
Result<> fill_set(const bpf_map* map, const std::vector<Key>& keys) {
  if (keys.size() > bpf_map__max_entries(map)) return too_many(map, keys.size());
  for (const Key& key : keys) {
    const int error = bpf_map_update_elem(bpf_map__fd(map), &key, &kPresent, BPF_ANY);
    if (error != 0) return load_error("fill the filters of", error);
  }
  return {};
}

std::vector<tcpd_cidr_key> cidr_keys(const std::vector<model::Cidr>& blocks) {
  std::vector<tcpd_cidr_key> keys;
  for (const model::Cidr& block : blocks) {
    tcpd_cidr_key& key = keys.emplace_back();
    key.prefix_len = static_cast<std::uint32_t>(block.prefix_length);
    std::memcpy(key.addr, block.address.bytes.data(), sizeof(key.addr));
  }
  return keys;
}

std::vector<std::uint64_t> cgroup_keys(const std::vector<model::CgroupFilter>& cgroups) {
  std::vector<std::uint64_t> keys;
  for (const model::CgroupFilter& cgroup : cgroups) {
    keys.push_back(cgroup.id);
    keys.insert(keys.end(), cgroup.below.begin(), cgroup.below.end());
  }
  return keys;
}

}  // namespace

void configure(tcpdiag_bpf& skeleton, const source::LiveOptions& options, const doctor::Features& features) {
  const bool storage = features.works(doctor::kSocketStorage);
  const model::Filters& filters = options.filters;
  tcpd_config& config = skeleton.rodata->tcpd_cfg;
  config.tick_ns = tick_ns();
  config.only_netns = options.netns.size() == 1 ? options.netns.front().inode : 0;
  config.max_events_per_second = options.max_events_per_second;
  config.spare_slot = options.max_endpoints;
  config.have_sk_storage = storage;
  config.have_cookie = features.works(doctor::kSocketCookie);
  config.have_sock_from_file = storage;
  config.dns_names = options.dns_names;
  config.filter_pid = !filters.pids.empty();
  config.filter_comm = !filters.comms.empty();
  config.filter_cgroup = !filters.cgroups.empty();
  config.filter_local_port = !filters.local_ports.empty();
  config.filter_remote_port = !filters.remote_ports.empty();
  config.filter_local_addr = !filters.local.empty();
  config.filter_remote_addr = !filters.remote.empty();
  config.filter_family = filters.families.size() == 1 ? static_cast<std::uint8_t>(filters.families.front()) : 0;
  config.filter_role = TCPD_ROLE_UNKNOWN;
  if (filters.role == model::Role::kOutbound) config.filter_role = TCPD_ROLE_OUTBOUND;
  if (filters.role == model::Role::kInbound) config.filter_role = TCPD_ROLE_INBOUND;
  if (features.works(doctor::kPacketDrops)) {
    for (const auto& [reason, name] : features.drop_reasons()) {
      if (reason < TCPD_DROP_REASONS) skeleton.rodata->tcpd_drop_reasons[reason] = kPresent;
    }
  }
  if (filters.expression) {
    config.expression_steps = static_cast<std::uint8_t>(filters.expression->steps.size());
    config.expression_needs_port = filters.expression->needs_local_port();
    std::transform(filters.expression->steps.begin(), filters.expression->steps.end(),
                   std::begin(skeleton.rodata->tcpd_expression), step_of);
  }

  bpf_map__set_max_entries(skeleton.maps.tcpd_events, static_cast<std::uint32_t>(options.ring_bytes));
  bpf_map__set_max_entries(skeleton.maps.tcpd_endpoints, options.max_endpoints);
  bpf_map__set_max_entries(skeleton.maps.tcpd_free_slots, options.max_endpoints);
  bpf_map__set_max_entries(skeleton.maps.tcpd_stats, options.max_endpoints + 1);
  bpf_map__set_max_entries(skeleton.maps.tcpd_shared, options.max_endpoints + 1);
  bpf_map__set_max_entries(skeleton.maps.tcpd_socks, storage ? 1 : options.max_sockets);

  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton.obj) {
    bpf_program__set_autoload(program, features.loads(bpf_program__name(program), filters.children));
  }
}

Result<> add_pids(const tcpdiag_bpf& skeleton, const std::vector<std::uint32_t>& pids) {
  return fill_set(skeleton.maps.tcpd_pid_set, pids);
}

Result<> fill_maps(const tcpdiag_bpf& skeleton, const source::LiveOptions& options) {
  std::vector<std::uint32_t> inodes;
  for (const host::Netns& netns : options.netns) inodes.push_back(netns.inode);
  const model::Filters& filters = options.filters;
  std::vector<tcpd_comm> comms;
  std::transform(filters.comms.begin(), filters.comms.end(), std::back_inserter(comms), comm_key);
  const auto& maps = skeleton.maps;
  return fill_set(maps.tcpd_netns_set, inodes)
      .and_then([&] { return add_pids(skeleton, filters.pids); })
      .and_then([&] { return add_pids(skeleton, filters.descendants); })
      .and_then([&] { return add_pids(skeleton, options.probe_pids); })
      .and_then([&] { return fill_set(maps.tcpd_comm_set, comms); })
      .and_then([&] { return fill_set(maps.tcpd_cgroup_set, cgroup_keys(filters.cgroups)); })
      .and_then([&] { return fill_set(maps.tcpd_local_ports, filters.local_ports); })
      .and_then([&] { return fill_set(maps.tcpd_remote_ports, filters.remote_ports); })
      .and_then([&] { return fill_set(maps.tcpd_local_addrs, cidr_keys(filters.local)); })
      .and_then([&] { return fill_set(maps.tcpd_remote_addrs, cidr_keys(filters.remote)); });
}

}  // namespace tcpdiag::bpf
