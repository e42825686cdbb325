// SPDX-License-Identifier: Apache-2.0
#include "diagnose/services.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "diagnose/judgement.h"
#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {
namespace {

using model::EndpointKey;
using model::Finding;
using Indexes = std::vector<std::size_t>;

// What endpoints of one service have in common, beside who uses them: the first that enough of them share.
enum class Common : std::uint8_t { kPort, kAddress, kProcess };

using Service = std::tuple<std::string, std::string, model::Role, std::uint32_t, std::set<std::string>, std::uint16_t,
                           model::Address>;

Service service_of(const Judged& judged, const model::EndpointPicture& endpoint, Common common) {
  std::set<std::string> processes;
  for (const model::ProcessShare& process : endpoint.processes) processes.insert(process.comm);
  const EndpointKey& key = endpoint.key;
  return {judged.finding.code,
          judged.split,
          key.role,
          key.netns_inode,
          std::move(processes),
          common == Common::kPort ? key.at.port : std::uint16_t{0},
          common == Common::kAddress ? key.at.address : model::Address{}};
}

std::string in_words(Common common, const EndpointKey& key) {
  switch (common) {
    case Common::kPort:
      return fmt::format("port {}", key.at.port);
    case Common::kAddress:
      return key.at.address.to_string();
    case Common::kProcess:
      break;
  }
  return "the same process";
}

class Joining {
 public:
  Joining(std::vector<Judged>& findings, const Facts& facts)
      : findings_(findings), facts_(facts), stands_for_(findings.size()) {
    std::iota(stands_for_.begin(), stands_for_.end(), std::size_t{0});
  }

  void join_by(Common common) {
    std::map<Service, Indexes> services;
    for (std::size_t i = 0; i < findings_.size(); ++i) {
      const Finding& finding = findings_[i].finding;
      if (!finding.endpoint || stands_for_[i] != i || !finding.more_endpoints.empty()) continue;
      services[service_of(findings_[i], endpoint_of(i), common)].push_back(i);
    }
    for (const auto& [service, members] : services) {
      if (members.size() > kManyEndpoints) join(members, common);
    }
  }

  // Takes out those that another stands for.
  void finish() {
    Indexes position(findings_.size());
    std::vector<Judged> kept;
    for (std::size_t i = 0; i < findings_.size(); ++i) {
      if (stands_for_[i] != i) continue;
      position[i] = kept.size();
      kept.push_back(std::move(findings_[i]));
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
      std::set<std::size_t> causes;
      for (const std::size_t cause : kept[i].finding.caused_by) causes.insert(position[stands_for_[cause]]);
      causes.erase(i);
      kept[i].finding.caused_by.assign(causes.begin(), causes.end());
    }
    findings_ = std::move(kept);
  }

 private:
  const model::EndpointPicture& endpoint_of(std::size_t i) const {
    return facts_.picture.endpoints[*findings_[i].finding.endpoint];
  }

  std::size_t gravest(const Indexes& members) const {
    const auto weight = [this](std::size_t i) {
      const Judged& judged = findings_[i];
      return std::tuple(judged.finding.severity, judged.finding.confidence, judged.failures, judged.delayed);
    };
    return *std::ranges::max_element(members, [&](std::size_t a, std::size_t b) {
      if (weight(a) != weight(b)) return weight(a) < weight(b);
      return endpoint_of(b).key < endpoint_of(a).key;
    });
  }

  void join(const Indexes& members, Common common) {
    const std::size_t lead = gravest(members);
    Finding& all = findings_[lead].finding;
    model::Impact& impact = all.impact;
    std::uint64_t connects = attempts(lead, Of::kConnects);
    std::uint64_t exchanges = attempts(lead, Of::kExchanges);
    Indexes sockets;
    for (const std::size_t i : members) {
      sockets.insert(sockets.end(), findings_[i].finding.sockets.begin(), findings_[i].finding.sockets.end());
      if (i == lead) continue;
      connects += attempts(i, Of::kConnects);
      exchanges += attempts(i, Of::kExchanges);
      add(findings_[lead], findings_[i]);
      stands_for_[i] = lead;
    }
    std::ranges::sort(sockets);
    all.sockets = std::move(sockets);
    std::ranges::sort(all.more_endpoints);
    std::ranges::sort(all.caused_by);
    impact.of_connects = connects;
    impact.of_exchanges = exchanges;
    if (all.share_pct) {
      const bool of_connects = impact.connects_failed > 0;
      all.share_pct =
          share_pct(of_connects ? impact.connects_failed : impact.exchanges_failed, of_connects ? connects : exchanges);
      impact.share_pct = all.share_pct;
    }
    const std::size_t more = all.more_endpoints.size();
    all.title += fmt::format(", and {} more endpoints", more);
    all.explanation += fmt::format(
        " So it was at {} more endpoints of {}: counts and impact are of all of them, the evidence is of this one.",
        more, in_words(common, endpoint_of(lead).key));
  }

  std::uint64_t attempts(std::size_t i, Of of) const {
    const model::Impact& impact = findings_[i].finding.impact;
    return attempts_of(facts_.endpoints[*findings_[i].finding.endpoint], of,
                       of == Of::kConnects ? impact.connects_failed : impact.exchanges_failed);
  }

  static void add(Judged& to, const Judged& one) {
    Finding& all = to.finding;
    const Finding& more = one.finding;
    all.more_endpoints.push_back(*more.endpoint);
    all.caused_by.insert(all.caused_by.end(), more.caused_by.begin(), more.caused_by.end());
    all.first_at = std::min(all.first_at, more.first_at);
    all.last_at = std::max(all.last_at, more.last_at);
    all.count += more.count;
    all.ongoing = all.ongoing || more.ongoing;
    all.impact.exchanges_failed += more.impact.exchanges_failed;
    all.impact.connects_failed += more.impact.connects_failed;
    all.impact.exchanges_delayed += more.impact.exchanges_delayed;
    to.failures += one.failures;
    to.delayed += one.delayed;
  }

  std::vector<Judged>& findings_;
  const Facts& facts_;
  Indexes stands_for_;  // by finding: itself, or the one that it was joined to
};

}  // namespace

void join_services(std::vector<Judged>& findings, const Facts& facts) {
  Joining joining(findings, facts);
  for (const Common common : {Common::kPort, Common::kAddress, Common::kProcess}) joining.join_by(common);
  joining.finish();
}

}  // namespace tcpdiag::diagnose
