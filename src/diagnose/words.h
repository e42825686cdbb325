// SPDX-License-Identifier: Apache-2.0
// Words of titles and explanations that several rules say; figures are written by util/format.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "diagnose/stats.h"
#include "diagnose/timer.h"
#include "model/endpoint.h"
#include "model/picture.h"
#include "model/time.h"

namespace tcpdiag::diagnose {

// How long things took, to stand before "after": the timer's median if there is one ("30.0 s"), the value itself where
// all are alike, else the range ("200 ms to 45.0 s"). Empty: no values.
std::string spread_words(const Durations& values, const std::optional<Timer>& timer);

// When its SYNs left, in seconds after the first: "0, 1.0, 3.1, 7.2". Empty: the timeline does not have all of them, or
// they are more than any sysctl allows (tcp_syn_retries is at most 127).
std::string syn_schedule(const model::SocketStory& story);

// A tcpdump command line that shows `what` between this host and the endpoint's host.
enum class CaptureOf : std::uint8_t { kResets, kSynAcks };
std::string capture_command(const model::EndpointKey& endpoint, CaptureOf what);

// The allowance counters of a device. Empty: no device is known, or its name is none to paste into a shell.
std::string allowance_command(std::string_view device);

}  // namespace tcpdiag::diagnose
