// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/programs.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "host/clock.h"
#include "host/files.h"
#include "source/bpf/configure.h"
#include "source/bpf/endpoints.h"
#include "source/bpf/iterators.h"
#include "source/bpf/libbpf_log.h"
#include "source/bpf/link.h"
#include "tcpdiag.skel.h"
#include "util/io.h"

namespace tcpdiag::bpf {

struct SkeletonDeleter {
  void operator()(tcpdiag_bpf* skeleton) const { tcpdiag_bpf::destroy(skeleton); }
};
using Skeleton = std::unique_ptr<tcpdiag_bpf, SkeletonDeleter>;

namespace {

Skeleton open_skeleton() {
  bpf_object_open_opts options{};
  options.sz = sizeof(options);
  options.kernel_log_level = is_debugging() ? 4 : 0;  // 4: the verifier's statistics
  return Skeleton(tcpdiag_bpf::open(&options));
}

unsigned count_loaded(const tcpdiag_bpf& skeleton) {
  unsigned loaded = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton.obj) {
    if (bpf_program__autoload(program)) ++loaded;
  }
  return loaded;
}

// Not for want of privileges, memory or descriptors: something in a program is not as this kernel wants it.
bool is_refusal(int error) {
  constexpr std::array kWants{EPERM, ENOMEM, EMFILE, ENFILE, EAGAIN, EINTR};
  return std::ranges::find(kWants, -error) == kWants.end();
}

// Asked for before anything is loaded: where libbpf finds too few descriptors half-way, it takes what this kernel can
// do for missing, and what it then says is no help.
Result<> reserve_open_files(const tcpdiag_bpf& skeleton, const source::LiveOptions& options) {
  constexpr rlim_t kOfNamespace = 16;  // its file, counters, sockets to ask it, iterators
  constexpr rlim_t kOther = 24;        // maps and types that libbpf opens for a moment, signals, timers, files to write
  rlim_t needed = host::numbers_in("/proc/self/fd").size() + kOfNamespace * options.netns.size() + kOther;
  needed += 2 * rlim_t{count_loaded(skeleton)};  // with the link of each
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton.obj)++ needed;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  const rlim_t allowed = std::exchange(limit.rlim_cur, std::min(needed, limit.rlim_max));
  if (limit.rlim_cur == needed && ::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return fail(ExitCode::kNotAble, fmt::format("tracing needs {} open files, and {} are allowed", needed, allowed),
              cure_of(EMFILE, {}));
}

// Loads the program `only`, or where it is empty none, of all that the features would load. 0 or -errno.
int load_only(const std::string& only, const source::LiveOptions& options, const doctor::Features& features) {
  const Skeleton skeleton = open_skeleton();
  if (!skeleton) return -errno;
  configure(*skeleton, options, features);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    if (only != bpf_program__name(program)) bpf_program__set_autoload(program, false);
  }
  return tcpdiag_bpf::load(skeleton.get());
}

std::vector<std::string> names_of_programs(const source::LiveOptions& options, const doctor::Features& features) {
  std::vector<std::string> names;
  const Skeleton skeleton = open_skeleton();
  if (!skeleton) return names;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    const std::string name = bpf_program__name(program);
    if (features.loads(name, options.filters.children)) names.push_back(name);
  }
  return names;
}

// A load of all ends at the first program that is refused; this finds every one. False: it is none of them, but a map.
bool refuse_one_by_one(const source::LiveOptions& options, doctor::Features& features,
                       std::vector<doctor::Refused>& refused) {
  if (load_only({}, options, features) != 0) return false;
  const std::size_t before = refused.size();
  for (const std::string& name : names_of_programs(options, features)) {
    const int error = load_only(name, options, features);
    if (error != 0 && is_refusal(error)) refused.push_back({name, errno_text(-error)});
  }
  for (std::size_t i = before; i < refused.size(); ++i) features.refuse(refused[i].program, refused[i].said);
  return refused.size() > before;
}

tl::unexpected<Error> no_children(const doctor::Features& features) {
  const auto& all = features.standings();
  const auto children = std::ranges::find(all, doctor::kChildren,
                                          [](const doctor::Standing& standing) { return standing.feature->name; });
  return fail(ExitCode::kNotAble, "cannot trace with --children: " + children->found, "leave --children out");
}

}  // namespace

struct Programs::Impl {
  Skeleton skeleton;
  std::vector<Link> links;
  std::optional<EndpointTable> endpoints;
  std::optional<RepeatedPass> readers;
  model::MonoTime next_look{};
  int cpus = 1;

  bool is_run_by_hand(const bpf_program* program) const {
    const auto& progs = skeleton->progs;
    return program == progs.tcpd_seed || program == progs.tcpd_owners || program == progs.tcpd_snapshot ||
           program == progs.tcpd_readers;
  }
};

Programs::Programs(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Programs::~Programs() = default;
Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;

Result<Programs> Programs::load(const source::LiveOptions& options, doctor::Features& features, LoadNotes& notes) {
  hush_libbpf();
  auto impl = std::make_unique<Impl>();
  while (true) {
    if (auto able = features.check(); !able) return tl::unexpected(able.error());
    if (options.filters.children && !features.works(doctor::kChildren)) return no_children(features);
    impl->skeleton = open_skeleton();
    if (!impl->skeleton) return load_error("open", errno);
    configure(*impl->skeleton, options, features);
    if (auto enough = reserve_open_files(*impl->skeleton, options); !enough) return tl::unexpected(enough.error());
    const int error = tcpdiag_bpf::load(impl->skeleton.get());
    if (error == 0) break;
    notes.permitted = error != -EPERM;
    // Each time round at least one feature goes.
    if (!is_refusal(error) || !refuse_one_by_one(options, features, notes.refused)) return load_error("load", error);
  }
  notes.programs = count_loaded(*impl->skeleton);
  impl->cpus = libbpf_num_possible_cpus();
  if (impl->cpus < 1) return load_error("count the CPUs for", -impl->cpus);
  if (auto filled = fill_maps(*impl->skeleton, options); !filled) return tl::unexpected(filled.error());
  const auto& maps = impl->skeleton->maps;
  impl->endpoints.emplace(EndpointTable::Maps{.endpoints = bpf_map__fd(maps.tcpd_endpoints),
                                              .free_slots = bpf_map__fd(maps.tcpd_free_slots),
                                              .stats = bpf_map__fd(maps.tcpd_stats),
                                              .shared = bpf_map__fd(maps.tcpd_shared)},
                          options.max_endpoints, impl->cpus);
  if (const int filled = impl->endpoints->fill(); filled != 0) return load_error("fill the tables of", filled);
  return Programs(std::move(impl));
}

Result<> Programs::attach() {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, impl_->skeleton->obj) {
    if (!bpf_program__autoload(program) || impl_->is_run_by_hand(program)) continue;
    bpf_link* link = bpf_program__attach(program);
    if (link == nullptr) {
      const int error = errno;
      detach();
      return load_error("attach", error);
    }
    impl_->links.emplace_back(link);
  }
  bpf_program* readers = impl_->skeleton->progs.tcpd_readers;
  if (bpf_program__autoload(readers)) {
    auto pass = RepeatedPass::over(readers, bpf_map__fd(impl_->skeleton->maps.tcpd_storage));
    if (!pass) return tl::unexpected(pass.error());
    impl_->readers.emplace(std::move(*pass));
  }
  return {};
}

void Programs::look_for_readers(model::MonoTime at) {
  constexpr int kMostOfTime = 200;  // 0.5 %, where there are very many sockets
  if (!impl_->readers || at < impl_->next_look) return;
  (void)impl_->readers->run();
  impl_->next_look = at + kMostOfTime * (host::mono_now() - at);
}

Result<> Programs::add_pids(const std::vector<std::uint32_t>& pids) { return bpf::add_pids(*impl_->skeleton, pids); }

void Programs::detach() { impl_->links.clear(); }

bpf_program* Programs::seed() const { return impl_->skeleton->progs.tcpd_seed; }
bpf_program* Programs::owners() const { return impl_->skeleton->progs.tcpd_owners; }
bpf_program* Programs::snapshot() const { return impl_->skeleton->progs.tcpd_snapshot; }
void Programs::stop() { impl_->skeleton->data->tcpd_is_over = 1; }
void Programs::set_snapshot_mode(tcpd_snapshot_mode mode) { impl_->skeleton->data->tcpd_snapshot_mode = mode; }

int Programs::ring_fd() const { return bpf_map__fd(impl_->skeleton->maps.tcpd_events); }

bool Programs::can_read_maps() const {
  std::vector<std::uint64_t> each(static_cast<std::size_t>(impl_->cpus));
  const std::uint32_t key = 0;
  if (bpf_map_lookup_elem(bpf_map__fd(impl_->skeleton->maps.tcpd_counters), &key, each.data()) != 0) return false;
  return !impl_->readers || impl_->readers->run() == 0;
}

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

std::vector<model::EndpointSample> Programs::endpoint_samples(model::MonoTime at) {
  return impl_->endpoints->sample(at);
}

}  // namespace tcpdiag::bpf
