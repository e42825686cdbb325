// SPDX-License-Identifier: Apache-2.0
// Words of titles and explanations that several rules say; figures are written by util/format.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "diagnose/stats.h"
#include "diagnose/timer.h"
#include "model/endpoint.h"
#include "model/time.h"

namespace tcpdiag::diagnose {

// How long things took, to stand before "after": the timer's median if there is one ("30.0 s"), the value itself where
// all are alike, else the range ("200 ms to 45.0 s"). Empty: no values.
std::string spread_words(const Durations& values, const std::optional<Timer>& timer);

// A tcpdump command line that shows `what` between this host and the endpoint's host.
enum class CaptureOf : std::uint8_t { kResets, kSynAcks };
std::string capture_command(const model::EndpointKey& endpoint, CaptureOf what);

// The allowance counters of a device. Empty: no device is known, or its name is none to paste into a shell.
std::string allowance_command(std::string_view device);

}  // namespace tcpdiag::diagnose
