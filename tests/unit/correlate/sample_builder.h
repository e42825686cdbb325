// SPDX-License-Identifier: Apache-2.0
// Cumulative samples of one endpoint, as the live source sends them.
#pragma once

#include <cstdint>
#include <vector>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {

struct Sampled {
  explicit Sampled(std::uint16_t port = 443) { now.key = remote_endpoint(port); }

  model::EndpointSample now;  // the sums so far

  model::Histogram& measure(model::Measure which) { return now.of(which); }
  void add(model::Measure which, std::uint64_t value_us, int times = 1) {
    for (int i = 0; i < times; ++i) measure(which).add(value_us);
  }
  void exchanges(std::uint64_t n) {
    now.exchanges += n;
    now.bytes_sent += 100 * n;
    now.bytes_received += 2000 * n;
    now.segments_sent += 3 * n;
    now.segments_received += 4 * n;
  }
  void send(model::Sink& to, double at) {
    now.at = ms(at);
    to.on_sample(now);
  }
};

// The trace of trace_start() begins 250 ms into a UTC second: this is the turn to second n of its series.
constexpr double turn(double n) { return 1000 * n - 250; }

}  // namespace tcpdiag::correlate::testing
