// SPDX-License-Identifier: Apache-2.0
// Figures as people write them, and points in time. No locale, no clock: the same value gives the same text everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/time.h"

namespace tcpdiag::report {

inline constexpr std::string_view kUnknown = "-";  // in tables

std::string duration(double us);      // "7 us", "0.01 ms", "0.9 ms", "186 ms", "30.0 s", "2473 s"
std::string bytes(std::uint64_t n);   // "1412 B", "96.0 KiB", "1.2 MiB"
std::string percent(double pct);      // "1.0 %", "0.04 %", "100 %"
std::string rate(double per_second);  // "233", "4.2", "0.03"; no unit
std::string decimal(double value);    // up to three digits after the point, no needless zero

std::string number_of(std::uint64_t n, std::string_view singular);  // "1 socket", "2 sockets"
std::string join(const std::vector<std::string>& parts, std::string_view separator);

std::string rfc3339(model::WallTime t);        // "2026-11-21T02:31:07.004Z": UTC, cut to milliseconds
std::string date(model::WallTime t);           // "2026-11-21"
std::string clock_time(model::WallTime t);     // "02:31:07.004"
std::string clock_seconds(model::WallTime t);  // "02:31:07"
std::string local_time(model::WallTime t, int utc_offset_s, std::string_view zone);  // "11:31 JST (+09:00)"

// Whole microseconds from `start`, rounded down: negative before it.
std::int64_t offset_us(model::MonoTime start, model::MonoTime t);

}  // namespace tcpdiag::report
