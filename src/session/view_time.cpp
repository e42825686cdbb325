// SPDX-License-Identifier: Apache-2.0
#include "session/view_time.h"

#include <chrono>
#include <cstdint>

#include "util/duration.h"
#include "util/number.h"

namespace tcpdiag::session {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// The next `digits` digits as a number of at most `most`; taken off `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits, int most) {
  if (text.size() < digits || text.substr(0, digits).find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const auto value = parse_number<unsigned>(text.substr(0, digits));
  text.remove_prefix(digits);
  return value && *value <= static_cast<unsigned>(most) ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "HH:MM", "HH:MM:SS", "HH:MM:SS.fraction": what follows stays in `text`.
std::optional<nanoseconds> take_time_of_day(std::string_view& text) {
  const auto hour = take_number(text, 2, 23);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2, 59);
  if (!minute) return std::nullopt;
  nanoseconds time = hours{*hour} + minutes{*minute};
  if (!take(text, ":")) return time;
  const auto second = take_number(text, 2, 59);
  if (!second) return std::nullopt;
  time += seconds{*second};
  if (!take(text, ".")) return time;
  nanoseconds digit = milliseconds{100};
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    time += digit * (text.front() - '0');
    digit /= 10;
    text.remove_prefix(1);
  }
  return time;
}

// "Z", "+09:00": how far local time is ahead of UTC.
std::optional<minutes> take_offset(std::string_view& text) {
  if (take(text, "Zz")) return minutes{0};
  const bool behind = !text.empty() && text.front() == '-';
  if (!take(text, "+-")) return std::nullopt;
  const auto hour = take_number(text, 2, 23);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2, 59);
  if (!minute) return std::nullopt;
  const minutes ahead = hours{*hour} + minutes{*minute};
  return behind ? -ahead : ahead;
}

std::optional<model::WallTime> parse_rfc3339(std::string_view text) {
  constexpr int kLastYear = 2200;  // far from where nanoseconds overflow (2262)
  constexpr int kFirstYear = 1970;
  const auto y = take_number(text, 4, kLastYear);
  if (!y || *y < kFirstYear || !take(text, "-")) return std::nullopt;
  const auto m = take_number(text, 2, 12);
  if (!m || !take(text, "-")) return std::nullopt;
  const auto d = take_number(text, 2, 31);
  if (!d || !take(text, "Tt ")) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*y}, std::chrono::month{static_cast<unsigned>(*m)},
                                         std::chrono::day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  const auto time = take_time_of_day(text);
  if (!time) return std::nullopt;
  const auto ahead = take_offset(text);
  if (!ahead || !text.empty()) return std::nullopt;
  return std::chrono::sys_days{date} + *time - *ahead;
}

}  // namespace

std::optional<ViewTime> parse_view_time(std::string_view text) {
  if (text.starts_with('+')) {
    const auto duration = parse_duration(text.substr(1));
    return duration ? std::optional<ViewTime>(SinceStart{*duration}) : std::nullopt;
  }
  if (const auto time = parse_rfc3339(text)) return *time;
  const auto time = take_time_of_day(text);
  return time && text.empty() ? std::optional<ViewTime>(TimeOfDay{*time}) : std::nullopt;
}

model::WallTime resolve(const ViewTime& time, model::WallTime start) {
  if (const auto* wall = std::get_if<model::WallTime>(&time)) return *wall;
  if (const auto* since = std::get_if<SinceStart>(&time)) return start + since->duration;
  const model::WallTime midnight = std::chrono::floor<days>(start);
  // To the second: a recording that began at 02:33:50.118 has "02:33:50" in it.
  const model::WallTime at = midnight + std::get<TimeOfDay>(time).since_midnight;
  return at < std::chrono::floor<seconds>(start) ? at + days{1} : at;
}

}  // namespace tcpdiag::session
