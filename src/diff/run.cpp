// SPDX-License-Identifier: Apache-2.0
// What belongs to no endpoint: the run's shares, accept queues, network cards.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "diff/counts.h"
#include "diff/matching.h"
#include "diff/statistics.h"
#include "diff/thresholds.h"

namespace tcpdiag::diff {
namespace {

// Events of a whole run that nobody divides into attempts.
struct Events {
  std::uint64_t good = 0;
  std::uint64_t bad = 0;
  double good_s = 0;
  double bad_s = 0;
};

void compare_events(Difference difference, const Events& events, double effect, std::uint64_t fewest,
                    Collector& collector) {
  if (events.good_s <= 0 || events.bad_s <= 0 || (events.good == 0 && events.bad == 0)) return;
  collector.tested();
  const double good_rate = static_cast<double>(events.good) / events.good_s;
  const double bad_rate = static_cast<double>(events.bad) / events.bad_s;
  const bool bad_is_worse = bad_rate > good_rate;
  if ((bad_is_worse ? events.bad : events.good) < fewest) return;
  if (std::max(good_rate, bad_rate) < std::min(good_rate, bad_rate) * kLossRatio) return;
  difference.unit = Unit::kPerSecond;
  difference.p_value = p_of_rates(static_cast<double>(events.good) / effect, events.good_s,
                                  static_cast<double>(events.bad) / effect, events.bad_s);
  const auto fill = [](Side& side, std::uint64_t count, double seconds, double rate) {
    side.value = rate;
    side.count = count;
    side.seconds = seconds;
  };
  fill(difference.good, events.good, events.good_s, good_rate);
  fill(difference.bad, events.bad, events.bad_s, bad_rate);
  set_effect(difference, true);
  const double seconds = bad_is_worse ? events.bad_s : events.good_s;
  difference.affected = static_cast<std::uint64_t>(std::llround(std::abs(bad_rate - good_rate) * seconds));
  difference.score = static_cast<double>(*difference.affected);
  collector.add({.difference = std::move(difference)});
}

using OutcomeCounts = std::array<std::uint64_t, model::kConnectOutcomes>;

struct Device {
  std::string netns;
  std::string name;
  auto operator<=>(const Device&) const = default;
};

std::map<Device, const model::NicPicture*> devices_of(const model::Picture& picture) {
  const NetnsNames names(picture);
  std::map<Device, const model::NicPicture*> out;
  for (const model::NicPicture& nic : picture.nics) out[{names.of(nic.netns_inode), nic.device}] = &nic;
  return out;
}

void compare_allowances(const model::Report& good, const model::Report& bad, Collector& collector) {
  const double good_s = model::seconds(good.picture.window.length());
  const double bad_s = model::seconds(bad.picture.window.length());
  const auto goods = devices_of(good.picture);
  for (const auto& [device, nic] : devices_of(bad.picture)) {
    const auto found = goods.find(device);
    if (found == goods.end() || !nic->counters_supported || !found->second->counters_supported) continue;
    for (const model::AllowanceLimit& in_bad : nic->limits) {
      const auto& limits = found->second->limits;
      const auto in_good = std::find_if(limits.begin(), limits.end(), [&](const model::AllowanceLimit& limit) {
        return limit.limit == in_bad.limit;
      });
      if (in_good == limits.end()) continue;
      if (std::max(in_good->seconds_with_delta, in_bad.seconds_with_delta) < kFewestExceededSeconds) continue;
      Difference difference;
      difference.tier = Tier::kLoss;
      difference.what = fmt::format("allowance_exceeded.{}", in_bad.limit);
      difference.scope = {.kind = ScopeKind::kNic, .netns = device.netns, .device = device.name};
      // The shaper takes many packets at once: its seconds are what is counted.
      const double packets = static_cast<double>(in_good->delta + in_bad.delta);
      const double seconds = static_cast<double>(in_good->seconds_with_delta + in_bad.seconds_with_delta);
      compare_events(std::move(difference), {in_good->delta, in_bad.delta, good_s, bad_s},
                     std::max(1.0, packets / seconds), kFewestExceeded, collector);
    }
  }
}

}  // namespace

void compare_run(const model::Report& good, const model::Report& bad, Collector& collector) {
  const Attempts in_good = sum_of(attempts_of(good));
  const Attempts in_bad = sum_of(attempts_of(bad));
  const Scope whole;
  compare_failed_shares("exchanges_failed", whole, in_good.exchanges_failed, in_good.exchanges, in_bad.exchanges_failed,
                        in_bad.exchanges, 1, collector);
  const auto outcomes = [](const model::Report& report, OutcomeCounts& sums) {
    for (const auto& endpoint : report.picture.endpoints) {
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += endpoint.totals.connect_outcomes[i];
    }
  };
  OutcomeCounts good_sums{};
  OutcomeCounts bad_sums{};
  outcomes(good, good_sums);
  outcomes(bad, bad_sums);
  for (std::size_t i = 0; i < good_sums.size(); ++i) {
    const auto outcome = static_cast<model::ConnectOutcome>(i);
    if (!is_failure(outcome)) continue;
    compare_failed_shares(fmt::format("connect_outcomes.{}", model::to_string(outcome)), whole, good_sums[i],
                          in_good.connects, bad_sums[i], in_bad.connects, 1, collector);
  }
  const double good_s = model::seconds(good.picture.window.length());
  const double bad_s = model::seconds(bad.picture.window.length());
  const auto listen = [&](const char* what, const std::optional<std::uint64_t>& g,
                          const std::optional<std::uint64_t>& b) {
    if (!g || !b) return;
    Difference difference;
    difference.tier = Tier::kFailures;
    difference.what = what;
    compare_events(std::move(difference), {*g, *b, good_s, bad_s}, kAssumedDispersion, kFewestLost, collector);
  };
  listen("listen_overflows", good.picture.totals.listen_overflows, bad.picture.totals.listen_overflows);
  listen("listen_drops", good.picture.totals.listen_drops, bad.picture.totals.listen_drops);
  compare_allowances(good, bad, collector);
}

}  // namespace tcpdiag::diff
