// SPDX-License-Identifier: Apache-2.0
#include "diagnose/registry.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "diagnose/rules/rules.h"

namespace tcpdiag::diagnose {
namespace {

#define TCPDIAG_ADDRESS_OF_RULE(name) &rules::name,
constexpr std::array kRules = {TCPDIAG_RULES(TCPDIAG_ADDRESS_OF_RULE)};
#undef TCPDIAG_ADDRESS_OF_RULE

}  // namespace

std::span<const Rule* const> all_rules() { return kRules; }

namespace {

// Its place in kRules.
std::optional<std::size_t> place_for(const Case& socket) {
  for (const auto claims : {&Rule::claims_first, &Rule::claims}) {
    for (std::size_t i = 0; i < kRules.size(); ++i) {
      const auto asked = kRules[i]->*claims;
      if (asked != nullptr && asked(socket)) return i;
    }
  }
  return std::nullopt;
}

}  // namespace

const Rule* rule_for(const Case& socket) {
  const auto place = place_for(socket);
  return place ? kRules[*place] : nullptr;
}

const Rule* find_rule(std::string_view code) {
  const auto* found = std::find_if(kRules.begin(), kRules.end(), [&](const Rule* rule) { return rule->code == code; });
  return found == kRules.end() ? nullptr : *found;
}

std::vector<Judged> judge_all(const Facts& facts) {
  // By the rule's place, endpoint and split word: a fixed order.
  using GroupKey = std::tuple<std::size_t, std::size_t, std::string>;
  std::map<GroupKey, std::vector<std::size_t>> groups;
  for (std::size_t socket = 0; socket < facts.picture.sockets.size(); ++socket) {
    const Case here = facts.case_of(socket);
    const auto place = place_for(here);
    if (!place) continue;
    const Rule& rule = *kRules[*place];
    std::string split = rule.split != nullptr ? rule.split(here.story) : std::string();
    groups[GroupKey{*place, here.story.endpoint, std::move(split)}].push_back(socket);
  }

  std::vector<Judged> result;
  const auto keep = [&result](const Rule& rule, Judged judged) {
    judged.finding.family = rule.family;
    judged.may_be_raised = judged.may_be_raised && rule.may_be_raised;
    result.push_back(std::move(judged));
  };
  for (auto& [key, sockets] : groups) {
    const auto& [place, endpoint, split] = key;
    if (kRules[place]->judge == nullptr) continue;
    const Group group{facts, facts.endpoints[endpoint], std::move(sockets), split};
    if (auto judged = kRules[place]->judge(group)) keep(*kRules[place], std::move(*judged));
  }
  for (const Rule* rule : kRules) {
    if (rule->judge_picture == nullptr) continue;
    for (Judged& judged : rule->judge_picture(facts)) keep(*rule, std::move(judged));
  }
  return result;
}

}  // namespace tcpdiag::diagnose
