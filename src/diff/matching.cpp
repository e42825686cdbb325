// SPDX-License-Identifier: Apache-2.0
#include "diff/matching.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "util/number.h"

namespace tcpdiag::diff {
namespace {

using model::EndpointPicture;
using model::Picture;

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Length of the run at `at` for which `holds`.
template <typename Holds>
std::size_t run(std::string_view text, std::size_t at, Holds holds) {
  std::size_t end = at;
  while (end < text.size() && holds(text[end])) ++end;
  return end - at;
}

// 8-4-4-4-12 hexadecimal digits, with '-' or (as systemd escapes it) '_' between them; 0: there is none at `at`.
std::size_t uuid_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  for (const std::size_t digits : {8U, 4U, 4U, 4U, 12U}) {
    if (end != at) {
      if (end >= text.size() || (text[end] != '-' && text[end] != '_')) return 0;
      ++end;
    }
    if (run(text.substr(0, std::min(text.size(), end + digits)), end, is_hex) != digits) return 0;
    end += digits;
  }
  return end - at;
}

// The instance of a socket-activated service: "7-10.0.0.1:22-10.0.0.9:5123.service", "3-4711-0.service".
bool names_connection(std::string_view instance) {
  const std::size_t dot = instance.rfind('.');
  const std::size_t digits = run(instance, 0, is_digit);
  if (dot == std::string_view::npos || digits == 0 || digits >= dot || instance[digits] != '-') return false;
  const std::string_view rest = instance.substr(digits + 1, dot - digits - 1);
  return rest.find(':') != std::string_view::npos || run(rest, 0, is_digit) > 0;
}

constexpr std::size_t kIdDigits = 12;  // the shortest container id that tools write

std::string normalised_segment(std::string_view segment) {
  const bool numbered = segment.ends_with(".scope") || segment.starts_with("run-");
  const bool all_digits = run(segment, 0, is_digit) == segment.size();
  if (all_digits && !segment.empty()) return "*";
  std::string out;
  for (std::size_t at = 0; at < segment.size();) {
    if (const std::size_t length = uuid_at(segment, at); length > 0) {
      out += '*';
      at += length;
      continue;
    }
    const bool begins = at == 0 || !is_hex(segment[at - 1]);
    const std::size_t hex = begins ? run(segment, at, is_hex) : 0;
    const std::string_view id = segment.substr(at, hex);
    if (hex >= kIdDigits && std::any_of(id.begin(), id.end(), is_digit)) {
      out += '*';
      at += hex;
      continue;
    }
    if (numbered && is_digit(segment[at])) {
      out += '*';
      at += run(segment, at, is_digit);
      continue;
    }
    if (segment[at] == '@' && names_connection(segment.substr(at + 1))) {
      out += "@*";
      at = segment.rfind('.');
      continue;
    }
    out += segment[at++];
  }
  return out;
}

struct Name {
  model::Role role;
  std::uint16_t port;
  std::string netns;
  auto operator<=>(const Name&) const = default;
};

struct FullName {
  Name name;
  model::Address address;
  auto operator<=>(const FullName&) const = default;
};

Name name_of(const EndpointPicture& endpoint, const NetnsNames& names) {
  return {endpoint.key.role, endpoint.key.at.port, names.of(endpoint.key.netns_inode)};
}

}  // namespace

std::string normalised_cgroup(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    out += normalised_segment(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    out += '/';
    path.remove_prefix(slash + 1);
  }
  return out;
}

NetnsNames::NetnsNames(const Picture& picture) : one_only_(picture.start.netns.size() <= 1) {
  for (const model::NetnsInfo& netns : picture.start.netns) {
    std::string& name = names_[netns.inode];
    if (!netns.name.empty()) {
      name = netns.name;
    } else if (netns.is_self) {
      name = "self";
    } else if (netns.is_initial) {
      name = "host";
    }
  }
}

std::string NetnsNames::of(std::uint32_t inode) const {
  if (one_only_) return {};
  const auto found = names_.find(inode);
  if (found != names_.end() && !found->second.empty()) return found->second;
  return fmt::format("inode {}", inode);
}

Pairs pair_endpoints(const model::Report& good, const model::Report& bad) {
  const NetnsNames good_names(good.picture);
  const NetnsNames bad_names(bad.picture);
  Pairs out;
  std::map<FullName, std::size_t> by_name;
  const auto& goods = good.picture.endpoints;
  const auto& bads = bad.picture.endpoints;
  for (std::size_t i = 0; i < goods.size(); ++i) {
    by_name.emplace(FullName{name_of(goods[i], good_names), goods[i].key.at.address}, i);
  }
  std::vector<std::size_t> left_bad;
  std::vector<bool> taken(goods.size(), false);
  for (std::size_t i = 0; i < bads.size(); ++i) {
    const auto found = by_name.find({name_of(bads[i], bad_names), bads[i].key.at.address});
    if (found == by_name.end() || taken[found->second]) {
      left_bad.push_back(i);
      continue;
    }
    taken[found->second] = true;
    out.pairs.push_back({found->second, i, false});
  }
  // A load balancer, a node that was replaced, a host with another address: the same port is the same service, if there
  // is no choice.
  std::map<Name, std::pair<std::vector<std::size_t>, std::vector<std::size_t>>> left;
  for (std::size_t i = 0; i < goods.size(); ++i) {
    if (!taken[i]) left[name_of(goods[i], good_names)].first.push_back(i);
  }
  for (const std::size_t i : left_bad) left[name_of(bads[i], bad_names)].second.push_back(i);
  for (const auto& [name, sides] : left) {
    const auto& [in_good, in_bad] = sides;
    if (in_good.size() == 1 && in_bad.size() == 1) {
      out.pairs.push_back({in_good.front(), in_bad.front(), true});
      out.notes.push_back(fmt::format(
          "{} port {}: {} and {} were compared as one, by their port alone", model::to_string(name.role), name.port,
          goods[in_good.front()].key.at.address.to_string(), bads[in_bad.front()].key.at.address.to_string()));
      continue;
    }
    out.only_good.insert(out.only_good.end(), in_good.begin(), in_good.end());
    out.only_bad.insert(out.only_bad.end(), in_bad.begin(), in_bad.end());
  }
  std::sort(out.only_good.begin(), out.only_good.end());
  std::sort(out.only_bad.begin(), out.only_bad.end());
  return out;
}

Scope endpoint_scope(const EndpointPicture* good, const EndpointPicture* bad, std::string netns) {
  Scope scope;
  scope.kind = ScopeKind::kEndpoint;
  scope.netns = std::move(netns);
  if (good != nullptr) {
    scope.good_at = good->key.at;
    scope.role = good->key.role;
  }
  if (bad != nullptr) {
    scope.bad_at = bad->key.at;
    scope.role = bad->key.role;
  }
  return scope;
}

std::map<ProcessKey, model::ProcessShare> processes_of(const model::Report& report) {
  std::map<ProcessKey, model::ProcessShare> out;
  for (const EndpointPicture& endpoint : report.picture.endpoints) {
    for (const model::ProcessShare& process : endpoint.processes) {
      if (process.pids.empty()) continue;  // "others"
      const ProcessKey key{process.comm, normalised_cgroup(process.cgroup)};
      model::ProcessShare& all = out[key];
      all.comm = key.comm;
      all.cgroup = key.cgroup;
      all.sockets_seen += process.sockets_seen;
      all.bytes_sent += process.bytes_sent;
      all.bytes_received += process.bytes_received;
      all.exchanges += process.exchanges;
    }
  }
  return out;
}

}  // namespace tcpdiag::diff
