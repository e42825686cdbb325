// SPDX-License-Identifier: Apache-2.0
// Bytes on the wire, second by second: is one direction at a limit?
#pragma once

#include <cstdint>
#include <optional>

#include "diagnose/seconds.h"

namespace tcpdiag::diagnose {

enum class Way : std::uint8_t { kIn, kOut };  // received, sent by this host

struct SteadyRate {
  Way way = Way::kIn;
  double wire_bytes_per_s = 0;     // payload and headers, with Ethernet's; median
  double payload_bytes_per_s = 0;  // median
  double spread_pct = 0;           // (p90 - p10) / p50
  double exchanges_per_s = 0;      // mean
  Marks seconds;                   // those it was taken from
};

// The direction with more bytes on the wire in these seconds, when it carried the same bytes in each of at least 10 s
// ((p90 - p10) / p50 <= 5 %) and never more than 1.05 of their median. The first and the last second of a run may be
// left out: the queue was not there in all of it.
std::optional<SteadyRate> steady_rate(const Seconds& seconds, const Marks& queued);

}  // namespace tcpdiag::diagnose
