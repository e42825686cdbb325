// SPDX-License-Identifier: Apache-2.0
// Source: emits what happens to sockets as it happens, in events and samples. Replay (source/replay.h): emits it again.
// Everything behind a source is a function of what it emits.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/sample.h"
#include "model/sink.h"
#include "util/result.h"

namespace tcpdiag::source {

// What a source says of itself. TraceStart takes it over, so that a recording says it too.
struct SourceInfo {
  model::Origin origin = model::Origin::kBpf;
  std::vector<model::Feature> features;                // doctor/feature_table.h names them
  std::map<std::uint32_t, std::string> reset_reasons;  // the kernel's names; empty: it has none
  std::map<std::uint32_t, std::string> drop_reasons;   // likewise, as TraceStart has them
  model::ClockPair clock;                              // of its events; known after attach()
};

// What only the end of a trace knows; who traces adds the rest of TraceEnd.
struct SourceEnd {
  model::MonoTime at{};  // nothing that happened later is told; what happened until then may be read later
  model::Loss loss;
  std::optional<std::uint64_t> sockets_filtered_out;
  std::vector<model::BusyEndpoint> busiest_filtered_out;
  std::optional<double> bpf_cpu_s;
};

//   source->attach();           // attaches and opens what is read later: then no privileges are needed
//   sink.on_sample(a TraceStart with source->info())
//   source->begin(sink);        // sockets older than the trace arrive as SocketSnapshot{kStart}
//   loop: wait for source->fd() to be readable -> source->drain(sink); once a second -> source->sample(sink)
//   source->finish(sink);       // detaches, drains, SocketSnapshot{kEnd}
//
// The destructor releases everything.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  virtual const SourceInfo& info() const = 0;

  // Nothing of what was seen is looked at. Error: kNotAble.
  virtual Result<> attach() = 0;
  // Whether what was seen can be read with the privileges that are in effect.
  virtual bool can_read() const = 0;
  virtual Result<> begin(model::Sink& sink) = 0;
  // Number of sockets open and matched at the start. Valid after begin().
  virtual std::uint64_t sockets_at_start() const = 0;
  virtual int fd() const = 0;  // readable when events wait
  // What waits, for kDrainsFor at most: where events come faster than they are read, there is no end to it. What is
  // left keeps fd() readable.
  virtual void drain(model::Sink& sink) = 0;
  static constexpr model::Duration kDrainsFor = std::chrono::milliseconds(50);
  virtual void sample(model::Sink& sink) = 0;
  // So far; nothing where only finish() says it.
  virtual std::optional<model::Loss> loss() const { return std::nullopt; }
  virtual SourceEnd finish(model::Sink& sink) = 0;
};

}  // namespace tcpdiag::source
