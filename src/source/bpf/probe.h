// SPDX-License-Identifier: Apache-2.0
// The live source: loads the BPF programs, attaches them, and turns what they say into events and samples.
//
//   auto probe = Probe::load(options);      // nothing attached yet; says what this kernel can do
//   probe->attach();                        // attaches and opens what is read later: then no rights are needed
//   sink.on_sample(trace_start with probe->abilities(), probe->reset_reasons())
//   probe->begin(sink);                     // sockets older than the trace arrive as SocketSnapshot{kStart}
//   loop: wait for probe->fd() to be readable -> probe->drain(sink); once a second -> probe->sample(sink)
//   probe->finish(sink);                    // detaches, drains, SocketSnapshot{kEnd}; fills the end's figures
//
// Everything is released by the destructor; nothing is pinned, so a killed tracer leaves nothing behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/netns.h"
#include "model/filters.h"
#include "model/sample.h"
#include "model/sink.h"
#include "util/result.h"

namespace tcpdiag::bpf {

struct ProbeOptions {
  model::Filters filters;                         // netns_inodes are ignored: `netns` says it
  std::vector<host::Netns> netns;                 // the namespaces to trace, open; to attach, at least one
  std::size_t ring_bytes = std::size_t{4} << 20;  // power of two, at least 64 KiB
  std::uint32_t max_endpoints = 256;              // 1 .. 4096; memory: see docs/architecture.md
  std::uint32_t max_events_per_second = 0;        // 0: any number
  std::uint32_t max_sockets = 65536;              // only where the kernel has no per-socket storage for tracing
};

// What only the end of a trace knows; the application adds the rest of TraceEnd.
struct ProbeEnd {
  model::Loss loss;
  std::optional<std::uint64_t> sockets_filtered_out;
  std::vector<model::BusyEndpoint> busiest_filtered_out;
  std::optional<double> bpf_cpu_s;
};

class Probe {
 public:
  // Errors have exit code kNotAble where rights or the kernel are missing, with the cure.
  static Result<std::unique_ptr<Probe>> load(ProbeOptions options);
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  const std::vector<model::Ability>& abilities() const;
  const std::map<std::uint32_t, std::string>& reset_reasons() const;

  // Nothing of what was seen is looked at.
  Result<> attach();
  // Whether the kernel lets its tables be read with the capabilities that are in effect.
  bool can_read_maps() const;
  Result<> begin(model::Sink& sink);
  // Number of sockets open and matched at the start. Valid after begin().
  std::uint64_t sockets_at_start() const;
  int fd() const;  // readable when events wait
  void drain(model::Sink& sink);
  void sample(model::Sink& sink);
  model::Loss loss() const;  // so far
  ProbeEnd finish(model::Sink& sink);

 private:
  struct Impl;
  explicit Probe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tcpdiag::bpf
