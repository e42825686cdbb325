// SPDX-License-Identifier: Apache-2.0
#include "diagnose/timer_candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "diagnose/since_inbound.h"
#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/ports.h"
#include "util/format.h"

namespace tcpdiag::diagnose {
namespace {

using knowledge::Client;
using knowledge::KnownTimer;
using knowledge::TimerLimit;
using knowledge::TimerOwner;

bool speaks_the_protocol(const KnownTimer& timer, std::uint16_t port) {
  if (timer.kind == Client::kHttp) return !knowledge::is_redis_port(port);
  if (timer.kind == Client::kRedis) return !knowledge::is_http_port(port);
  return true;
}

std::vector<KnownTimer> timers_for(const Group& group) {
  std::vector<KnownTimer> timers;
  for (const KnownTimer& timer : knowledge::known_timers()) {
    if (speaks_the_protocol(timer, group.port())) timers.push_back(timer);
  }
  for (const model::NetnsInfo& netns : group.facts.picture.start.netns) {
    if (netns.inode != group.endpoint.picture->key.netns_inode) continue;
    for (KnownTimer& timer : knowledge::kernel_timers(netns.sysctls)) timers.push_back(timer);
  }
  return timers;
}

bool is_near(double seen_s, double timer_s) {
  const double allowed = std::max(model::seconds(kTimerMatch), kTimerMatchShare * timer_s);
  return std::abs(seen_s - timer_s) <= allowed;
}

// In thousandths of a percent: what a report shows is what the order is made of.
double deviation_pct(double seen_s, double timer_s) { return std::round(1e5 * (seen_s / timer_s - 1)) / 1e3; }

bool closer(const model::TimerCandidate& a, const model::TimerCandidate& b) {
  const double da = std::abs(a.deviation_pct);
  const double db = std::abs(b.deviation_pct);
  return da != db ? da < db : a.name < b.name;
}

void add_candidate(std::vector<model::TimerCandidate>& candidates, model::TimerCandidate candidate) {
  const auto known = std::find_if(candidates.begin(), candidates.end(), [&](const model::TimerCandidate& other) {
    return other.name == candidate.name && other.timer_s == candidate.timer_s;
  });
  if (known == candidates.end()) {
    candidates.push_back(std::move(candidate));
  } else if (std::abs(candidate.deviation_pct) < std::abs(known->deviation_pct)) {
    *known = std::move(candidate);
  }
}

}  // namespace

TimerMatch match_timers(const Group& group, std::initializer_list<TimedFrom> starts) {
  TimerMatch match;
  const TimedFrom* first = nullptr;
  const std::vector<KnownTimer> timers = timers_for(group);
  for (const TimedFrom& start : starts) {
    if (!start.timer) continue;
    if (first == nullptr) first = &start;
    const double seen_s = model::seconds(start.timer->median);
    for (const KnownTimer& timer : timers) {
      if (!start.fits(timer) || !is_near(seen_s, timer.seconds)) continue;
      add_candidate(match.candidates, {std::string(timer.name), timer.seconds, knowledge::to_string(timer.origin),
                                       deviation_pct(seen_s, timer.seconds), start.counted_from});
    }
  }
  std::stable_sort(match.candidates.begin(), match.candidates.end(), closer);
  if (first != nullptr && match.candidates.empty()) {
    match.words = fmt::format(" No timer of {} is known that would do this: it is somebody's own setting.",
                              duration(first->timer->median));
  }
  return match;
}

std::optional<Timer> since_inbound_timer(const Group& group) {
  const auto since = group.timed([](const model::SocketStory& story) { return since_inbound_request(story); });
  if (static_cast<double>(since.size()) < kSinceInboundShare * static_cast<double>(group.size())) return std::nullopt;
  return find_timer(since);
}

bool closes_request(const KnownTimer& timer) {
  return timer.limit == TimerLimit::kRequest &&
         (timer.owner == TimerOwner::kServer || timer.owner == TimerOwner::kProxy);
}

bool resets_request(const KnownTimer& timer) {
  // Where nothing passes while the answer is awaited, the connection is idle for what stands between.
  return closes_request(timer) || (timer.limit == TimerLimit::kIdle && timer.owner == TimerOwner::kMiddlebox);
}

bool closes_idle(const KnownTimer& timer) {
  return timer.limit == TimerLimit::kIdle && (timer.owner == TimerOwner::kServer || timer.owner == TimerOwner::kProxy);
}

bool resets_idle(const KnownTimer& timer) {
  return timer.limit == TimerLimit::kIdle && timer.owner != TimerOwner::kClient;
}

bool client_gives_up(const KnownTimer& timer) {
  return timer.limit == TimerLimit::kRequest &&
         (timer.owner == TimerOwner::kClient || timer.owner == TimerOwner::kProxy);
}

bool ends_worker(const KnownTimer& timer) {
  return timer.limit == TimerLimit::kRequest && timer.owner == TimerOwner::kServer;
}

}  // namespace tcpdiag::diagnose
