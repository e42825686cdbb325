// SPDX-License-Identifier: Apache-2.0
// What is counted by the second. All endpoints together keep within Limits::series_bytes: a whole trace has its seconds
// put together two by two, a window loses its oldest.
#pragma once

#include <cstdint>

#include "correlate/state.h"

namespace tcpdiag::correlate {

// The whole UTC second in which the trace began.
model::MonoTime series_origin(const State& state);
// Whole UTC seconds since series_origin(); what is older belongs to the first.
std::int64_t second_number(const State& state, model::MonoTime at);

// `what` happened at `at`: in the endpoint's second, and in its sum.
void count(State& state, EndpointRecord& endpoint, model::MonoTime at, const SecondCounts& what);
void count_outcome(State& state, EndpointRecord& endpoint, model::MonoTime at, model::ConnectOutcome outcome);
void add_measured(State& state, EndpointRecord& endpoint, std::int64_t second, const Measured& measured);
void add_delay(State& state, EndpointRecord& endpoint, model::MonoTime at, Measure measure, std::uint64_t value_us);

// What the socket's newest flow adds to its endpoint's sum.
void count_flow(State& state, SocketRecord& socket);

// Time has passed: with Limits::window_s the seconds and kept sockets before it are forgotten.
void move_window(State& state);

}  // namespace tcpdiag::correlate
