// SPDX-License-Identifier: Apache-2.0
#include "diagnose/look_ups.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>

#include "diagnose/judgement.h"
#include "diagnose/thresholds.h"
#include "util/format.h"

namespace tcpdiag::diagnose {
namespace {

constexpr std::uint16_t kDnsPort = 53;

bool is_of(const std::optional<model::LookUpBefore>& look_up, const model::ResolverPicture& resolver,
           model::Duration at_least) {
  return look_up && look_up->resolver == resolver.at && look_up->took >= at_least;
}

// A whole name of which every shell and dig make the same.
bool is_plain(std::string_view name) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
  const bool is_name = !name.empty() && name.front() != '-' && !name.ends_with("...");
  return is_name && name.find_first_not_of(kPlain) == std::string_view::npos;
}

}  // namespace

bool is_of_this_host(const Facts& facts, const model::ResolverPicture& resolver) {
  std::uint64_t queries = 0;
  std::size_t resolvers = 0;
  for (const model::ResolverPicture& one : facts.picture.resolvers) {
    if (one.netns_inode != resolver.netns_inode) continue;
    queries += one.queries;
    ++resolvers;
  }
  return resolvers <= kResolversOfHost ||
         static_cast<double>(resolver.queries) >= kResolverShare * static_cast<double>(queries);
}

std::string resolver_name(const model::SocketAddress& at) {
  return at.port == kDnsPort ? at.address.to_string() : at.to_string();
}

std::string dig_command(const model::SocketAddress& at, std::string_view name) {
  return fmt::format("dig @{}{} +tries=1 +time=5 {}", at.address.to_string(),
                     at.port == kDnsPort ? "" : fmt::format(" -p {}", at.port), is_plain(name) ? name : "NAME");
}

std::string name_words(const model::LookUpBefore& look_up) { return look_up.name.empty() ? "a name" : look_up.name; }

Names worst_names(const model::ResolverPicture& resolver,
                  const std::function<std::uint64_t(const model::NameTrouble&)>& count) {
  if (!resolver.names) return std::nullopt;
  Names names(std::in_place);
  for (const auto& [name, trouble] : *resolver.names) {
    const std::uint64_t n = count(trouble);
    if (n > 0 && !name.empty()) names->emplace_back(name, n);
  }
  std::ranges::stable_sort(*names, std::ranges::greater(), &std::pair<std::string, std::uint64_t>::second);
  constexpr std::size_t kNamesShown = 3;
  if (names->size() > kNamesShown) names->resize(kNamesShown);
  return names;
}

void add_names(model::Finding& finding, EvidenceKey key, const Names& names) {
  if (!names) return add(finding, key, std::optional<std::uint64_t>());
  std::vector<std::string> list;
  for (const auto& [name, n] : *names) list.push_back(fmt::format("{} ({} of {})", name, n, finding.count));
  add(finding, key, std::move(list));
}

std::vector<std::size_t> sockets_behind(const Facts& facts, const model::ResolverPicture& resolver,
                                        model::Duration at_least) {
  std::vector<std::size_t> sockets;
  for (std::size_t i = 0; i < facts.picture.sockets.size(); ++i) {
    const model::SocketStory& story = facts.picture.sockets[i];
    if (story.socket.netns_inode != resolver.netns_inode) continue;
    const bool failed = story.outcome && *story.outcome != model::ConnectOutcome::kEstablished;
    if ((failed && is_of(story.look_up, resolver, at_least)) || is_of(story.no_call_look_up, resolver, at_least)) {
      sockets.push_back(i);
    }
  }
  return sockets;
}

std::vector<std::string> user_list(const model::ResolverPicture& resolver) {
  std::vector<std::string> list;
  for (const auto& [name, queries] : resolver.users) {
    list.push_back(fmt::format("{} {}", name.empty() ? "not known" : name, queries));
  }
  return list;
}

std::optional<model::Duration> repeat_after(const model::ResolverPicture& resolver) {
  const auto us = resolver.repeat_after_us.percentile(0.5);
  if (!us) return std::nullopt;
  return std::chrono::microseconds(static_cast<std::int64_t>(*us));
}

void place_look_ups(Judged& judged, const Facts& facts, const model::ResolverPicture& resolver,
                    const model::Seen& seen) {
  model::Finding& finding = judged.finding;
  finding.first_at = seen.first_at.value_or(facts.picture.window.start);
  finding.last_at = seen.last_at.value_or(facts.picture.window.end);
  finding.ongoing = finding.last_at + model::kUnansweredAfter >= facts.picture.window.end;
  judged.split = fmt::format("{:010} {}", resolver.netns_inode, resolver.at.to_string());
  judged.netns_inode = resolver.netns_inode;
  std::set<std::int64_t> seconds{facts.utc_second(finding.first_at), facts.utc_second(finding.last_at)};
  for (const std::size_t socket : finding.sockets) {
    seconds.insert(facts.utc_second(moment_of(facts.picture.sockets[socket])));
  }
  judged.seconds.assign(seconds.begin(), seconds.end());
  judged.explains = finding.sockets;
}

void add_resolver_steps(model::Finding& finding, const model::ResolverPicture& resolver, const Names& names) {
  const std::string name = resolver.at.address.to_string();
  const std::string asked = names && !names->empty() ? names->front().first : std::string();
  add_step(finding, model::Whose::kUs,
           asked.empty() ? "ask it by hand, several times, for a name that the application asks for"
                         : "ask it by hand, several times, for the name that it concerned most",
           dig_command(resolver.at, asked));
  add_step(finding, model::Whose::kUs,
           "how long is waited and how often asked: `timeout:` and `attempts:` (5 s and 2 where they are not set), and "
           "which resolver comes next",
           "cat /etc/resolv.conf");
  if (resolver.at.address.is_loopback()) {
    add_step(finding, model::Whose::kUs,
             "this resolver runs on this host: whom does it ask in turn, and what does it cache",
             "resolvectl statistics; resolvectl status");
  }
  add_step(finding, model::Whose::kPeer, "its load, its limits by client, its own upstream resolvers at that time",
           fmt::format("tcpdump -ni any udp port {} and host {}", resolver.at.port, name));
}

void tell_of_look_ups(std::vector<Judged>& findings, const Facts& facts) {
  for (Judged& judged : findings) {
    model::Finding& finding = judged.finding;
    if (finding.family != model::Family::kConnects) continue;
    std::uint64_t slow = 0;
    model::LookUpBefore longest;
    for (const std::size_t socket : finding.sockets) {
      const auto& look_up = facts.picture.sockets[socket].look_up;
      if (!look_up || look_up->took < model::kSlowLookUp) continue;
      ++slow;
      if (look_up->took > longest.took) longest = *look_up;
    }
    if (slow == 0) continue;
    finding.explanation +=
        slow == 1 && finding.sockets.size() == 1
            ? fmt::format(" A look-up of {} took {} before the connect: the caller's timeout counts that, too.",
                          name_words(longest), duration(longest.took))
            : fmt::format(
                  " Before {} of {} connects a look-up of a name took up to {}{}: the caller's timeout counts "
                  "that, too.",
                  slow, finding.sockets.size(), duration(longest.took),
                  longest.name.empty() ? "" : fmt::format(" ({})", longest.name));
  }
}

}  // namespace tcpdiag::diagnose
