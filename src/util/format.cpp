// SPDX-License-Identifier: Apache-2.0
#include "util/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace tcpdiag {
namespace {

struct TimeUnit {
  std::string_view name;
  double us;
};

constexpr TimeUnit kMicrosecond{"us", 1};
constexpr TimeUnit kMillisecond{"ms", 1e3};
constexpr TimeUnit kSecond{"s", 1e6};

const TimeUnit& unit_of(double us) {
  if (us < 999.5) return kMicrosecond;
  return us < 999.5e3 ? kMillisecond : kSecond;
}

// `us` in a unit that is its own, or a larger one.
std::string number_in(const TimeUnit& unit, double us) {
  const double value = us / unit.us;
  if (unit.us == kMicrosecond.us) return fmt::format("{:.0f}", value);
  if (unit.us != unit_of(us).us) return fmt::format("{:#.2g}", value);
  const double one_decimal_below = unit.us == kSecond.us ? 99.95 : 9.95;
  return value < one_decimal_below ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

// Where a number in the larger value's unit still says something.
const TimeUnit& unit_beside(double us, double largest_us) {
  constexpr double kOfOneUnit = 100;
  return us * kOfOneUnit >= largest_us ? unit_of(largest_us) : unit_of(us);
}

std::string with_unit(const TimeUnit& unit, double us) { return fmt::format("{} {}", number_in(unit, us), unit.name); }

struct SizeUnit {
  std::string_view name;
  unsigned shift;
};

constexpr std::array<SizeUnit, 4> kSizeUnits{{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}};

struct Fields {
  int year;
  unsigned month, day;
  long hours, minutes, seconds, milliseconds;
};

Fields fields_of(UtcTime t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day ymd(day);
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(t - day).count();
  return {static_cast<int>(ymd.year()),
          static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day()),
          ms / 3'600'000,
          ms / 60'000 % 60,
          ms / 1000 % 60,
          ms % 1000};
}

}  // namespace

std::string duration(double us) {
  if (us < 0) return "-" + duration(-us);
  return with_unit(unit_of(us), us);
}

std::string duration(std::chrono::nanoseconds d) { return duration(static_cast<double>(d.count()) / 1e3); }

std::vector<std::string> durations(const std::vector<double>& us) {
  std::vector<std::string> words;
  if (us.empty()) return words;
  const double largest = *std::max_element(us.begin(), us.end());
  words.reserve(us.size());
  for (const double value : us) words.push_back(with_unit(unit_beside(value, largest), value));
  return words;
}

std::string duration_range(double low_us, double high_us) {
  const std::string high = duration(high_us);
  const TimeUnit& unit = unit_beside(low_us, high_us);
  const std::string low = with_unit(unit, low_us);
  if (low == high) return high;
  return fmt::format("{} to {}", unit.us == unit_of(high_us).us ? number_in(unit, low_us) : low, high);
}

std::string duration_in_words(std::chrono::nanoseconds duration) {
  using std::chrono::duration_cast;
  const auto microseconds = duration_cast<std::chrono::microseconds>(duration).count();
  if (microseconds > 0 && microseconds < 1000) return fmt::format("{} us", microseconds);
  const auto milliseconds = duration_cast<std::chrono::milliseconds>(duration).count();
  if (milliseconds > 0 && milliseconds < 1000) return fmt::format("{} ms", milliseconds);
  const auto all_seconds = duration_cast<std::chrono::seconds>(duration).count();
  if (all_seconds < 60) {
    if (milliseconds % 1000 == 0) return fmt::format("{} s", all_seconds);
    std::string fraction = fmt::format("{:03}", milliseconds % 1000);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    return fmt::format("{}.{} s", all_seconds, fraction);
  }
  std::string words;
  const auto add = [&words](auto amount, const char* unit) {
    if (amount != 0) words += fmt::format("{}{} {}", words.empty() ? "" : " ", amount, unit);
  };
  add(all_seconds / 3600, "h");
  add(all_seconds / 60 % 60, "min");
  add(all_seconds % 60, "s");
  return fmt::format("{} s ({})", all_seconds, words);
}

std::string bytes(double n) {
  constexpr double kPlainBelow = 10 * 1024;
  if (n < kPlainBelow) return fmt::format("{:.0f} B", n);
  const auto* unit = std::find_if(kSizeUnits.begin(), kSizeUnits.end(),
                                  [n](const SizeUnit& u) { return n >= static_cast<double>(1ULL << u.shift); });
  const double value = n / static_cast<double>(1ULL << unit->shift);
  const bool whole = value == std::round(value) || value >= 99.95;
  return whole ? fmt::format("{:.0f} {}", value, unit->name) : fmt::format("{:.1f} {}", value, unit->name);
}

std::string narrow_bytes(std::uint64_t n) {
  if (n < 1'000'000) return std::to_string(n);
  const double mib = static_cast<double>(n) / (1 << 20);
  return mib < 10'000 ? fmt::format("{:.0f}MiB", mib) : fmt::format("{:.0f}GiB", mib / 1024);
}

std::string size_in_words(std::uint64_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    const std::uint64_t whole = bytes >> unit.shift;
    if (whole != 0 && whole << unit.shift == bytes) return fmt::format("{} {}", whole, unit.name);
  }
  return "0 B";
}

std::string bit_rate(double bit_per_s) {
  struct Unit {
    double bits;
    std::string_view name;
  };
  constexpr std::array kRates = {Unit{1e9, "Gbit/s"}, Unit{1e6, "Mbit/s"}, Unit{1e3, "kbit/s"}, Unit{1, "bit/s"}};
  const auto* unit = std::ranges::find_if(kRates, [bit_per_s](const Unit& u) { return bit_per_s >= u.bits; });
  if (unit == kRates.end()) unit = &kRates.back();
  const double number = bit_per_s / unit->bits;
  const bool whole = std::abs(number - std::round(number)) < 1e-6 * number || number >= 99.95;
  return whole ? fmt::format("{:.0f} {}", number, unit->name) : fmt::format("{:.3g} {}", number, unit->name);
}

std::string percent(double pct) {
  if (pct >= 99.95) return fmt::format("{:.0f} %", pct);
  if (pct >= 0.095 || pct <= 0) return fmt::format("{:.1f} %", pct);
  return pct < 0.0001 ? "under 0.0001 %" : fmt::format("{:.2g} %", pct);
}

std::string rate(double per_second) {
  if (per_second >= 99.5 || per_second <= 0) return fmt::format("{:.0f}", per_second);
  if (per_second >= 0.095) return fmt::format("{:.1f}", per_second);
  return fmt::format("{:.2f}", per_second);
}

std::string decimal(double value) {
  std::string text = fmt::format("{:.3f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string number_of(std::uint64_t n, std::string_view singular, std::string_view plural) {
  if (n != 1 && plural.empty()) return fmt::format("{} {}s", n, singular);
  return fmt::format("{} {}", n, n == 1 ? singular : plural);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string date(UtcTime t) {
  const Fields f = fields_of(t);
  return fmt::format("{:04}-{:02}-{:02}", f.year, f.month, f.day);
}

std::string clock_time(UtcTime t) { return fmt::format("{}.{:03}", clock_seconds(t), fields_of(t).milliseconds); }

std::string clock_seconds(UtcTime t) {
  const Fields f = fields_of(t);
  return fmt::format("{:02}:{:02}:{:02}", f.hours, f.minutes, f.seconds);
}

std::string rfc3339(UtcTime t) { return date(t) + "T" + clock_time(t) + "Z"; }

std::string local_time(UtcTime t, int utc_offset_s, std::string_view zone) {
  const Fields f = fields_of(t + std::chrono::seconds(utc_offset_s));
  const std::string time = fmt::format("{:02}:{:02}", f.hours, f.minutes);
  const int minutes = std::abs(utc_offset_s) / 60;
  const std::string offset = fmt::format("{}{:02}:{:02}", utc_offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
  if (zone == "UTC" && utc_offset_s == 0) return time + " UTC";
  // Zones without a name of their own are called "+03".
  const bool has_name = !zone.empty() && zone.front() != '+' && zone.front() != '-';
  return has_name ? fmt::format("{} {} ({})", time, zone, offset) : fmt::format("{} ({})", time, offset);
}

}  // namespace tcpdiag
