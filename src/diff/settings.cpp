// SPDX-License-Identifier: Apache-2.0
#include "diff/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "diff/matching.h"
#include "diff/thresholds.h"
#include "util/format.h"

namespace tcpdiag::diff {
namespace {

using model::Picture;

class Settings {
 public:
  explicit Settings(Collector& collector) : collector_(collector) {}

  // In the order of the calls: what explains more comes first.
  void compare(std::string what, const Scope& scope, std::string good, std::string bad) {
    // One that is not known is no other one.
    if (good == bad || good.empty() || bad.empty()) return;
    Difference difference;
    difference.tier = Tier::kSettings;
    difference.what = std::move(what);
    difference.scope = scope;
    difference.unit = Unit::kText;
    difference.good.text = std::move(good);
    difference.bad.text = std::move(bad);
    difference.score = score_;
    score_ -= 1;
    collector_.add({.difference = std::move(difference)});
  }
  template <typename T>
  void compare_number(const std::string& what, const Scope& scope, const std::optional<T>& good,
                      const std::optional<T>& bad) {
    const auto text = [](const std::optional<T>& value) { return value ? fmt::format("{}", *value) : std::string(); };
    compare(what, scope, text(good), text(bad));
  }

 private:
  Collector& collector_;
  double score_ = 1000;
};

std::map<std::string, const model::NetnsInfo*> namespaces_of(const Picture& picture) {
  const NetnsNames names(picture);
  std::map<std::string, const model::NetnsInfo*> out;
  for (const model::NetnsInfo& netns : picture.start.netns) out[names.of(netns.inode)] = &netns;
  return out;
}

void compare_sysctls(const model::NetnsInfo& good, const model::NetnsInfo& bad, const std::string& name,
                     Settings& settings) {
  const Scope scope{.kind = ScopeKind::kNetns, .netns = name};
  const model::TcpSysctls& g = good.sysctls;
  const model::TcpSysctls& b = bad.sysctls;
  settings.compare_number("net.core.somaxconn", scope, good.somaxconn, bad.somaxconn);
  settings.compare_number("net.ipv4.tcp_syn_retries", scope, g.syn_retries, b.syn_retries);
  settings.compare_number("net.ipv4.tcp_synack_retries", scope, g.synack_retries, b.synack_retries);
  settings.compare_number("net.ipv4.tcp_retries2", scope, g.retries2, b.retries2);
  settings.compare_number("net.ipv4.tcp_orphan_retries", scope, g.orphan_retries, b.orphan_retries);
  settings.compare_number("net.ipv4.tcp_fin_timeout", scope, g.fin_timeout_s, b.fin_timeout_s);
  settings.compare_number("net.ipv4.tcp_keepalive_time", scope, g.keepalive_time_s, b.keepalive_time_s);
  settings.compare_number("net.ipv4.tcp_keepalive_intvl", scope, g.keepalive_intvl_s, b.keepalive_intvl_s);
  settings.compare_number("net.ipv4.tcp_keepalive_probes", scope, g.keepalive_probes, b.keepalive_probes);
  settings.compare_number("net.ipv4.tcp_rto_min_us", scope, g.rto_min_us, b.rto_min_us);
  settings.compare_number("net.ipv4.tcp_rto_max_ms", scope, g.rto_max_ms, b.rto_max_ms);
  settings.compare_number("net.ipv4.tcp_syn_linear_timeouts", scope, g.syn_linear_timeouts, b.syn_linear_timeouts);
  settings.compare_number("net.ipv4.tcp_syncookies", scope, g.syncookies, b.syncookies);
}

void compare_drivers(const Picture& good, const Picture& bad, Settings& settings) {
  const NetnsNames good_names(good);
  const NetnsNames bad_names(bad);
  for (const model::NicPicture& nic : bad.nics) {
    const std::string netns = bad_names.of(nic.netns_inode);
    const auto same = std::find_if(good.nics.begin(), good.nics.end(), [&](const model::NicPicture& other) {
      return other.device == nic.device && good_names.of(other.netns_inode) == netns;
    });
    if (same == good.nics.end()) continue;
    const Scope scope{.kind = ScopeKind::kNic, .netns = netns, .device = nic.device};
    settings.compare("driver", scope, same->driver, nic.driver);
    settings.compare("driver_version", scope, same->driver_version, nic.driver_version);
  }
}

double length_of(const model::Report& report) { return model::seconds(report.picture.window.length()); }

// "the recording's filters: remote port 443; the view's: none"
std::string filters_of(const model::Report& report) {
  std::string words = report.picture.start.filters.describe();
  if (report.view) words += "; viewed with: " + report.view->filters.describe();
  return words;
}

void compare_losses(const model::Report& report, const char* name, Collector& collector) {
  const Picture& picture = report.picture;
  const std::uint64_t lost = picture.loss.total();
  if (lost > 0 && static_cast<double>(lost) * 100 > kLossSpoilsPct * static_cast<double>(picture.events_seen)) {
    collector.not_compared("counts", fmt::format("{} lost {} events and samples beside {} seen: its counts are lower "
                                                 "bounds; trace with a larger --ring-size or a narrower filter",
                                                 name, lost, picture.events_seen));
  }
  if (picture.window.partial) {
    collector.not_compared("the end of " + std::string(name), "the trace did not end in order: its last seconds miss");
  }
  if (report.verdict == model::Verdict::kNothingMatched || picture.endpoints.empty()) {
    collector.not_compared("everything", fmt::format("{} has no socket: look at its filters, or trace while there is "
                                                     "traffic",
                                                     name));
  } else if (report.verdict == model::Verdict::kNothingSeen) {
    collector.not_compared("everything", fmt::format("{} has no traffic: trace while there is some", name));
  }
}

}  // namespace

void compare_settings(const model::Report& good, const model::Report& bad, Collector& collector) {
  const model::HostInfo& g = good.picture.start.host;
  const model::HostInfo& b = bad.picture.start.host;
  const Scope host{.kind = ScopeKind::kHost};
  Settings settings(collector);
  settings.compare("hostname", host, g.hostname, b.hostname);
  settings.compare("instance_type", host, g.instance_type.value_or(""), b.instance_type.value_or(""));
  settings.compare("kernel", host, g.kernel, b.kernel);
  settings.compare("arch", host, g.arch, b.arch);
  settings.compare("cpus", host, std::to_string(g.cpus), std::to_string(b.cpus));
  const auto goods = namespaces_of(good.picture);
  for (const auto& [name, netns] : namespaces_of(bad.picture)) {
    const auto found = goods.find(name);
    if (found != goods.end()) compare_sysctls(*found->second, *netns, name, settings);
  }
  compare_drivers(good.picture, bad.picture, settings);
  settings.compare("tool_version", host, good.picture.start.tool_version, bad.picture.start.tool_version);
}

void compare_circumstances(const model::Report& good, const model::Report& bad, Collector& collector) {
  compare_losses(good, "GOOD", collector);
  compare_losses(bad, "BAD", collector);
  const std::string good_filters = filters_of(good);
  const std::string bad_filters = filters_of(bad);
  if (good_filters != bad_filters) {
    collector.not_compared("what one run left out", fmt::format("the filters differ: {} in GOOD, {} in BAD; give both "
                                                                "the same",
                                                                good_filters, bad_filters));
  }
  const double shorter = std::min(length_of(good), length_of(bad));
  const double longer = std::max(length_of(good), length_of(bad));
  if (longer > shorter * kLengthRatio) {
    collector.not_compared("rare things",
                           fmt::format("GOOD lasts {}, BAD {}: rates and shares are compared, but what is rare "
                                       "may be missing from the shorter",
                                       duration(1e6 * length_of(good)), duration(1e6 * length_of(bad))));
  }
  std::map<std::string, std::pair<bool, bool>> features;
  for (const model::Feature& feature : good.picture.start.abilities) features[feature.name].first = feature.available;
  for (const model::Feature& feature : bad.picture.start.abilities) features[feature.name].second = feature.available;
  std::vector<std::string> lacking;
  for (const auto& [name, has] : features) {
    if (has.first == has.second) continue;
    lacking.push_back(fmt::format("{} (not in {})", name, has.first ? "BAD" : "GOOD"));
  }
  if (!lacking.empty()) {
    collector.not_compared("what only one run could see", fmt::format("{}", fmt::join(lacking, ", ")));
  }
}

}  // namespace tcpdiag::diff
