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

// Is a process of the cause's outbound endpoint at the effect's inbound one?
bool has_process_of(const model::Picture& picture, const model::Finding& cause, const model::Finding& effect) {
  if (!cause.endpoint || !effect.endpoint) return false;
  const model::EndpointPicture& calls = picture.endpoints[*cause.endpoint];
  const model::EndpointPicture& called = picture.endpoints[*effect.endpoint];
  if (calls.key.role == model::Role::kInbound || called.key.role != model::Role::kInbound) return false;
  return std::any_of(calls.processes.begin(), calls.processes.end(), [&](const model::ProcessShare& process) {
    return std::any_of(called.processes.begin(), called.processes.end(), [&](const model::ProcessShare& other) {
      return std::any_of(process.pids.begin(), process.pids.end(), [&](std::uint32_t pid) {
        return std::binary_search(other.pids.begin(), other.pids.end(), pid);
      });
    });
  });
}

bool share(Shared shared, const model::Picture& picture, const Judged& cause, const Judged& judged) {
  const model::Finding& effect = judged.finding;
  switch (shared) {
    case Shared::kEndpoint:
      return cause.finding.endpoint && cause.finding.endpoint == effect.endpoint;
    case Shared::kDevice:
      return same_device(picture, cause, effect);
    case Shared::kSplit:
      return cause.finding.endpoint && cause.finding.endpoint == effect.endpoint &&
             std::find(cause.explains_splits.begin(), cause.explains_splits.end(), judged.split) !=
                 cause.explains_splits.end();
    case Shared::kListener:
      return accepts_here(picture, cause.finding, effect);
    case Shared::kProcess:
      return has_process_of(picture, cause.finding, effect);
    case Shared::kSockets:
      break;
  }
  return false;
}

// Most of what `effect` speaks of happened on sockets whose fate `cause` explains.
bool lies_on(const Judged& cause, const Judged& effect) {
  const auto& explained = cause.explains.empty() ? cause.finding.sockets : cause.explains;
  const auto is_explained = [&](std::size_t socket) {
    return std::binary_search(explained.begin(), explained.end(), socket);
  };
  std::uint64_t on = 0;
  std::uint64_t all = effect.on_all;
  if (all == 0) {
    const auto& sockets = effect.finding.sockets;
    all = sockets.size();
    on = static_cast<std::uint64_t>(std::count_if(sockets.begin(), sockets.end(), is_explained));
  }
  for (const auto& [socket, times] : effect.on_sockets) on += is_explained(socket) ? times : 0;
  return on > 0 && static_cast<double>(on) >= kLinkShare * static_cast<double>(all);
}

bool explains(const Rule& rule, const Judged& cause, const Judged& effect, const model::Picture& picture) {
  return std::any_of(rule.effects.begin(), rule.effects.end(), [&](const Effect& allowed) {
    if (effect.finding.code != allowed.rule->code) return false;
    if (allowed.shared == Shared::kSockets) return lies_on(cause, effect);
    if (allowed.shared == Shared::kProcess) return share(allowed.shared, picture, cause, effect);  // of the whole trace
    return share(allowed.shared, picture, cause, effect) && covers(cause.seconds, effect.seconds);
  });
}

// What explains users' trouble is as grave as it is.
void raise_causes(std::vector<Judged>& findings) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const Judged& effect : findings) {
      for (const std::size_t index : effect.finding.caused_by) {
        Judged& cause = findings[index];
        if (!cause.may_be_raised || cause.finding.severity >= effect.finding.severity) continue;
        cause.finding.severity = effect.finding.severity;
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
    if (rule == nullptr || rule->effects.empty()) continue;
    for (Judged& effect : findings) {
      if (explains(*rule, findings[i], effect, picture)) effect.finding.caused_by.push_back(i);
    }
  }
  raise_causes(findings);
}

}  // namespace tcpdiag::diagnose
