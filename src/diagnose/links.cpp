// SPDX-License-Identifier: Apache-2.0
// Two things at one time and place are taken for cause and effect only where the cause's rule names that effect.
#include "diagnose/links.h"

#include <algorithm>

#include "diagnose/registry.h"
#include "diagnose/thresholds.h"

namespace tcpdiag::diagnose {
namespace {

// Do the connects of `effect` end at an endpoint that this host accepts on? A cause with an endpoint speaks of that
// port in its namespace, at whatever address of the host.
bool accepts_here(const model::Picture& picture, const model::Finding& cause, const model::Finding& effect) {
  if (!effect.endpoint) return false;
  const model::EndpointKey& target = picture.endpoints[*effect.endpoint].key;
  const model::EndpointKey* listener = cause.endpoint ? &picture.endpoints[*cause.endpoint].key : nullptr;
  return std::any_of(picture.endpoints.begin(), picture.endpoints.end(), [&](const model::EndpointPicture& endpoint) {
    const model::EndpointKey& key = endpoint.key;
    if (key.role != model::Role::kInbound || key.at != target.at) return false;
    if (key.at.address.is_loopback() && key.netns_inode != target.netns_inode) return false;  // each has its own
    return listener == nullptr || (key.at.port == listener->at.port && key.netns_inode == listener->netns_inode);
  });
}

// Names of devices are the namespace's own.
bool same_device(const model::Picture& picture, const Judged& cause, const model::Finding& effect) {
  if (cause.finding.device.empty() || cause.finding.device != effect.device) return false;
  if (!cause.netns_inode || !effect.endpoint) return true;
  return picture.endpoints[*effect.endpoint].key.netns_inode == *cause.netns_inode;
}

bool share(Shared shared, const model::Picture& picture, const Judged& cause, const model::Finding& effect) {
  switch (shared) {
    case Shared::kEndpoint:
      return cause.finding.endpoint && cause.finding.endpoint == effect.endpoint;
    case Shared::kDevice:
      return same_device(picture, cause, effect);
    case Shared::kListener:
      return accepts_here(picture, cause.finding, effect);
  }
  return false;
}

bool explains(const Rule& rule, const Judged& cause, const Judged& effect, const model::Picture& picture) {
  return std::any_of(rule.effects.begin(), rule.effects.end(), [&](const Effect& allowed) {
    return effect.finding.code == allowed.rule->code && share(allowed.shared, picture, cause, effect.finding) &&
           covers(cause.seconds, effect.seconds);
  });
}

// What explains users' failures is as grave as they are.
void raise_causes(std::vector<Judged>& findings) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const Judged& effect : findings) {
      if (effect.finding.severity != model::Severity::kCritical) continue;
      for (const std::size_t index : effect.finding.caused_by) {
        Judged& cause = findings[index];
        if (!cause.may_be_critical || cause.finding.severity == model::Severity::kCritical) continue;
        cause.finding.severity = model::Severity::kCritical;
        changed = true;
      }
    }
  }
}

}  // namespace

bool covers(const std::vector<std::int64_t>& cause_seconds, const std::vector<std::int64_t>& effect_seconds) {
  if (effect_seconds.empty()) return false;
  std::size_t near = 0;
  for (const std::int64_t second : effect_seconds) {
    const auto next = std::lower_bound(cause_seconds.begin(), cause_seconds.end(), second - kLinkSeconds);
    near += next != cause_seconds.end() && *next <= second + kLinkSeconds ? 1U : 0U;
  }
  return static_cast<double>(near) >= kLinkShare * static_cast<double>(effect_seconds.size());
}

void link(std::vector<Judged>& findings, const model::Picture& picture) {
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Rule* rule = find_rule(findings[i].finding.code);
    if (rule == nullptr) continue;
    for (Judged& effect : findings) {
      if (explains(*rule, findings[i], effect, picture)) effect.finding.caused_by.push_back(i);
    }
  }
  raise_causes(findings);
}

}  // namespace tcpdiag::diagnose
