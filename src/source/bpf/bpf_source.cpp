// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/bpf_source.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "host/cgroup.h"
#include "host/clock.h"
#include "host/netns_counters.h"
#include "host/netns_users.h"
#include "host/nic.h"
#include "host/process.h"
#include "source/bpf/decoder.h"
#include "source/bpf/iterators.h"
#include "source/bpf/kernel_types.h"
#include "source/bpf/programs.h"

namespace tcpdiag::bpf {

namespace {

constexpr std::size_t kProcessesMax = 4096;  // whose cgroup is looked up; the rest is counted
constexpr std::size_t kBusiestShown = 5;

struct RingDeleter {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

// The passes over a namespace's sockets, opened while there are privileges for it.
struct Passes {
  Iterator start;
  Iterator end;
  Iterator left_out;  // also those that no filter let through
};

// A traced namespace. What is open of it keeps it alive, with its devices and addresses: all of that is let go as soon
// as nobody else is left in it.
struct Traced {
  host::Netns netns;
  std::optional<host::NetnsCounters> counters;  // none: /proc does not show them
  std::optional<host::NicStatistics> nics;
  std::optional<Passes> passes;  // from attaching on
  host::NetnsUsers users;
  bool had_users;  // else only somebody's descriptor keeps it, and when that is closed cannot be seen
  bool gone = false;

  explicit Traced(host::Netns n) : netns(std::move(n)), users(host::NetnsUsers::of(netns)), had_users(users.any()) {
    if (auto opened = host::NetnsCounters::open(netns)) counters = std::move(*opened);
    if (auto opened = host::NicStatistics::open(netns)) nics = std::move(*opened);
  }
  int fd_to_enter() const { return netns.is_self ? -1 : netns.fd.get(); }
  model::NetnsSample sample(model::MonoTime at) const {
    if (counters) return counters->read(at);
    return {.at = at, .netns_inode = netns.inode, .counters = {}, .full_listeners = {}, .gone = false};
  }
  void sample_nics(model::MonoTime at, model::Sink& to) {
    if (!nics) return;
    for (model::NicSample& one : nics->read(at)) to.on_sample(std::move(one));
  }
};

struct Tracer {
  Tracer(source::LiveOptions o, doctor::KernelTypes k, Programs p, const doctor::Features& a, std::vector<Traced> t)
      : options(std::move(o)), types(std::move(k)), programs(std::move(p)), traced(std::move(t)) {
    info.features = a.of_report();
    info.reset_reasons = types.reset_reasons;
    if (a.works(doctor::kPacketDrops)) info.drop_reasons = types.drop_reasons;
  }

  source::LiveOptions options;
  doctor::KernelTypes types;
  Programs programs;
  source::SourceInfo info;
  std::vector<Traced> traced;
  std::optional<Iterator> last_owners;
  host::CgroupPaths cgroups;
  std::unique_ptr<ring_buffer, RingDeleter> ring;
  model::Sink* sink = nullptr;  // of the call that is draining
  std::optional<model::MonoTime> drain_until;
  std::uint64_t drained = 0;
  std::set<std::uint32_t> processes;
  std::uint64_t undecodable = 0;
  std::uint64_t processes_full = 0;
  std::uint64_t sockets_at_start = 0;
  bool met_a_socket = false;

  void introduce(const std::optional<model::Owner>& owner, model::Sink& to) {
    if (!owner || processes.count(owner->pid) != 0) return;
    if (processes.size() >= kProcessesMax) {
      ++processes_full;
      return;
    }
    processes.insert(owner->pid);
    to.on_sample(model::ProcessInfo{owner->pid, owner->comm, owner->cgroup_id,
                                    cgroups.path_of(owner->cgroup_id, owner->pid).value_or(std::string{})});
  }

  static int on_record(void* context, void* data, std::size_t size) {
    Tracer& self = *static_cast<Tracer*>(context);
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(data), size);
    if (is_dns(bytes)) return self.on_dns(bytes);
    const auto event = decode_event(bytes);
    if (!event) {
      ++self.undecodable;
      return 0;
    }
    if (event->socket.id.value != 0) self.met_a_socket = true;
    self.introduce(event->owner, *self.sink);
    self.sink->on_event(*event);
    return self.has_drained_enough() ? -EAGAIN : 0;  // libbpf stops behind the record for which a callback says so
  }

  int on_dns(std::span<const std::byte> bytes) {
    if (const auto message = decode_dns(bytes)) {
      introduce(message->owner, *sink);
      sink->on_sample(*message);
    } else {
      ++undecodable;
    }
    return has_drained_enough() ? -EAGAIN : 0;
  }

  bool has_drained_enough() {
    constexpr std::uint64_t kBetweenLooks = 64;
    return ++drained % kBetweenLooks == 0 && drain_until && host::mono_now() >= *drain_until;
  }

  Result<> add_snapshots(Iterator& pass, model::SnapshotMoment moment, std::vector<DecodedSnapshot>& all) {
    auto bytes = pass.run();
    if (!bytes) return tl::unexpected(bytes.error());
    std::span<const std::byte> rest(*bytes);
    while (!rest.empty()) {
      if (rest.size() < sizeof(tcpd_wire_snapshot)) {
        ++undecodable;
        break;
      }
      if (auto snapshot = decode_snapshot(rest.first(sizeof(tcpd_wire_snapshot)), moment)) {
        all.push_back(std::move(*snapshot));
      } else {
        ++undecodable;
      }
      rest = rest.subspan(sizeof(tcpd_wire_snapshot));
    }
    return {};
  }

  Result<std::vector<DecodedSnapshot>> snapshots(Iterator Passes::*pass, model::SnapshotMoment moment) {
    std::vector<DecodedSnapshot> all;
    for (Traced& one : traced) {
      if (one.gone || !one.passes) continue;
      if (auto added = add_snapshots((*one.passes).*pass, moment, all); !added) return tl::unexpected(added.error());
    }
    return all;
  }

  void emit_last(const std::vector<DecodedSnapshot>& open, model::Sink& to) {
    for (const DecodedSnapshot& one : open) {
      if (!one.tracked) continue;
      met_a_socket = true;
      introduce(one.snapshot.owner, to);
      to.on_sample(one.snapshot);
    }
  }

  // Its processes are gone, so what is left in it are sockets that close by themselves.
  void let_go(Traced& one, model::Sink& to) {
    std::vector<DecodedSnapshot> open;
    programs.set_snapshot_mode(TCPD_SNAPSHOT_END);
    if (add_snapshots(one.passes->end, model::SnapshotMoment::kEnd, open)) emit_last(open, to);
    one.sample_nics(host::mono_now(), to);
    model::NetnsSample last = one.sample(host::mono_now());
    last.gone = true;
    to.on_sample(std::move(last));
    one.counters.reset();
    one.nics.reset();
    one.passes.reset();
    one.gone = true;
  }

  std::vector<model::NetnsSample> read_counters() {
    std::vector<model::NetnsSample> all;
    for (Traced& one : traced) {
      if (!one.gone) all.push_back(one.sample(host::mono_now()));
    }
    return all;
  }

  void sample_netns(model::Sink& to) {
    for (Traced& one : traced) {
      if (one.gone) continue;
      if (one.netns.is_self || !one.had_users || one.users.any()) {
        to.on_sample(one.sample(host::mono_now()));
        one.sample_nics(host::mono_now(), to);
      } else {
        let_go(one, to);
      }
    }
  }

  // A child that was forked before the hook was there.
  Result<> add_descendants() {
    if (!options.filters.children) return {};
    return programs.add_pids(host::descendants_of(options.filters.pids));
  }

  Result<> seed() {
    for (const Traced& one : traced) {
      if (auto seeded = run_now(programs.seed(), one.fd_to_enter()); !seeded) return seeded;
    }
    return run_now(programs.owners());
  }

  // Of programs that write nothing.
  static Result<> run_now(bpf_program* program, int netns_fd = -1) {
    Result<Iterator> pass = Iterator::open(program, netns_fd);
    if (!pass) return tl::unexpected(pass.error());
    const auto ran = pass->run();
    return ran ? Result<>() : tl::unexpected(ran.error());
  }

  Result<> open_passes() {
    for (Traced& one : traced) {
      std::vector<Iterator> opened;
      for (int i = 0; i < 3; ++i) {
        Result<Iterator> pass = Iterator::open(programs.snapshot(), one.fd_to_enter());
        if (!pass) return tl::unexpected(pass.error());
        opened.push_back(std::move(*pass));
      }
      one.passes = Passes{std::move(opened[0]), std::move(opened[1]), std::move(opened[2])};
      one.netns.fd.reset();  // entered for the last time
    }
    Result<Iterator> owners = Iterator::open(programs.owners());
    if (!owners) return tl::unexpected(owners.error());
    last_owners = std::move(*owners);
    return {};
  }

  std::vector<model::BusyEndpoint> busiest_left_out() {
    programs.set_snapshot_mode(TCPD_SNAPSHOT_ALL);
    const auto all = snapshots(&Passes::left_out, model::SnapshotMoment::kEnd);
    if (!all) return {};
    std::map<model::EndpointKey, model::BusyEndpoint> by_key;
    for (const DecodedSnapshot& one : *all) {
      if (one.tracked) continue;
      const model::EndpointKey key = model::endpoint_of(one.snapshot.socket);
      model::BusyEndpoint& busy = by_key[key];
      busy.key = key;
      ++busy.sockets;
      busy.bytes += one.snapshot.flow.bytes_sent_total + one.snapshot.flow.bytes_received_total;
    }
    std::vector<model::BusyEndpoint> list;
    for (auto& [key, busy] : by_key) list.push_back(busy);
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    if (list.size() > kBusiestShown) list.resize(kBusiestShown);
    return list;
  }
};

class BpfSource : public source::Source {
 public:
  explicit BpfSource(std::unique_ptr<Tracer> tracer) : tracer_(std::move(tracer)) {}

  const source::SourceInfo& info() const override { return tracer_->info; }
  Result<> attach() override;
  bool can_read() const override { return tracer_->programs.can_read_maps(); }
  Result<> begin(model::Sink& sink) override;
  std::uint64_t sockets_at_start() const override { return tracer_->sockets_at_start; }
  int fd() const override { return ring_buffer__epoll_fd(tracer_->ring.get()); }
  void drain(model::Sink& sink) override;
  void drain_all(model::Sink& sink);
  void sample(model::Sink& sink) override;
  void sample_endpoints(model::MonoTime at, model::Sink& sink);
  std::optional<model::Loss> loss() const override;
  source::SourceEnd finish(model::Sink& sink) override;

 private:
  std::unique_ptr<Tracer> tracer_;
};

Result<> BpfSource::attach() {
  tracer_->info.clock = host::read_clock_pair();
  // Attached first, seeded then: a socket born in between is met by its events, and the seed leaves it alone.
  if (auto attached = tracer_->programs.attach(); !attached) return attached;
  if (auto added = tracer_->add_descendants(); !added) return added;
  if (auto seeded = tracer_->seed(); !seeded) return seeded;
  return tracer_->open_passes();
}

Result<> BpfSource::begin(model::Sink& sink) {
  auto open = tracer_->snapshots(&Passes::start, model::SnapshotMoment::kStart);
  if (!open) return tl::unexpected(open.error());
  for (const DecodedSnapshot& one : *open) {
    if (!one.tracked) continue;
    ++tracer_->sockets_at_start;
    tracer_->met_a_socket = true;
    tracer_->introduce(one.snapshot.owner, sink);
    if (one.snapshot.socket.older_than_trace) sink.on_sample(one.snapshot);
  }
  tracer_->sample_netns(sink);
  return {};
}

void BpfSource::drain(model::Sink& sink) {
  tracer_->drain_until = host::mono_now() + kDrainsFor;
  drain_all(sink);
  tracer_->drain_until.reset();
}

void BpfSource::drain_all(model::Sink& sink) {
  tracer_->sink = &sink;
  ring_buffer__consume(tracer_->ring.get());
  tracer_->sink = nullptr;
}

void BpfSource::sample(model::Sink& sink) {
  tracer_->programs.look_for_readers(host::mono_now());
  sample_endpoints(host::mono_now(), sink);
  tracer_->sample_netns(sink);
}

void BpfSource::sample_endpoints(model::MonoTime at, model::Sink& sink) {
  // Also those at which nothing moved: the time between two samples is what their difference belongs to.
  for (model::EndpointSample& endpoint : tracer_->programs.endpoint_samples(at)) sink.on_sample(endpoint);
}

std::optional<model::Loss> BpfSource::loss() const {
  model::Loss loss;
  loss.ring_full = tracer_->programs.counter(TCPD_COUNT_RING_FULL);
  loss.sockets_full = tracer_->programs.counter(TCPD_COUNT_SOCKETS_FULL);
  loss.endpoints_full = tracer_->programs.counter(TCPD_COUNT_ENDPOINTS_FULL);
  loss.processes_full = tracer_->processes_full + tracer_->programs.counter(TCPD_COUNT_PROCESSES_FULL);
  loss.undecodable = tracer_->undecodable;
  loss.rate_limited = tracer_->programs.counter(TCPD_COUNT_RATE_LIMITED);
  return loss;
}

source::SourceEnd BpfSource::finish(model::Sink& sink) {
  // Read before the last event, so that what happens in between is told and not counted: the other way round it would
  // look like something that was not seen.
  const std::vector<model::NetnsSample> counters = tracer_->read_counters();
  tracer_->programs.stop();
  // Who else holds a socket now: it was inherited or passed during the trace.
  if (tracer_->last_owners) (void)tracer_->last_owners->run();
  tracer_->programs.set_snapshot_mode(TCPD_SNAPSHOT_END);
  const auto open = tracer_->snapshots(&Passes::end, model::SnapshotMoment::kEnd);
  tracer_->programs.detach();
  source::SourceEnd end;
  end.at = host::mono_now();
  drain_all(sink);
  if (open) tracer_->emit_last(*open, sink);
  for (const model::NetnsSample& one : counters) sink.on_sample(one);
  // after the snapshots, which complete the last exchanges; all of them, since a last_byte may have come without a new
  // exchange
  sample_endpoints(end.at, sink);
  for (Traced& one : tracer_->traced) {
    if (!one.gone) one.sample_nics(end.at, sink);
  }
  end.loss = *loss();
  end.sockets_filtered_out = tracer_->programs.counter(TCPD_COUNT_FILTERED_OUT);
  end.bpf_cpu_s = tracer_->programs.cpu_seconds();
  if (!tracer_->met_a_socket) end.busiest_filtered_out = tracer_->busiest_left_out();
  return end;
}

}  // namespace

Result<std::unique_ptr<source::Source>> load(source::LiveOptions options) {
  auto types = read_kernel_types();
  if (!types) return tl::unexpected(types.error());
  doctor::Features features(*types);
  if (!options.dns) features.leave_out(doctor::kDns, "--no-dns");
  Programs::LoadNotes notes;
  auto programs = Programs::load(options, features, notes);
  if (!programs) return tl::unexpected(programs.error());
  std::vector<Traced> traced;
  for (host::Netns& netns : options.netns) traced.emplace_back(std::move(netns));
  auto tracer = std::make_unique<Tracer>(std::move(options), std::move(*types), std::move(*programs), features,
                                         std::move(traced));
  tracer->ring.reset(ring_buffer__new(tracer->programs.ring_fd(), &Tracer::on_record, tracer.get(), nullptr));
  if (!tracer->ring) {
    return fail(ExitCode::kNotAble, fmt::format("cannot map the ring buffer: {}", std::strerror(errno)),
                "lower --ring-size");
  }
  return std::make_unique<BpfSource>(std::move(tracer));
}

}  // namespace tcpdiag::bpf
