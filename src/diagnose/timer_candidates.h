// SPDX-License-Identifier: Apache-2.0
// Which known timers are as long as the times that were seen: a guess from a number, and from who can have acted.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/rule.h"
#include "diagnose/stats.h"
#include "diagnose/timer.h"
#include "knowledge/timers.h"
#include "model/finding.h"

namespace tcpdiag::diagnose {

using TimerFits = std::function<bool(const knowledge::KnownTimer&)>;

// Times of one finding that may be a timer's, and which timers can have made them.
struct TimedFrom {
  std::optional<Timer> timer;  // nullopt: they form none, so nothing is compared
  const char* counted_from;    // "request", "last_data", "connect", "inbound_request"
  TimerFits fits;
};

struct TimerMatch {
  // |median - timer| <= max(250 ms, 2 %); closest first, then by name. A timer that fits from two starts is listed
  // once, with the start from which it fits better.
  std::vector<model::TimerCandidate> candidates;
  // A sentence to append, with a blank before it, where there is a timer and none that is known: that is an answer too.
  std::string words;
};

// The group's port leaves out the timers of other protocols; its namespace's sysctls give the kernel's own.
TimerMatch match_timers(const Group& group, std::initializer_list<TimedFrom> starts);

// The times since the user's request (since_inbound_request), where they are known of at least 80 % of the group.
std::optional<Timer> since_inbound_timer(const Group& group);

// --- who can have acted ---

// The peer, or what stands before it, ended an unanswered request: by a FIN, or also by a RST.
bool closes_request(const knowledge::KnownTimer& timer);
bool resets_request(const knowledge::KnownTimer& timer);
// ... or an idle connection.
bool closes_idle(const knowledge::KnownTimer& timer);
bool resets_idle(const knowledge::KnownTimer& timer);
// A client gave up on this host's answer: an application, or a proxy in front of this host.
bool client_gives_up(const knowledge::KnownTimer& timer);
// Counted from the user's request: the server on this host that had read it ends the worker with its calls.
bool ends_worker(const knowledge::KnownTimer& timer);

}  // namespace tcpdiag::diagnose
