// SPDX-License-Identifier: Apache-2.0
// Events and samples in, Picture out. A deterministic function of what it was given: no clock, no locale, no /proc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "model/picture.h"
#include "model/sample.h"
#include "model/sink.h"
#include "model/snapshot.h"

namespace tcpdiag::correlate {

// Bounds of memory. What does not fit is counted in Loss::sockets_full, endpoints_full, processes_full.
struct Limits {
  std::size_t open_sockets = 131072;
  std::size_t failed_sockets = 20000;  // kept whole
  std::size_t healthy_sockets = 1000;  // kept whole; the slowest stay
  std::size_t endpoints = 4096;
  std::size_t processes = 4096;
  std::size_t nics = 64;              // network cards; those with counters first
  std::size_t timeline_entries = 64;  // per socket
  // Seconds of all endpoints together. What does not fit is not lost: their interval doubles.
  std::size_t series_bytes = 48U << 20;
  // For what never ends: seconds and sockets that are over are kept for so long, at 1 s, as far as series_bytes allows.
  // Sums, histograms and what is open stay whole.
  std::optional<std::int64_t> window_s = {};
};

class Correlator : public model::Sink {
 public:
  explicit Correlator(Limits limits = {});
  ~Correlator() override;

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;

  // What the trace began with, as it was told; nothing before that.
  const std::optional<model::TraceStart>& start() const;
  // Counts up whenever something failed (reset, failed connect, failed exchange): cheap to watch.
  std::uint64_t failures() const;
  // The newest `window` in counts and rates. Costs as much as there are endpoints, however long the trace is.
  model::Snapshot snapshot(model::MonoTime now, model::Duration window) const;
  // The picture as if the trace ended at `now`. Does not change the correlator; used for findings while tracing.
  model::Picture picture_at(model::MonoTime now) const;
  // The picture of the whole trace; to be called after TraceEnd.
  model::Picture finish() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tcpdiag::correlate
