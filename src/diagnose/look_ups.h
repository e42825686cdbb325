// SPDX-License-Identifier: Apache-2.0
// What the rules about look-ups of names have in common.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diagnose/evidence.h"
#include "diagnose/rule.h"

namespace tcpdiag::diagnose {

// Whether this is one of those that the namespace's programs are told to ask, rather than one of many that a resolver
// of its own asks in turn: there many are dead at any time, and it knows what to do.
bool is_of_this_host(const Facts& facts, const model::ResolverPicture& resolver);

// Asks `judge` (Facts, ResolverPicture -> optional<Judged>) of every such resolver; those without room of their own are
// left out.
template <typename Judge>
std::vector<Judged> each_resolver(const Facts& facts, Judge judge) {
  std::vector<Judged> result;
  for (const model::ResolverPicture& resolver : facts.picture.resolvers) {
    if (resolver.at.address.is_unspecified() || !is_of_this_host(facts, resolver)) continue;
    if (auto judged = judge(facts, resolver)) result.push_back(std::move(*judged));
  }
  return result;
}

// "10.0.0.2", with the port where it is another than 53.
std::string resolver_name(const model::SocketAddress& at);
// One question, asked once. `name`: of which nobody knows what it holds; one that a shell might take for something else
// is left out.
std::string dig_command(const model::SocketAddress& at, std::string_view name);
// The name, as a part of a sentence; "a name" where it was not read.
std::string name_words(const model::LookUpBefore& look_up);
// Sockets whose process waited for this resolver, before the connect or instead of a call, for `at_least` or more.
std::vector<std::size_t> sockets_behind(const Facts& facts, const model::ResolverPicture& resolver,
                                        model::Duration at_least);
// "ruby 12", "curl 3"
std::vector<std::string> user_list(const model::ResolverPicture& resolver);
// Three names that have most of what `count` counts (NameTrouble -> a number), the most first. Absent: names were not
// read.
using Names = std::optional<std::vector<std::pair<std::string, std::uint64_t>>>;
Names worst_names(const model::ResolverPicture& resolver,
                  const std::function<std::uint64_t(const model::NameTrouble&)>& count);
// "api.example.com (4 of 5)": of what the finding counts.
void add_names(model::Finding& finding, EvidenceKey key, const Names& names);
// The time between sent and sent again, of most; absent: none was.
std::optional<model::Duration> repeat_after(const model::ResolverPicture& resolver);
// Severity, count, place and what it explains are the rule's. The seconds are those of the ends and of the sockets.
void place_look_ups(Judged& judged, const Facts& facts, const model::ResolverPicture& resolver,
                    const model::Seen& seen);
// What a person does next.
void add_resolver_steps(model::Finding& finding, const model::ResolverPicture& resolver, const Names& names);

// Adds to findings about connects how long names were looked up before them, where that took long.
void tell_of_look_ups(std::vector<Judged>& findings, const Facts& facts);

}  // namespace tcpdiag::diagnose
