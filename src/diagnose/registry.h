// SPDX-License-Identifier: Apache-2.0
// All rules, in the one order of precedence, and the attribution of sockets to them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "diagnose/rule.h"

namespace tcpdiag::diagnose {

// First match wins.
std::span<const Rule* const> all_rules();

// The rule that owns this socket; nullptr: none does.
const Rule* rule_for(const Case& socket);

const Rule* find_rule(std::string_view code);  // nullptr: there is none

// Every finding, unordered and without links.
std::vector<Judged> judge_all(const Facts& facts);

}  // namespace tcpdiag::diagnose
