// SPDX-License-Identifier: Apache-2.0
#include "diagnose/facts.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "diagnose/stats.h"
#include "diagnose/thresholds.h"
#include "diagnose/timer.h"

namespace tcpdiag::diagnose {
namespace {

using model::ConnectOutcome;
using model::Duration;
using model::EndKind;
using model::MonoTime;
using model::SocketStory;

Duration scaled(Duration d, double factor) {
  return Duration(static_cast<std::int64_t>(static_cast<double>(d.count()) * factor));
}

EndpointFacts facts_of(const model::EndpointPicture& picture, std::size_t index) {
  EndpointFacts facts;
  facts.index = index;
  facts.picture = &picture;
  facts.gave_up_after = kGaveUpAfter;
  if (const model::Histogram* first_byte = picture.measured(model::Measure::kFirstByte)) {
    const auto p99 = first_byte->percentile(0.99);
    const Duration late = scaled(std::chrono::microseconds(static_cast<std::int64_t>(*p99)), kGaveUpP99Factor);
    facts.gave_up_after = std::max(kGaveUpAfter, late);
  }
  return facts;
}

// Totals count a response as an exchange when it begins, so one that was cut short is in both counts.
void count_attempts(EndpointFacts& facts, std::uint64_t cut_short) {
  const model::Totals& totals = facts.picture->totals;
  const std::uint64_t cut = std::min({cut_short, totals.exchanges, totals.exchanges_failed});
  facts.good_exchanges = totals.exchanges - cut;
  facts.exchange_attempts = totals.exchanges + (totals.exchanges_failed - cut) + totals.exchanges_pending;
}

using ProcessAndPort = std::pair<std::uint32_t, std::uint16_t>;

std::optional<ProcessAndPort> process_and_port(const SocketStory& story) {
  if (!story.owner || story.owner->pid == 0) return std::nullopt;
  return ProcessAndPort{story.owner->pid, story.socket.remote.port};
}

std::optional<MonoTime> connect_decided_at(const SocketStory& story) {
  if (!story.opened_at || !story.connect_took) return std::nullopt;
  return *story.opened_at + *story.connect_took;
}

std::vector<bool> find_served_elsewhere(const model::Picture& picture) {
  std::map<ProcessAndPort, std::vector<MonoTime>> established;
  for (const SocketStory& story : picture.sockets) {
    if (story.outcome != ConnectOutcome::kEstablished) continue;
    const auto key = process_and_port(story);
    const auto at = connect_decided_at(story);
    if (key && at) established[*key].push_back(*at);
  }
  for (auto& [key, times] : established) std::sort(times.begin(), times.end());

  std::vector<bool> result(picture.sockets.size(), false);
  for (std::size_t i = 0; i < picture.sockets.size(); ++i) {
    const SocketStory& story = picture.sockets[i];
    if (story.outcome != ConnectOutcome::kRefused) continue;
    if (story.served_elsewhere) {  // the correlator saw all connects, this picture holds only some
      result[i] = *story.served_elsewhere;
      continue;
    }
    const auto key = process_and_port(story);
    const auto times = key ? established.find(*key) : established.end();
    if (times == established.end()) continue;
    const MonoTime at = moment_of(story);
    const auto next = std::lower_bound(times->second.begin(), times->second.end(), at - kHappyEyeballs);
    result[i] = next != times->second.end() && *next <= at + kHappyEyeballs;
  }
  return result;
}

}  // namespace

Facts::Facts(const model::Picture& of) : picture(of), losses(loss_shares(of)) {
  endpoints.reserve(of.endpoints.size());
  for (std::size_t i = 0; i < of.endpoints.size(); ++i) endpoints.push_back(facts_of(of.endpoints[i], i));

  std::vector<std::uint64_t> cut_short(endpoints.size(), 0);
  std::vector<std::vector<Duration>> waits(endpoints.size());
  for (const SocketStory& story : of.sockets) {
    if (story.end && story.end->in_response && story.exchanges_failed > 0) ++cut_short[story.endpoint];
    if (ended_here_unanswered(story) && story.end->wait) waits[story.endpoint].push_back(*story.end->wait);
  }
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    count_attempts(endpoints[i], cut_short[i]);
    endpoints[i].waits_form_timer = find_timer(Durations(std::move(waits[i]))).has_value();
  }
  served_elsewhere = find_served_elsewhere(of);
}

Case Facts::case_of(std::size_t socket) const {
  const SocketStory& story = picture.sockets[socket];
  return Case{story, endpoints[story.endpoint], served_elsewhere[socket]};
}

std::int64_t Facts::utc_second(MonoTime t) const {
  return std::chrono::floor<std::chrono::seconds>(picture.start.clock.to_wall(t)).time_since_epoch().count();
}

MonoTime moment_of(const SocketStory& story) {
  if (story.end) return story.end->at;
  if (story.opened_at) return *story.opened_at;
  return story.first_seen_at;
}

std::optional<Duration> silence_before_request(const SocketStory& story) {
  if (!story.end || !story.end->outstanding) return std::nullopt;
  if (story.end->idle_before_request) return story.end->idle_before_request;
  if (!story.end->wait || story.exchanges > 0) return std::nullopt;
  // No data before: silent since the handshake, or since we first saw it.
  MonoTime since = story.first_seen_at;
  if (const auto connected = connect_decided_at(story)) since = *connected;
  return std::max(Duration::zero(), (story.end->at - *story.end->wait) - since);
}

Duration answer_to_write_limit(const model::SocketEnd& end) {
  const Duration srtt = std::chrono::microseconds(end.srtt_us.value_or(0));
  return std::max(scaled(srtt, kAnswerToWriteSrtts), kAnswerToWriteAtLeast);
}

bool died_while_idle(const SocketStory& story) {
  if (!story.end || !story.end->outstanding || !story.end->wait) return false;
  const auto silence = silence_before_request(story);
  return silence && *silence >= kIdle && *story.end->wait <= answer_to_write_limit(*story.end);
}

bool ended_here_unanswered(const SocketStory& story) {
  // A half-close (shutdown) says "that was all I ask": where an answer still came, nothing failed.
  if (!story.end || !story.end->outstanding || !lost_exchange(story)) return false;
  switch (story.end->kind) {
    case EndKind::kClosedLocally:
    case EndKind::kTimedOut:
      return true;
    case EndKind::kResetSent: {
      // A close by the application that the kernel turned into a RST. Keepalive, memory and SOCK_DESTROY are not.
      using enum model::LocalResetCause;
      const auto cause = story.end->cause.value_or(kUnknown);
      return cause == kAppClosedUnread || cause == kAppLinger0 || cause == kProcessKilled;
    }
    default:
      return false;
  }
}

bool someone_still_waits(const Facts& facts, const EndpointFacts& endpoint) {
  return std::any_of(facts.picture.sockets.begin(), facts.picture.sockets.end(), [&](const SocketStory& story) {
    return story.endpoint == endpoint.index && story.exchange_pending && story.pending_wait &&
           *story.pending_wait >= endpoint.gave_up_after;
  });
}

bool lost_exchange(const SocketStory& story) { return story.end && story.exchanges_failed > 0; }

}  // namespace tcpdiag::diagnose
