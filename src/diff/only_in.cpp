// SPDX-License-Identifier: Apache-2.0
#include "diff/only_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "diff/thresholds.h"

namespace tcpdiag::diff {
namespace {

using model::EndpointPicture;
using model::Report;

std::uint64_t bytes_of(const EndpointPicture& endpoint) {
  return endpoint.totals.bytes_sent + endpoint.totals.bytes_received;
}

struct Volume {
  std::uint64_t exchanges = 0;
  std::uint64_t bytes = 0;
};

Volume volume_of(const Report& report) {
  Volume out;
  for (const EndpointPicture& endpoint : report.picture.endpoints) {
    out.exchanges += endpoint.totals.exchanges;
    out.bytes += bytes_of(endpoint);
  }
  return out;
}

// Enough of a run for its coming or going to be a difference.
bool is_large(std::uint64_t exchanges, std::uint64_t bytes, const Volume& run) {
  constexpr double kLeastBytes = 100'000;
  const auto share = [](std::uint64_t part, std::uint64_t all) {
    return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
  };
  return (exchanges >= kFewestEvents && share(exchanges, run.exchanges) >= kNewShare) ||
         (static_cast<double>(bytes) >= kLeastBytes && share(bytes, run.bytes) >= kNewShare);
}

void add_large(const OnlyIn& only, const Volume& run, Collector& collector) {
  if (!is_large(only.exchanges, only.bytes, run)) return;
  Difference difference;
  difference.tier = Tier::kTraffic;
  difference.what = only.kind == OnlyKind::kProcess ? "process" : "endpoint";
  difference.scope = only.scope;
  difference.unit = Unit::kCount;
  difference.confidence = model::Confidence::kMedium;
  difference.confidence_reasons.push_back(
      fmt::format("it is in {} only; no test says whether it comes and goes", only.in_bad ? "BAD" : "GOOD"));
  Side& there = only.in_bad ? difference.bad : difference.good;
  Side& absent = only.in_bad ? difference.good : difference.bad;
  there.value = static_cast<double>(only.exchanges);
  absent.value = 0;
  set_effect(difference, std::nullopt);
  difference.score = 10;
  collector.add({.difference = std::move(difference)});
}

// It fails, and the other run says nothing of it.
void add_failing(const EndpointPicture& endpoint, const Attempts& attempts, const Scope& scope, bool in_bad,
                 Collector& collector) {
  const auto add = [&](std::string what, std::uint64_t failed, std::uint64_t of) {
    if (of == 0 || failed < kFewestFailures) return;
    const double pct = 100.0 * static_cast<double>(failed) / static_cast<double>(of);
    if (pct < kFailurePoints) return;
    Difference difference;
    difference.tier = Tier::kFailures;
    difference.what = std::move(what);
    difference.scope = scope;
    difference.unit = Unit::kPercent;
    difference.direction = in_bad ? Direction::kWorse : Direction::kBetter;
    Side& side = in_bad ? difference.bad : difference.good;
    side.value = pct;
    side.count = failed;
    side.of = of;
    difference.affected = failed;
    difference.score = static_cast<double>(failed);
    difference.confidence = model::Confidence::kMedium;
    difference.confidence_reasons.push_back(
        fmt::format("{} has no traffic with it to compare", in_bad ? "GOOD" : "BAD"));
    collector.add({.difference = std::move(difference)});
  };
  add("exchanges_failed", attempts.exchanges_failed, attempts.exchanges);
  for (std::size_t i = 0; i < model::kConnectOutcomes; ++i) {
    const auto outcome = static_cast<model::ConnectOutcome>(i);
    if (!is_failure(outcome)) continue;
    add(fmt::format("connect_outcomes.{}", model::to_string(outcome)), endpoint.totals.connect_outcomes[i],
        attempts.connects);
  }
}

void add_endpoints(const Report& report, const std::vector<std::size_t>& indexes, bool in_bad, Collector& collector,
                   std::vector<OnlyIn>& out) {
  const NetnsNames names(report.picture);
  const std::vector<Attempts> attempts = attempts_of(report);
  const Volume run = volume_of(report);
  for (const std::size_t index : indexes) {
    const EndpointPicture& endpoint = report.picture.endpoints[index];
    const std::string netns = names.of(endpoint.key.netns_inode);
    OnlyIn only;
    only.kind = OnlyKind::kEndpoint;
    only.in_bad = in_bad;
    only.scope = endpoint_scope(in_bad ? nullptr : &endpoint, in_bad ? &endpoint : nullptr, netns);
    only.sockets_seen = endpoint.totals.sockets_seen;
    only.exchanges = endpoint.totals.exchanges;
    only.bytes = bytes_of(endpoint);
    only.failures = attempts[index].exchanges_failed + attempts[index].connects_failed;
    add_large(only, run, collector);
    add_failing(endpoint, attempts[index], only.scope, in_bad, collector);
    out.push_back(std::move(only));
  }
}

void add_processes(const Report& here, const Report& there, bool in_bad, Collector& collector,
                   std::vector<OnlyIn>& out) {
  const auto others = processes_of(there);
  const Volume run = volume_of(here);
  for (const auto& [key, process] : processes_of(here)) {
    if (others.contains(key)) continue;
    OnlyIn only;
    only.kind = OnlyKind::kProcess;
    only.in_bad = in_bad;
    only.scope = {.kind = ScopeKind::kProcess, .comm = key.comm, .cgroup = key.cgroup};
    only.sockets_seen = process.sockets_seen;
    only.exchanges = process.exchanges;
    only.bytes = process.bytes_sent + process.bytes_received;
    add_large(only, run, collector);
    out.push_back(std::move(only));
  }
}

// Only of lists that are whole: the model keeps ten, and one that is missing may have been the eleventh.
constexpr std::size_t kPeersKept = 10;

void add_peers(const EndpointPicture& here, const EndpointPicture& there, const Scope& scope, bool in_bad,
               std::vector<OnlyIn>& out) {
  if (there.peers.size() >= kPeersKept) return;
  std::set<model::Address> others;
  for (const model::PeerShare& peer : there.peers) others.insert(peer.address);
  for (const model::PeerShare& peer : here.peers) {
    if (others.contains(peer.address)) continue;
    OnlyIn only;
    only.kind = OnlyKind::kPeer;
    only.in_bad = in_bad;
    only.scope = scope;
    only.peer = peer.address;
    only.sockets_seen = peer.sockets_seen;
    only.bytes = peer.bytes_sent + peer.bytes_received;
    out.push_back(std::move(only));
  }
}

// The same claim about the same thing.
using Claim = std::tuple<std::string, std::optional<std::size_t>, std::string>;  // code, pair, device

std::vector<Claim> claims_of(const Report& report, const Pairs& pairs, bool in_bad) {
  std::map<std::size_t, std::size_t> pair_of;
  for (std::size_t i = 0; i < pairs.pairs.size(); ++i) {
    pair_of[in_bad ? pairs.pairs[i].bad : pairs.pairs[i].good] = i;
  }
  std::vector<Claim> out;
  for (const model::Finding& finding : report.findings) {
    std::optional<std::size_t> place;  // of many endpoints: the first, whichever of them stands for the others
    for (const std::size_t endpoint : finding.endpoints()) {
      const auto found = pair_of.find(endpoint);
      // Of an endpoint without a partner: as no other claim.
      const std::size_t here =
          found != pair_of.end() ? found->second : pairs.pairs.size() + endpoint * 2 + (in_bad ? 1 : 0);
      place = std::min(place.value_or(here), here);
    }
    out.emplace_back(finding.code, place, finding.device);
  }
  return out;
}

Scope finding_scope(const Report& report, const model::Finding& finding, bool in_bad) {
  if (!finding.endpoint || *finding.endpoint >= report.picture.endpoints.size()) {
    if (finding.device.empty()) return {};
    return {.kind = ScopeKind::kNic, .device = finding.device};
  }
  const EndpointPicture& endpoint = report.picture.endpoints[*finding.endpoint];
  return endpoint_scope(in_bad ? nullptr : &endpoint, in_bad ? &endpoint : nullptr,
                        NetnsNames(report.picture).of(endpoint.key.netns_inode));
}

void add_findings(const Report& here, const Report& there, const Pairs& pairs, bool in_bad, std::vector<OnlyIn>& out) {
  const std::vector<Claim> claims = claims_of(here, pairs, in_bad);
  const std::vector<Claim> others = claims_of(there, pairs, !in_bad);
  for (std::size_t i = 0; i < here.findings.size(); ++i) {
    if (std::find(others.begin(), others.end(), claims[i]) != others.end()) continue;
    const model::Finding& finding = here.findings[i];
    OnlyIn only;
    only.kind = OnlyKind::kFinding;
    only.in_bad = in_bad;
    only.scope = finding_scope(here, finding, in_bad);
    only.finding = FindingRef{i, finding.code, finding.title};
    only.severity = finding.severity;
    only.failures = finding.count;
    out.push_back(std::move(only));
  }
}

void sort_by_volume(std::vector<OnlyIn>& list) {
  std::stable_sort(list.begin(), list.end(), [](const OnlyIn& a, const OnlyIn& b) {
    return std::tuple(a.kind, b.failures, b.bytes, b.sockets_seen) <
           std::tuple(b.kind, a.failures, a.bytes, a.sockets_seen);
  });
}

}  // namespace

void find_only_in(const Report& good, const Report& bad, const Pairs& pairs, Collector& to, Comparison& out) {
  // Beside an empty run all is new, and nothing is a difference.
  Collector none;
  Collector& collector = good.picture.endpoints.empty() || bad.picture.endpoints.empty() ? none : to;
  add_findings(bad, good, pairs, true, out.only_in);
  add_findings(good, bad, pairs, false, out.only_in);
  std::vector<OnlyIn> rest;
  add_endpoints(bad, pairs.only_bad, true, collector, rest);
  add_endpoints(good, pairs.only_good, false, collector, rest);
  add_processes(bad, good, true, collector, rest);
  add_processes(good, bad, false, collector, rest);
  for (const EndpointPair& pair : pairs.pairs) {
    const EndpointPicture& in_good = good.picture.endpoints[pair.good];
    const EndpointPicture& in_bad = bad.picture.endpoints[pair.bad];
    const Scope scope = endpoint_scope(&in_good, &in_bad, NetnsNames(bad.picture).of(in_bad.key.netns_inode));
    add_peers(in_bad, in_good, scope, true, rest);
    add_peers(in_good, in_bad, scope, false, rest);
  }
  sort_by_volume(rest);
  out.only_in.insert(out.only_in.end(), rest.begin(), rest.end());
}

}  // namespace tcpdiag::diff
