// SPDX-License-Identifier: Apache-2.0
// One run: what the failed sockets have that the good ones have not, and where the failures sit.
//
// Of good exchanges the report has counts, medians and histograms, of failed ones each socket's story. So a failed
// value is held against the good ones' median by the sign test (half of them should be above), and a place (process,
// peer, backend, second) by its share of the failures against its share of the traffic. Failures of one second may be
// one event: what holds only if each of them counts is reported with confidence low.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "diff/compare.h"
#include "diff/counts.h"
#include "diff/delays.h"
#include "diff/matching.h"
#include "diff/order.h"
#include "diff/statistics.h"
#include "diff/summary.h"
#include "diff/thresholds.h"
#include "util/format.h"

namespace tcpdiag::diff {
namespace {

using model::EndpointPicture;
using model::OutcomeGroup;
using model::SocketStory;
using Stories = std::vector<const SocketStory*>;

bool failed(const SocketStory& story) {
  return story.exchanges_failed > 0 || (story.outcome && is_failure(*story.outcome));
}

model::MonoTime failed_at(const SocketStory& story) {
  if (story.end) return story.end->at;
  return story.closed_at.value_or(story.first_seen_at);
}

class Endpoint {
 public:
  Endpoint(const model::Report& run, std::size_t index, const Attempts& attempts, Collector& collector)
      : run_(run), endpoint_(run.picture.endpoints[index]), attempts_(attempts), collector_(collector) {
    scope_ = endpoint_scope(&endpoint_, &endpoint_, NetnsNames(run.picture).of(endpoint_.key.netns_inode));
    for (const SocketStory& story : run.picture.sockets) {
      if (story.endpoint == index) (failed(story) ? failed_ : good_).push_back(&story);
    }
    std::set<std::int64_t> seconds;
    for (const SocketStory* story : failed_) seconds.insert(second_of(*story));
    if (!seconds.empty()) effect_ = static_cast<double>(failed_.size()) / static_cast<double>(seconds.size());
  }

  void compare() {
    compare_app_gap();
    compare_reuse();
    compare_sizes();
    compare_idle();
    compare_processes();
    compare_peers();
    compare_ports();
    compare_time();
    const std::uint64_t all = attempts_.exchanges_failed + attempts_.connects_failed;
    if (failed_.size() < all) {
      collector_.not_compared(fmt::format("failures of {}", words_for(scope_)),
                              fmt::format("{} of {} were kept with their story", failed_.size(), all));
    }
  }

  double effect() const { return effect_; }

 private:
  std::int64_t second_of(const SocketStory& story) const {
    const auto since =
        failed_at(story) - run_.picture.window.start - std::chrono::microseconds(endpoint_.series.start_offset_us);
    return std::chrono::floor<std::chrono::seconds>(since).count();
  }

  // `p` if each failure counts, `p_of_seconds` if those of one second are one.
  void add(Difference difference, double p, double p_of_seconds) {
    difference.tier = Tier::kFailures;
    difference.p_value = p;
    if (!difference.affected) difference.affected = failed_.size();
    difference.score = count(*difference.affected);
    if (p_of_seconds > kSingleLow) {
      difference.confidence = model::Confidence::kLow;
      difference.confidence_reasons.push_back(
          fmt::format("the failures fell into {}: they may be one event each",
                      duration(1e6 * std::ceil(static_cast<double>(failed_.size()) / effect_))));
    }
    set_effect(difference, std::nullopt);
    collector_.add({.difference = std::move(difference)});
  }

  const OutcomeGroup* good_group() const {
    const auto found = std::find_if(endpoint_.outcomes.begin(), endpoint_.outcomes.end(),
                                    [](const OutcomeGroup& group) { return group.outcome == "good"; });
    return found == endpoint_.outcomes.end() ? nullptr : &*found;
  }

  void compare_app_gap() {
    Difference difference;
    difference.tier = Tier::kFailures;
    difference.what = model::to_string(model::Measure::kAppGap);
    difference.scope = scope_;
    difference.affected = failed_.size();
    difference.score = static_cast<double>(failed_.size());
    compare_values(endpoint_.app_gap.good_us, endpoint_.app_gap.failed_us, 1, std::max(1.0, effect_),
                   std::move(difference), collector_);
  }

  // Exchanges on a connection that had had one before.
  void compare_reuse() {
    const OutcomeGroup* good = good_group();
    if (good == nullptr || !good->reused) return;
    std::uint64_t reused = 0;
    std::uint64_t all = 0;
    for (const OutcomeGroup& group : endpoint_.outcomes) {
      if (group.outcome != "reset" && group.outcome != "closed" && group.outcome != "timeout") continue;
      reused += group.reused.value_or(0);
      all += group.count;
    }
    if (all < kFewestFailures || good->count == 0) return;
    collector_.tested();
    constexpr double kPoints = 20;
    const Side good_side = share(*good->reused, good->count);
    const Side bad_side = share(reused, all);
    if (std::abs(*good_side.value - *bad_side.value) < kPoints) return;
    Difference difference = of_shares("reused", good_side, bad_side);
    const auto worth = [this](std::uint64_t n) { return static_cast<double>(n) / std::max(1.0, effect_); };
    add(std::move(difference), p_of_shares(count(*good->reused), count(good->count), count(reused), count(all)),
        p_of_shares(count(*good->reused), count(good->count), worth(reused), worth(all)));
  }

  void compare_sizes() {
    const OutcomeGroup* good = good_group();
    if (good == nullptr || !good->request_p50_bytes) return;
    std::vector<double> values;
    for (const SocketStory* story : failed_) {
      if (story->end && story->exchanges_failed > 0) values.push_back(count(story->end->request_bytes));
    }
    against_median("request_bytes", Unit::kBytes, count(*good->request_p50_bytes), good->count, std::move(values),
                   kLeastSizeBytes);
  }

  void compare_idle() {
    const OutcomeGroup* good = good_group();
    if (good == nullptr || !good->idle_before_request_p50_us) return;
    std::vector<double> values;
    for (const SocketStory* story : failed_) {
      if (!story->end || !story->end->idle_before_request || story->exchanges_failed == 0) continue;
      values.push_back(static_cast<double>(model::microseconds(*story->end->idle_before_request)));
    }
    against_median("idle_before_request", Unit::kMicroseconds, count(*good->idle_before_request_p50_us), good->count,
                   std::move(values), kOutcomeLeastUs);
  }

  void against_median(const char* what, Unit unit, double median, std::uint64_t good_count, std::vector<double> values,
                      double least) {
    if (count(values.size()) < kFewestValues) return;
    collector_.tested();
    std::sort(values.begin(), values.end());
    const double own = values[(values.size() - 1) / 2];
    const double more = std::max(own, median);
    const double less = std::min(own, median);
    if (more - less < least || more < less * kOutcomeRatio) return;
    double above = 0;
    double n = 0;
    for (const double value : values) {
      if (value == median) continue;  // a tie says nothing
      ++n;
      if (value > median) ++above;
    }
    Difference difference;
    difference.what = what;
    difference.quantile = "p50";
    difference.scope = scope_;
    difference.unit = unit;
    difference.good.value = median;
    difference.good.count = good_count;
    difference.bad.value = own;
    difference.bad.count = values.size();
    difference.bad.effective_count = static_cast<double>(values.size()) / effect_;
    add(std::move(difference), p_of_binomial(above, n, 0.5), p_of_binomial(above / effect_, n / effect_, 0.5));
  }

  // One place's failures against those of all others.
  void place(const char* what, Scope scope, std::string name, std::uint64_t failures, std::uint64_t of,
             std::uint64_t other_failures, std::uint64_t other_of) {
    if (of == 0 || other_of == 0) return;
    of = std::max(of, failures);
    other_of = std::max(other_of, other_failures);
    collector_.tested();
    const Side others = share(other_failures, other_of);
    const Side here = share(failures, of);
    if (failures < kFewestFailures || *here.value < *others.value * kOutcomeShareRatio ||
        *here.value - *others.value < kFailurePoints) {
      return;
    }
    Difference difference = of_shares(what, others, here);
    difference.scope = std::move(scope);
    difference.good.text = "all others";
    difference.bad.text = std::move(name);
    difference.affected = failures;
    const auto worth = [this](std::uint64_t n) { return static_cast<double>(n) / std::max(1.0, effect_); };
    add(std::move(difference), p_of_shares(count(other_failures), count(other_of), count(failures), count(of)),
        p_of_shares(worth(other_failures), worth(other_of), worth(failures), worth(of)));
  }

  void compare_processes() {
    std::map<ProcessKey, std::uint64_t> failures;
    std::uint64_t all_failures = 0;
    for (const SocketStory* story : failed_) {
      if (!story->owner) continue;
      ++failures[{story->owner->comm, normalised_cgroup(story->cgroup_path)}];
      ++all_failures;
    }
    std::map<ProcessKey, std::uint64_t> attempts;
    std::uint64_t all = 0;
    for (const model::ProcessShare& process : endpoint_.processes) {
      if (process.pids.empty()) continue;
      const std::uint64_t n = process.exchanges > 0 ? process.exchanges : process.sockets_seen;
      attempts[{process.comm, normalised_cgroup(process.cgroup)}] += n;
      all += n;
    }
    if (attempts.size() < 2) return;
    for (const auto& [key, n] : attempts) {
      const auto found = failures.find(key);
      const std::uint64_t own = found == failures.end() ? 0 : found->second;
      place("process", {.kind = ScopeKind::kProcess, .comm = key.comm, .cgroup = key.cgroup}, {}, own, n,
            all_failures - own, all - n);
    }
  }

  void compare_peers() {
    if (endpoint_.key.role != model::Role::kInbound || endpoint_.peers.size() < 2) return;
    std::map<model::Address, std::uint64_t> failures;
    for (const SocketStory* story : failed_) ++failures[story->socket.remote.address];
    for (const model::PeerShare& peer : endpoint_.peers) {
      const auto found = failures.find(peer.address);
      const std::uint64_t own = found == failures.end() ? 0 : found->second;
      const std::uint64_t sockets = endpoint_.totals.sockets_seen;
      place("peer", scope_, peer.address.to_string(), own, peer.sockets_seen, failed_.size() - own,
            sockets - std::min(sockets, peer.sockets_seen));
    }
  }

  // Middleboxes and NATs treat ports alike that stand together.
  void compare_ports() {
    constexpr std::size_t kFewestPorts = 8;
    constexpr double kFarApart = 0.6;
    if (endpoint_.key.role != model::Role::kOutbound || failed_.size() < kFewestPorts || good_.size() < kFewestPorts) {
      return;
    }
    const auto ports = [](const Stories& stories) {
      std::vector<double> out;
      for (const SocketStory* story : stories) out.push_back(story->socket.local.port);
      std::sort(out.begin(), out.end());
      return out;
    };
    const std::vector<double> bad = ports(failed_);
    const std::vector<double> good = ports(good_);
    collector_.tested();
    const double distance = smirnov_distance(good, bad);
    if (distance < kFarApart) return;
    Difference difference;
    difference.what = "local_port";
    difference.quantile = "p50";
    difference.scope = scope_;
    const auto fill = [](Side& side, const std::vector<double>& values) {
      side.value = values[(values.size() - 1) / 2];
      side.text = fmt::format("{:.0f}-{:.0f}", values.front(), values.back());
      side.count = values.size();
    };
    fill(difference.good, good);
    fill(difference.bad, bad);
    const auto p = [distance](double a, double b) { return p_of_smirnov(distance, a, b); };
    const auto n_good = static_cast<double>(good.size());
    const auto n_bad = static_cast<double>(bad.size());
    add(std::move(difference), p(n_good, n_bad), p(n_good, n_bad / effect_));
  }

  // The second with the most failures for its traffic, and its neighbours.
  void compare_time() {
    const model::Series& series = endpoint_.series;
    if (series.n < kFewestSeconds || failed_.size() < kFewestFailures) return;
    std::vector<double> failures(series.n, 0);
    for (const SocketStory* story : failed_) {
      const auto at = static_cast<std::int64_t>(static_cast<double>(second_of(*story)) / series.interval_s);
      failures[static_cast<std::size_t>(std::clamp<std::int64_t>(at, 0, static_cast<std::int64_t>(series.n) - 1))] += 1;
    }
    std::vector<double> traffic(series.n, 1);
    if (const model::Series::Values* exchanges = series.find(model::SeriesId::kExchanges)) {
      for (std::size_t i = 0; i < std::min(series.n, exchanges->size()); ++i) {
        traffic[i] = static_cast<double>((*exchanges)[i].value_or(0)) + failures[i];
      }
    }
    double all_traffic = 0;
    for (const double n : traffic) all_traffic += n;
    const auto all = static_cast<double>(failed_.size());
    if (all_traffic <= 0) return;
    collector_.tested();
    double least_p = 1;
    std::size_t at = 0;
    for (std::size_t i = 0; i < series.n; ++i) {
      const double expected = traffic[i] / all_traffic;
      if (failures[i] < 2 || failures[i] < all * expected) continue;
      const double p = p_of_binomial(failures[i], all, expected);
      if (p < least_p) {
        least_p = p;
        at = i;
      }
    }
    const auto crowded = [&](std::size_t i) {
      return failures[i] > 0 && failures[i] > all * traffic[i] / all_traffic * kTogetherLeastRatio;
    };
    std::size_t first = at;
    std::size_t last = at + 1;
    while (first > 0 && crowded(first - 1)) --first;
    while (last < series.n && crowded(last)) ++last;
    double within = 0;
    double share_of_time = 0;
    for (std::size_t i = first; i < last; ++i) {
      within += failures[i];
      share_of_time += traffic[i] / all_traffic;
    }
    if (within < all * kTogetherShare || within / all < share_of_time * kTogetherLeastRatio) return;
    Difference difference;
    difference.what = "time";
    difference.scope = scope_;
    difference.unit = Unit::kPercent;
    const auto begin =
        static_cast<double>(series.start_offset_us) / 1e6 + static_cast<double>(first) * series.interval_s;
    const auto end = static_cast<double>(series.start_offset_us) / 1e6 + static_cast<double>(last) * series.interval_s;
    difference.bad.text = duration_range(1e6 * std::max(0.0, begin), 1e6 * end) + " after the start";
    difference.good.value = 100 * share_of_time;
    difference.good.of = attempts_.exchanges;
    difference.bad.value = 100 * within / all;
    difference.bad.count = static_cast<std::uint64_t>(within);
    difference.bad.of = failed_.size();
    const double p = std::min(1.0, least_p * static_cast<double>(series.n));  // any second might have been it
    add(std::move(difference), p, p);
  }

  static double count(std::uint64_t n) { return static_cast<double>(n); }

  static Side share(std::uint64_t part, std::uint64_t all) {
    Side side;
    side.value = all == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(all);
    side.count = part;
    side.of = all;
    return side;
  }

  Difference of_shares(const char* what, Side good, Side bad) const {
    Difference difference;
    difference.what = what;
    difference.scope = scope_;
    difference.unit = Unit::kPercent;
    difference.good = std::move(good);
    difference.bad = std::move(bad);
    return difference;
  }

  const model::Report& run_;
  const EndpointPicture& endpoint_;
  const Attempts& attempts_;
  Collector& collector_;
  Scope scope_;
  Stories failed_;
  Stories good_;
  double effect_ = 1;  // failures in a second in which there are any
};

// One backend of several at the same port.
void compare_backends(const model::Report& run, const std::vector<Attempts>& attempts,
                      const std::vector<double>& effects, Collector& collector) {
  const NetnsNames names(run.picture);
  const auto& endpoints = run.picture.endpoints;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const model::EndpointKey& key = endpoints[i].key;
    const auto failures = [](const Attempts& a) { return a.exchanges_failed + a.connects_failed; };
    const auto tried = [](const Attempts& a) { return a.exchanges + a.connects_failed; };
    if (key.role != model::Role::kOutbound || failures(attempts[i]) < kFewestFailures) continue;
    std::uint64_t failed = 0;
    std::uint64_t of = 0;
    for (std::size_t k = 0; k < endpoints.size(); ++k) {
      const model::EndpointKey& other = endpoints[k].key;
      if (k == i || other.role != key.role || other.at.port != key.at.port || other.netns_inode != key.netns_inode) {
        continue;
      }
      failed += failures(attempts[k]);
      of += tried(attempts[k]);
    }
    if (of == 0) continue;
    const Scope scope = endpoint_scope(&endpoints[i], &endpoints[i], names.of(key.netns_inode));
    compare_failed_shares("address", scope, failed, of, failures(attempts[i]), tried(attempts[i]), effects[i],
                          collector);
  }
}

}  // namespace

Comparison compare_outcomes(const model::Report& run) {
  Comparison out;
  out.mode = Mode::kOneRun;
  out.good = out.bad = summary_of(run);
  Collector collector;
  const std::vector<Attempts> attempts = attempts_of(run);
  std::vector<double> effects(attempts.size(), 1);
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (attempts[i].exchanges_failed + attempts[i].connects_failed == 0) continue;
    Endpoint endpoint(run, i, attempts[i], collector);
    if (attempts[i].exchanges + attempts[i].connects == attempts[i].exchanges_failed + attempts[i].connects_failed) {
      collector.not_compared(words_for(endpoint_scope(&run.picture.endpoints[i], nullptr, {})),
                             "nothing with it was good: compare with another run");
      continue;
    }
    endpoint.compare();
    effects[i] = std::max(1.0, endpoint.effect());
    ++out.endpoints_compared;
  }
  compare_backends(run, attempts, effects, collector);
  collector.settle(out);
  explain(out, run);
  put_in_order(out);
  out.verdict = verdict_of(out);
  return out;
}

}  // namespace tcpdiag::diff
