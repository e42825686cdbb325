// SPDX-License-Identifier: Apache-2.0
#include "diagnose/order.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "model/endpoint.h"

namespace tcpdiag::diagnose {
namespace {

using Indexes = std::vector<std::size_t>;

// What decides between findings that are equally grave. Strings are compared as bytes.
using Place = std::tuple<bool, model::EndpointKey, std::string_view, std::string_view>;

class Order {
 public:
  Order(const std::vector<Judged>& findings, const model::Picture& picture) : findings_(findings), picture_(picture) {}

  Indexes run() const {
    std::vector<Indexes> groups;
    for (Indexes& members : linked_groups()) groups.push_back(causes_first(members));
    std::sort(groups.begin(), groups.end(), [this](const Indexes& a, const Indexes& b) { return before(a, b); });
    Indexes result;
    for (const Indexes& group : groups) result.insert(result.end(), group.begin(), group.end());
    std::stable_partition(result.begin(), result.end(), [this](std::size_t i) { return !is_loss(i); });
    return result;
  }

 private:
  const model::Finding& finding(std::size_t i) const { return findings_[i].finding; }
  bool is_loss(std::size_t i) const { return finding(i).family == model::Family::kLosses; }

  // Inside a group: ties by code, then place.
  std::pair<std::string_view, Place> tie(std::size_t i) const { return {finding(i).code, place(i)}; }
  Place place(std::size_t i) const {
    const auto& endpoint = finding(i).endpoint;
    const model::EndpointKey key = endpoint ? picture_.endpoints[*endpoint].key : model::EndpointKey{};
    return {!endpoint, key, finding(i).code, findings_[i].split};
  }

  // Connected parts of the graph of links; members ascending.
  std::vector<Indexes> linked_groups() const {
    Indexes parent(findings_.size());
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    const auto root = [&parent](std::size_t i) {
      while (parent[i] != i) i = parent[i];
      return i;
    };
    for (std::size_t i = 0; i < findings_.size(); ++i) {
      for (const std::size_t cause : finding(i).caused_by) parent[root(i)] = root(cause);
    }
    std::map<std::size_t, Indexes> groups;
    for (std::size_t i = 0; i < findings_.size(); ++i) groups[root(i)].push_back(i);
    std::vector<Indexes> result;
    result.reserve(groups.size());
    for (auto& [first, members] : groups) result.push_back(std::move(members));
    return result;
  }

  // The next is always the least one whose causes have all been placed.
  Indexes causes_first(Indexes members) const {
    std::sort(members.begin(), members.end(), [this](std::size_t a, std::size_t b) { return tie(a) < tie(b); });
    Indexes placed;
    while (!members.empty()) {
      const auto is_placed = [&placed](std::size_t i) {
        return std::find(placed.begin(), placed.end(), i) != placed.end();
      };
      auto next = std::find_if(members.begin(), members.end(), [&](std::size_t i) {
        const auto& causes = finding(i).caused_by;
        return std::all_of(causes.begin(), causes.end(), is_placed);
      });
      if (next == members.end()) next = members.begin();  // a cycle: cannot be, the edges have none
      placed.push_back(*next);
      members.erase(next);
    }
    return placed;
  }

  // A cause and its effect may count the same failures, so a group is as large as its largest member.
  template <typename Read>
  auto greatest(const Indexes& group, Read read) const {
    auto result = read(findings_[group.front()]);
    for (const std::size_t i : group) result = std::max(result, read(findings_[i]));
    return result;
  }

  bool before(const Indexes& a, const Indexes& b) const {
    const auto weight = [this](const Indexes& group) {
      return std::tuple(greatest(group, [](const Judged& j) { return j.finding.severity; }),
                        greatest(group, [](const Judged& j) { return j.failures; }),
                        greatest(group, [](const Judged& j) { return j.delayed; }));
    };
    const auto wa = weight(a);
    const auto wb = weight(b);
    if (wa != wb) return wa > wb;
    return place(a.front()) < place(b.front());
  }

  const std::vector<Judged>& findings_;
  const model::Picture& picture_;
};

}  // namespace

std::vector<model::Finding> in_order(std::vector<Judged> findings, const model::Picture& picture) {
  const Indexes order = Order(findings, picture).run();
  Indexes position(findings.size());
  for (std::size_t i = 0; i < order.size(); ++i) position[order[i]] = i;
  std::vector<model::Finding> result;
  for (const std::size_t i : order) {
    model::Finding finding = std::move(findings[i].finding);
    for (std::size_t& cause : finding.caused_by) cause = position[cause];
    std::sort(finding.caused_by.begin(), finding.caused_by.end());
    result.push_back(std::move(finding));
  }
  return result;
}

}  // namespace tcpdiag::diagnose
