// SPDX-License-Identifier: Apache-2.0
#include "probe/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "probe/decoder.h"
#include "tcpdiag.skel.h"

namespace tcpdiag::probe {

namespace {

constexpr std::uint8_t kPresent = 1;

// libbpf speaks only when asked to: its words are the verifier's, not a user's.
bool debugging() { return std::getenv("TCPDIAG_DEBUG_BPF") != nullptr; }

int print_if_debugging(libbpf_print_level, const char* format, va_list args) {
  return debugging() ? std::vfprintf(stderr, format, args) : 0;
}

struct SkeletonDeleter {
  void operator()(tcpdiag_bpf* skeleton) const { tcpdiag_bpf::destroy(skeleton); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

tl::unexpected<Error> load_error(const char* doing, int error) {
  const int code = error < 0 ? -error : error;
  if (code == EPERM) {  // EACCES is the verifier's
    return fail(ExitCode::kNotAble, fmt::format("not permitted to {} the kernel programs", doing),
                "run it with sudo; in a container it needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN on the host");
  }
  if (code == ENOMEM) {
    return fail(ExitCode::kNotAble, fmt::format("no memory to {} the kernel programs", doing),
                "raise the locked-memory limit (ulimit -l unlimited), or lower --ring-size or --max-endpoints");
  }
  return fail(ExitCode::kNotAble,
              fmt::format("this kernel does not {} the kernel programs: {}", doing, std::strerror(code)),
              "run again with TCPDIAG_DEBUG_BPF=1 and report what it prints");
}

// The length of a jiffy: the resolution of the coarse clocks is one tick (clock_getres(2)).
std::uint32_t tick_ns() {
  timespec resolution{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0 || resolution.tv_nsec <= 0) return 4'000'000;
  return static_cast<std::uint32_t>(resolution.tv_nsec);
}

tl::unexpected<Error> too_many(const bpf_map* map, std::size_t count) {
  return fail(ExitCode::kUsage,
              fmt::format("{} values for one filter, at most {} fit", count, bpf_map__max_entries(map)),
              "name fewer, or a wider address block");
}

template <typename Key, typename List>
Result<> fill_set(const bpf_map* map, const List& values) {
  if (values.size() > bpf_map__max_entries(map)) return too_many(map, values.size());
  for (const auto& value : values) {
    const Key key = static_cast<Key>(value);
    const int error = bpf_map_update_elem(bpf_map__fd(map), &key, &kPresent, BPF_ANY);
    if (error != 0) return load_error("fill the filters of", error);
  }
  return {};
}

Result<> fill_addresses(const bpf_map* map, const std::vector<model::Cidr>& blocks) {
  if (blocks.size() > bpf_map__max_entries(map)) return too_many(map, blocks.size());
  for (const model::Cidr& block : blocks) {
    tcpd_cidr_key key{};
    key.prefix_len = static_cast<std::uint32_t>(block.prefix_length);
    std::memcpy(key.addr, block.address.bytes.data(), sizeof(key.addr));
    const int error = bpf_map_update_elem(bpf_map__fd(map), &key, &kPresent, BPF_ANY);
    if (error != 0) return load_error("fill the filters of", error);
  }
  return {};
}

}  // namespace

struct Programs::Impl {
  std::unique_ptr<tcpdiag_bpf, SkeletonDeleter> skeleton;
  std::vector<std::unique_ptr<bpf_link, LinkDeleter>> links;
  int cpus = 1;
};

Programs::Programs(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Programs::~Programs() = default;
Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;

namespace {

void configure(tcpdiag_bpf& skeleton, const ProbeOptions& options, const KernelFeatures& features) {
  const model::Filters& filters = options.filters;
  tcpd_config& config = skeleton.rodata->tcpd_cfg;
  config.tick_ns = tick_ns();
  config.only_netns = options.netns.size() == 1 ? options.netns.front().inode : 0;
  config.have_sk_storage = features.sk_storage_in_tracing;
  config.have_cookie = features.cookie_in_tracing;
  config.have_sock_from_file = features.sock_from_file;
  config.filter_pid = !filters.pids.empty();
  config.filter_local_port = !filters.local_ports.empty();
  config.filter_remote_port = !filters.remote_ports.empty();
  config.filter_local_addr = !filters.local.empty();
  config.filter_remote_addr = !filters.remote.empty();
  config.filter_family = filters.families.size() == 1 ? static_cast<std::uint8_t>(filters.families.front()) : 0;
  config.filter_role = TCPD_ROLE_UNKNOWN;
  if (filters.role == model::Role::kOutbound) config.filter_role = TCPD_ROLE_OUTBOUND;
  if (filters.role == model::Role::kInbound) config.filter_role = TCPD_ROLE_INBOUND;

  bpf_map__set_max_entries(skeleton.maps.tcpd_events, static_cast<std::uint32_t>(options.ring_bytes));
  bpf_map__set_max_entries(skeleton.maps.tcpd_endpoints, options.max_endpoints);
  bpf_map__set_max_entries(skeleton.maps.tcpd_free_slots, options.max_endpoints);
  bpf_map__set_max_entries(skeleton.maps.tcpd_stats, options.max_endpoints);
  bpf_map__set_max_entries(skeleton.maps.tcpd_shared, options.max_endpoints);
  bpf_map__set_max_entries(skeleton.maps.tcpd_socks, features.sk_storage_in_tracing ? 1 : options.max_sockets);

  // Of each pair the one whose form this kernel has.
  bpf_program__set_autoload(skeleton.progs.tcpd_send_reset_reason, features.reset_has_reason());
  bpf_program__set_autoload(skeleton.progs.tcpd_send_reset, !features.reset_has_reason());
  bpf_program__set_autoload(skeleton.progs.tcpd_retransmit_error, features.retransmit_has_error());
  bpf_program__set_autoload(skeleton.progs.tcpd_retransmit, !features.retransmit_has_error());
  bpf_program__set_autoload(skeleton.progs.tcpd_error_report, features.has("inet_sk_error_report"));
}

Result<> fill_maps(const tcpdiag_bpf& skeleton, const ProbeOptions& options) {
  const int slots = bpf_map__fd(skeleton.maps.tcpd_free_slots);
  for (std::uint32_t slot = 0; slot < options.max_endpoints; ++slot) {
    const int error = bpf_map_update_elem(slots, nullptr, &slot, BPF_ANY);
    if (error != 0) return load_error("fill the tables of", error);
  }
  std::vector<std::uint32_t> inodes;
  for (const host::Netns& netns : options.netns) inodes.push_back(netns.inode);
  const model::Filters& filters = options.filters;
  return fill_set<std::uint32_t>(skeleton.maps.tcpd_netns_set, inodes)
      .and_then([&] { return fill_set<std::uint32_t>(skeleton.maps.tcpd_pid_set, filters.pids); })
      .and_then([&] { return fill_set<std::uint16_t>(skeleton.maps.tcpd_local_ports, filters.local_ports); })
      .and_then([&] { return fill_set<std::uint16_t>(skeleton.maps.tcpd_remote_ports, filters.remote_ports); })
      .and_then([&] { return fill_addresses(skeleton.maps.tcpd_local_addrs, filters.local); })
      .and_then([&] { return fill_addresses(skeleton.maps.tcpd_remote_addrs, filters.remote); });
}

}  // namespace

Result<Programs> Programs::load(const ProbeOptions& options, const KernelFeatures& features) {
  libbpf_set_print(print_if_debugging);
  auto impl = std::make_unique<Impl>();
  bpf_object_open_opts open_options{};
  open_options.sz = sizeof(open_options);
  open_options.kernel_log_level = debugging() ? 4 : 0;  // 4: the verifier's statistics
  impl->skeleton.reset(tcpdiag_bpf::open(&open_options));
  if (!impl->skeleton) return load_error("open", errno);
  configure(*impl->skeleton, options, features);
  const int error = tcpdiag_bpf::load(impl->skeleton.get());
  if (error != 0) return load_error("load", error);
  impl->cpus = libbpf_num_possible_cpus();
  if (impl->cpus < 1) return load_error("count the CPUs for", -impl->cpus);
  if (auto filled = fill_maps(*impl->skeleton, options); !filled) return tl::unexpected(filled.error());
  return Programs(std::move(impl));
}

Result<> Programs::attach() {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, impl_->skeleton->obj) {
    if (!bpf_program__autoload(program) || program == seed() || program == owners() || program == snapshot()) continue;
    bpf_link* link = bpf_program__attach(program);
    if (link == nullptr) {
      const int error = errno;
      detach();
      return load_error("attach", error);
    }
    impl_->links.emplace_back(link);
  }
  return {};
}

void Programs::detach() { impl_->links.clear(); }

bpf_program* Programs::seed() const { return impl_->skeleton->progs.tcpd_seed; }
bpf_program* Programs::owners() const { return impl_->skeleton->progs.tcpd_owners; }
bpf_program* Programs::snapshot() const { return impl_->skeleton->progs.tcpd_snapshot; }
void Programs::set_snapshot_mode(tcpd_snapshot_mode mode) { impl_->skeleton->data->tcpd_snapshot_mode = mode; }

int Programs::ring_fd() const { return bpf_map__fd(impl_->skeleton->maps.tcpd_events); }

std::uint64_t Programs::counter(tcpd_counter index) const {
  std::vector<std::uint64_t> each(static_cast<std::size_t>(impl_->cpus));
  const std::uint32_t key = index;
  if (bpf_map_lookup_elem(bpf_map__fd(impl_->skeleton->maps.tcpd_counters), &key, each.data()) != 0) return 0;
  std::uint64_t sum = 0;
  for (const std::uint64_t cpu : each) sum += cpu;
  return sum;
}

std::optional<double> Programs::cpu_seconds() const {
  double seconds = 0;
  bool timed = false;
  std::vector<tcpd_cost> each(static_cast<std::size_t>(impl_->cpus));
  for (std::uint32_t program = 0; program < TCPD_PROGRAMS; ++program) {
    if (bpf_map_lookup_elem(bpf_map__fd(impl_->skeleton->maps.tcpd_costs), &program, each.data()) != 0) continue;
    std::uint64_t runs = 0, timed_runs = 0, timed_ns = 0;
    for (const tcpd_cost& cpu : each) {
      runs += cpu.runs;
      timed_runs += cpu.timed_runs;
      timed_ns += cpu.timed_ns;
    }
    if (timed_runs == 0) continue;
    timed = true;
    seconds += static_cast<double>(runs) * static_cast<double>(timed_ns) / static_cast<double>(timed_runs) * 1e-9;
  }
  if (!timed) return std::nullopt;
  return seconds;
}

std::vector<model::EndpointSample> Programs::endpoint_samples(model::MonoTime at) const {
  std::vector<model::EndpointSample> samples;
  const int endpoints = bpf_map__fd(impl_->skeleton->maps.tcpd_endpoints);
  const int stats = bpf_map__fd(impl_->skeleton->maps.tcpd_stats);
  const int shared_map = bpf_map__fd(impl_->skeleton->maps.tcpd_shared);
  std::vector<tcpd_endpoint_stats> each(static_cast<std::size_t>(impl_->cpus));
  tcpd_endpoint_key key{};
  const tcpd_endpoint_key* previous = nullptr;
  while (bpf_map_get_next_key(endpoints, previous, &key) == 0) {
    previous = &key;
    std::uint32_t slot = 0;
    if (bpf_map_lookup_elem(endpoints, &key, &slot) != 0) continue;
    if (bpf_map_lookup_elem(stats, &slot, each.data()) != 0) continue;
    tcpd_endpoint_shared shared{};
    if (bpf_map_lookup_elem(shared_map, &slot, &shared) != 0) continue;
    const auto endpoint = decode_endpoint(key);
    if (!endpoint) continue;
    samples.push_back(decode_stats(*endpoint, each, shared, at));
  }
  return samples;
}

}  // namespace tcpdiag::probe
