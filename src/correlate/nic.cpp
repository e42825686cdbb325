// SPDX-License-Identifier: Apache-2.0
#include "correlate/nic.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "correlate/differences.h"
#include "correlate/seconds.h"

namespace tcpdiag::correlate {
namespace {

using model::Duration;
using model::kAllowances;
using model::MonoTime;

constexpr Duration kMinute = std::chrono::minutes(1);
// Where no sample came for longer, when it was is anybody's guess.
constexpr Duration kSpreadAtMost = std::chrono::hours(1);
constexpr std::size_t kCells = 4096;        // of one counter; more than a report has values
constexpr std::size_t kRisesKept = 2 * 60;  // within a minute

std::int64_t second_at(MonoTime at, MonoTime origin) {
  return std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(at - origin).count(), 0);
}

}  // namespace

void SparseSeconds::add(std::int64_t second, std::uint64_t count) {
  if (count == 0) return;
  const std::int64_t index = second / interval_s_;
  const auto found = std::lower_bound(cells_.begin(), cells_.end(), index,
                                      [](const auto& cell, std::int64_t wanted) { return cell.first < wanted; });
  if (found != cells_.end() && found->first == index) {
    found->second += count;
    return;
  }
  cells_.emplace(found, index, count);
  if (cells_.size() > kCells) halve();
}

void SparseSeconds::halve() {
  std::vector<std::pair<std::int64_t, std::uint64_t>> merged;
  for (const auto& [index, count] : cells_) {
    if (merged.empty() || merged.back().first != index / 2) {
      merged.emplace_back(index / 2, count);
    } else {
      merged.back().second += count;
    }
  }
  cells_ = std::move(merged);
  interval_s_ *= 2;
}

std::vector<std::uint64_t> SparseSeconds::values(const SeriesShape& shape) const {
  std::vector<std::uint64_t> values(shape.n, 0);
  if (shape.n == 0) return values;
  for (const auto& [index, count] : cells_) {
    if (index * interval_s_ < shape.first_s) continue;
    const std::int64_t value = (index * interval_s_ - shape.first_s) / shape.interval_s;
    values[static_cast<std::size_t>(std::min(value, static_cast<std::int64_t>(shape.n) - 1))] += count;
  }
  return values;
}

bool AllowanceRecord::add(std::uint64_t value, const std::optional<MonoTime>& before, MonoTime at, MonoTime origin) {
  const bool is_first = readings_++ == 0;
  const std::uint64_t was = std::exchange(newest_, value);
  if (is_first || !before) return false;
  const bool went_back = value < was;
  count(went_back ? value : value - was, *before, at, origin);
  return went_back;
}

void AllowanceRecord::count(std::uint64_t packets, MonoTime since, MonoTime at, MonoTime origin) {
  if (packets == 0) return;
  sum_.delta += packets;
  if (!sum_.first_at) sum_.first_at = since;
  sum_.last_at = at;
  const Duration length = at - since;
  // Over a longer time a mean is all that is known.
  const double rate = std::min(static_cast<double>(packets) / std::max(model::seconds(length), 1.0), 1e18);
  sum_.max_per_s = std::max({sum_.max_per_s, static_cast<std::uint64_t>(std::llround(rate)), std::uint64_t{1}});
  count_minute({since, at, packets});

  const std::int64_t middle = second_at(since + length / 2, origin);
  if (newest_second_ != middle) ++sum_.seconds_with_delta;
  newest_second_ = middle;
  if (length <= kOneRound || length > kSpreadAtMost) {
    seconds_.add(middle, packets);
    return;
  }
  for (MonoTime from = since; from < at;) {
    const std::int64_t second = second_at(from, origin);
    const MonoTime to = std::min(at, std::max(origin + std::chrono::seconds(second + 1), from + Duration(1)));
    const double share = to == at ? 1 : model::seconds(to - since) / model::seconds(length);
    seconds_.add(second, part_of(packets, model::seconds(from - since) / model::seconds(length), share));
    from = to;
  }
}

// Only rises that lie wholly within a minute are added up, so it never claims too much.
void AllowanceRecord::count_minute(const Rise& rise) {
  const Duration length = rise.at - rise.since;
  if (length > kMinute) {
    last_minute_.clear();
    const double share = model::seconds(kMinute) / model::seconds(length);
    sum_.max_per_minute = std::max(sum_.max_per_minute, part_of(rise.packets, 0, share));
    return;
  }
  if (last_minute_.size() < kRisesKept) {
    last_minute_.push_back(rise);
  } else {
    last_minute_.back().at = rise.at;
    last_minute_.back().packets += rise.packets;
  }
  while (rise.at - last_minute_.front().since > kMinute) last_minute_.pop_front();
  std::uint64_t sum = 0;
  for (const Rise& each : last_minute_) sum += each.packets;
  sum_.max_per_minute = std::max(sum_.max_per_minute, sum);
}

model::AllowanceLimit AllowanceRecord::picture(const SeriesShape& shape) const {
  model::AllowanceLimit limit = sum_;
  limit.per_second = seconds_.values(shape);
  return limit;
}

void NicRecord::add(const model::NicSample& sample, MonoTime origin) {
  if (newest_at_ && sample.at < *newest_at_) return;
  if (!sample.driver.empty()) driver_ = sample.driver;
  if (!sample.driver_version.empty()) driver_version_ = sample.driver_version;
  supported_ = supported_ || sample.counters_supported;
  for (std::size_t i = 0; i < kAllowances.size(); ++i) {
    const auto value = sample.exceeded.find(kAllowances[i]);
    if (value == sample.exceeded.end()) continue;
    if (limits_[i].add(value->second, newest_at_, sample.at, origin)) reset_ = true;
  }
  if (sample.conntrack_available) {
    conntrack_available_min_ =
        std::min(conntrack_available_min_.value_or(*sample.conntrack_available), *sample.conntrack_available);
  }
  newest_at_ = sample.at;
}

model::NicPicture NicRecord::picture(const SeriesShape& shape) const {
  model::NicPicture picture;
  picture.driver = driver_;
  picture.driver_version = driver_version_;
  picture.counters_supported = supported_;
  picture.driver_reset = reset_;
  for (std::size_t i = 0; i < kAllowances.size(); ++i) {
    if (!limits_[i].is_known()) continue;
    picture.limits.push_back(limits_[i].picture(shape));
    picture.limits.back().limit = kAllowances[i];
  }
  picture.conntrack_available_min = conntrack_available_min_;
  return picture;
}

void NicRecords::add(const model::NicSample& sample, MonoTime origin, std::size_t most) {
  const std::pair<std::uint32_t, std::string> key(sample.netns_inode, sample.device);
  if (records_.size() >= most && !records_.contains(key)) {
    const auto useless = std::find_if(records_.begin(), records_.end(),
                                      [](const auto& entry) { return !entry.second.counters_supported(); });
    if (!sample.counters_supported || useless == records_.end()) return;
    records_.erase(useless);
  }
  records_[key].add(sample, origin);
}

std::vector<model::NicPicture> NicRecords::pictures(const SeriesShape& shape) const {
  std::vector<model::NicPicture> pictures;
  pictures.reserve(records_.size());
  for (const auto& [key, record] : records_) {
    pictures.push_back(record.picture(shape));
    pictures.back().netns_inode = key.first;
    pictures.back().device = key.second;
  }
  return pictures;
}

}  // namespace tcpdiag::correlate
