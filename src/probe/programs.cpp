// SPDX-License-Identifier: Apache-2.0
#include "probe/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "probe/configure.h"
#include "probe/decoder.h"
#include "tcpdiag.skel.h"

namespace tcpdiag::probe {

namespace {

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

Result<> Programs::add_pids(const std::vector<std::uint32_t>& pids) { return probe::add_pids(*impl_->skeleton, pids); }

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
