// SPDX-License-Identifier: Apache-2.0
// The one formatter of figures for people: durations, sizes, shares, rates, counts and points in time. No locale, no
// clock: the same value gives the same text everywhere.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdiag {

inline constexpr std::string_view kUnknown = "-";  // in tables

// In the unit that leaves a number of 1 or more, with two or three digits: "9 us", "350 us", "1.5 ms", "186 ms",
// "30.0 s", "2473 s". Bare numbers are microseconds.
std::string duration(double us);
std::string duration(std::chrono::nanoseconds d);
template <std::integral T>
std::string duration(T us) {
  return duration(static_cast<double>(us));
}

// Values that are compared with each other: in the unit of the largest, unless they are less than a hundredth of it.
// 350 and 1200: "0.35 ms", "1.2 ms".
std::vector<std::string> durations(const std::vector<double>& us);
// "0.35 to 1.2 ms", "200 ms to 45.0 s"; one value where both read alike.
std::string duration_range(double low_us, double high_us);

// As somebody asked for it, nothing rounded up: "500 ms", "30 s", "6379 s (1 h 46 min 19 s)". Rounded down: to
// microseconds below a millisecond, to milliseconds below a minute, then to seconds. `duration` is not negative.
std::string duration_in_words(std::chrono::nanoseconds duration);

// "1448 B", "32.0 KiB", "118 MiB"; "32 KiB" is exactly that.
std::string bytes(double n);
template <std::integral T>
std::string bytes(T n) {
  return bytes(static_cast<double>(n));
}
std::string narrow_bytes(std::uint64_t n);  // in a narrow column: "1412", "118MiB"

// Exactly, in the largest unit that gives a whole number: "64 KiB", "4 MiB", "1000 B".
std::string size_in_words(std::uint64_t bytes);

// In the largest unit that leaves a number of at least 1, with three significant digits or all of a whole number:
// "64 Mbit/s", "82.3 Mbit/s", "5 Gbit/s", "512 kbit/s".
std::string bit_rate(double bit_per_s);

std::string percent(double pct);      // "1.0 %", "0.021 %", "100 %"
std::string rate(double per_second);  // "233", "4.2", "0.03"; no unit
std::string decimal(double value);    // up to three digits after the point, no needless zero

// "1 socket", "2 sockets"; with a plural: "1 case was", "2 cases were"
std::string number_of(std::uint64_t n, std::string_view singular, std::string_view plural = {});
std::string join(const std::vector<std::string>& parts, std::string_view separator);

using UtcTime = std::chrono::sys_time<std::chrono::nanoseconds>;

std::string rfc3339(UtcTime t);        // "2026-11-21T02:31:07.004Z": UTC, cut to milliseconds
std::string date(UtcTime t);           // "2026-11-21"
std::string clock_time(UtcTime t);     // "02:31:07.004"
std::string clock_seconds(UtcTime t);  // "02:31:07"
std::string local_time(UtcTime t, int utc_offset_s, std::string_view zone);  // "11:31 JST (+09:00)"

}  // namespace tcpdiag
