// SPDX-License-Identifier: Apache-2.0
#include "report/format.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>

namespace tcpdiag::report {
namespace {

struct Fields {
  int year;
  unsigned month, day;
  long hours, minutes, seconds, milliseconds;
};

Fields fields_of(model::WallTime t) {
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
  const double ms = us / 1e3;
  const double s = us / 1e6;
  if (us < 0) return "-" + duration(-us);
  if (us < 9.5) return fmt::format("{:.0f} us", us);
  if (us < 99.5) return fmt::format("{:.2f} ms", ms);
  if (ms < 9.95) return fmt::format("{:.1f} ms", ms);
  if (ms < 999.5) return fmt::format("{:.0f} ms", ms);
  if (s < 99.95) return fmt::format("{:.1f} s", s);
  return fmt::format("{:.0f} s", s);
}

std::string bytes(std::uint64_t n) {
  const auto value = static_cast<double>(n);
  if (n < 100'000) return fmt::format("{} B", n);
  if (n < 1024 * 1024) return fmt::format("{:.1f} KiB", value / 1024);
  if (value < 10.0 * (1ULL << 30)) return fmt::format("{:.1f} MiB", value / (1 << 20));
  return fmt::format("{:.1f} GiB", value / (1 << 30));
}

std::string percent(double pct) {
  if (pct >= 99.95) return "100 %";
  if (pct >= 0.095 || pct <= 0) return fmt::format("{:.1f} %", pct);
  return fmt::format("{:.2f} %", pct);
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

std::string number_of(std::uint64_t n, std::string_view singular) {
  return fmt::format("{} {}{}", n, singular, n == 1 ? "" : "s");
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string date(model::WallTime t) {
  const Fields f = fields_of(t);
  return fmt::format("{:04}-{:02}-{:02}", f.year, f.month, f.day);
}

std::string clock_time(model::WallTime t) {
  return fmt::format("{}.{:03}", clock_seconds(t), fields_of(t).milliseconds);
}

std::string clock_seconds(model::WallTime t) {
  const Fields f = fields_of(t);
  return fmt::format("{:02}:{:02}:{:02}", f.hours, f.minutes, f.seconds);
}

std::string rfc3339(model::WallTime t) { return date(t) + "T" + clock_time(t) + "Z"; }

std::string local_time(model::WallTime t, int utc_offset_s, std::string_view zone) {
  const Fields f = fields_of(t + std::chrono::seconds(utc_offset_s));
  const std::string time = fmt::format("{:02}:{:02}", f.hours, f.minutes);
  const int minutes = std::abs(utc_offset_s) / 60;
  const std::string offset = fmt::format("{}{:02}:{:02}", utc_offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
  if (zone == "UTC" && utc_offset_s == 0) return time + " UTC";
  // Zones without a name of their own are called "+03".
  const bool has_name = !zone.empty() && zone.front() != '+' && zone.front() != '-';
  return has_name ? fmt::format("{} {} ({})", time, zone, offset) : fmt::format("{} ({})", time, offset);
}

std::int64_t offset_us(model::MonoTime start, model::MonoTime t) {
  return std::chrono::floor<std::chrono::microseconds>(t - start).count();
}

}  // namespace tcpdiag::report
