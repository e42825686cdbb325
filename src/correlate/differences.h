// SPDX-License-Identifier: Apache-2.0
// From cumulative samples to what happened in each second.
#pragma once

#include <chrono>
#include <cstdint>

#include "correlate/state.h"

namespace tcpdiag::correlate {

// Two samples that are further apart have missed a round.
inline constexpr model::Duration kOneRound = std::chrono::milliseconds(1500);

// The part of `count` that falls between two shares (0..1) of the time. Adjoining parts add up to the whole.
std::uint64_t part_of(std::uint64_t count, double from, double to);

// Since when the sample of this moment may tell something new: the endpoint's own sample before it, or the round of
// samples before it where a source leaves out endpoints in which nothing happened. was_known: before this sample.
// To be called once for each sample: it also counts the rounds.
model::MonoTime begin_of_round(State& state, const EndpointRecord& endpoint, bool was_known, model::MonoTime at);

// Adds what `newer` has more than the endpoint's newest sample to the seconds between `begin` and it. A figure that
// went back adds nothing.
void add_difference(State& state, EndpointRecord& endpoint, const model::EndpointSample& newer, model::MonoTime begin);

}  // namespace tcpdiag::correlate
