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

std::vector<bool> find_served_elsewhere(const model::Picture& picture) {
  std::map<ProcessAndPort, std::vector<MonoTime>> established;
  for (const SocketStory& story : picture.sockets) {
    if (story.outcome != ConnectOutcome::kEstablished) continue;
    const auto key = process_and_port(story);
    const auto at = connected_at(story);
    if (key && at) established[*key].push_back(*at);
  }
  for (auto& [key, times] : established) std::sort(times.begin(), times.end());

  std::vector<bool> result(picture.sockets.size(), false);
  for (std::size_t i = 0; i < picture.sockets.size(); ++i) {
    const SocketStory& story = picture.sockets[i];
    if (story.outcome != ConnectOutcome::kRefused && story.outcome != ConnectOutcome::kAbandoned) continue;
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

// A connection that was there before, that nothing was lost on, and on which the peer was heard after that: it lives.
bool goes_on(const SocketStory& story, MonoTime from, MonoTime after) {
  const auto rtos = story.retransmits[static_cast<std::size_t>(model::RetransmitKind::kRto)];
  return story.first_seen_at < from && story.heard_at && *story.heard_at >= after && rtos == 0;
}

// Only who was there can vanish. A connection of which nothing was heard since the SYN-ACK may be none to the peer: a
// full accept queue drops the third ACK and all that follows (Linux: tcp_check_req(), until a repeated SYN-ACK is
// answered).
bool was_there(const SocketStory& story) {
  return story.heard_at || story.exchanges > 0 || story.socket.older_than_trace;
}

std::vector<bool> find_vanished(const model::Picture& picture) {
  std::vector<std::vector<std::size_t>> silent(picture.endpoints.size());
  for (std::size_t i = 0; i < picture.sockets.size(); ++i) {
    const SocketStory& story = picture.sockets[i];
    const bool waits = story.exchange_pending || ended_here_unanswered(story);
    if (picture.endpoints[story.endpoint].key.role != model::Role::kOutbound || !waits) continue;
    if (was_there(story) && request_meets_silence(story)) silent[story.endpoint].push_back(i);
  }
  std::vector<bool> result(picture.sockets.size(), false);
  for (std::vector<std::size_t>& sockets : silent) {
    const auto silent_since = [&](std::size_t i) { return *picture.sockets[i].request_at; };
    std::sort(sockets.begin(), sockets.end(),
              [&](std::size_t a, std::size_t b) { return silent_since(a) < silent_since(b); });
    for (std::size_t first = 0; first < sockets.size();) {
      std::size_t end = first + 1;
      while (end < sockets.size() && silent_since(sockets[end]) - silent_since(sockets[first]) <= kVanishedWithin)
        ++end;
      const model::EndpointPicture& endpoint = picture.endpoints[picture.sockets[sockets[first]].endpoint];
      MonoTime until = picture.window.start;
      for (std::size_t i = first; i < end; ++i) {
        const SocketStory& story = picture.sockets[sockets[i]];
        until = std::max(until, story.end ? story.end->at : picture.window.end);
      }
      const MonoTime last = silent_since(sockets[end - 1]);
      const std::size_t of = picture.sockets[sockets[first]].endpoint;
      const bool lives =
          answered_between(picture, endpoint, last + kVanishedWithin, until) ||
          std::any_of(picture.sockets.begin(), picture.sockets.end(), [&](const SocketStory& story) {
            return story.endpoint == of && goes_on(story, silent_since(sockets[first]), last + kVanishedWithin);
          });
      if (end - first >= kVanishedConnections && !lives) {
        for (std::size_t i = first; i < end; ++i) result[sockets[i]] = true;
      }
      first = end;
    }
  }
  return result;
}

// A client of this host ended the connection with its request unanswered.
bool left_unanswered(const SocketStory& story) {
  return story.end && story.end->outstanding && lost_exchange(story) &&
         (story.end->kind == EndKind::kResetReceived || story.end->kind == EndKind::kClosedByPeer);
}

}  // namespace

Facts::Facts(const model::Picture& of) : picture(of), losses(loss_shares(of)) {
  endpoints.reserve(of.endpoints.size());
  for (std::size_t i = 0; i < of.endpoints.size(); ++i) endpoints.push_back(facts_of(of.endpoints[i], i));

  std::vector<std::uint64_t> cut_short(endpoints.size(), 0);
  std::vector<std::vector<Timed>> waits(endpoints.size());
  for (const SocketStory& story : of.sockets) {
    if (story.end && (story.end->in_response || story.end->stalled) && story.exchanges_failed > 0)
      ++cut_short[story.endpoint];
    const bool inbound = endpoints[story.endpoint].picture->key.role == model::Role::kInbound;
    if ((inbound ? left_unanswered(story) : ended_here_unanswered(story)) && story.end->wait)
      waits[story.endpoint].push_back({*story.end->wait, story.end->at});
  }
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    count_attempts(endpoints[i], cut_short[i]);
    const auto timer = find_timer(waits[i]);
    endpoints[i].waits_form_timer = timer.has_value();
    // A client's timer is its patience, however long good answers take here.
    if (timer) endpoints[i].gave_up_after = std::min(endpoints[i].gave_up_after, timer->min);
  }
  served_elsewhere = find_served_elsewhere(of);
  peer_vanished = find_vanished(of);
}

Case Facts::case_of(std::size_t socket) const {
  const SocketStory& story = picture.sockets[socket];
  return Case{story, endpoints[story.endpoint], served_elsewhere[socket], peer_vanished[socket]};
}

std::int64_t Facts::utc_second(MonoTime t) const {
  return std::chrono::floor<std::chrono::seconds>(picture.start.clock.to_wall(t)).time_since_epoch().count();
}

void add_seconds_of(const Facts& facts, std::set<std::int64_t>& seconds, model::MonoTime first, model::MonoTime last,
                    std::uint64_t samples, bool lasted) {
  const std::int64_t from = facts.utc_second(first);
  const std::int64_t to = facts.utc_second(last);
  const bool dense = static_cast<double>(samples) >= kListenDense * static_cast<double>(to - from + 1);
  if (dense || lasted) {
    for (std::int64_t s = from; s <= to; ++s) seconds.insert(s);
  } else {
    seconds.insert({from, to});
  }
}

MonoTime moment_of(const SocketStory& story) {
  if (story.end) return story.end->at;
  if (story.exchange_pending && story.request_at) return *story.request_at;
  if (story.opened_at) return *story.opened_at;
  return story.first_seen_at;
}

std::optional<MonoTime> connected_at(const SocketStory& story) {
  if (story.outcome != ConnectOutcome::kEstablished || !story.opened_at || !story.connect_took) return std::nullopt;
  return *story.opened_at + *story.connect_took;
}

std::optional<Duration> connected_to_end(const SocketStory& story) {
  const auto connected = connected_at(story);
  if (!connected || !story.end) return std::nullopt;
  return std::max(Duration::zero(), story.end->at - *connected);
}

bool no_syn_left(const SocketStory& story) {
  if (story.syns_sent > 0 || !story.outcome) return false;
  switch (*story.outcome) {
    case ConnectOutcome::kAbandoned:
    case ConnectOutcome::kTimedOut:
    case ConnectOutcome::kLocalError:
      return true;
    case ConnectOutcome::kPending:
      return story.connect_took && *story.connect_took >= kConnectPending;
    default:
      return false;
  }
}

bool request_meets_silence(const SocketStory& story) {
  if (!story.request_at || story.request_rtos == 0) return false;
  if (story.end && story.end->request_acked.value_or(false)) return false;
  const std::uint32_t bytes = story.end ? story.end->request_bytes : 0;
  const bool nothing_acked = story.request_unacked_bytes > 0 && story.request_unacked_bytes >= bytes;
  return nothing_acked && (!story.heard_at || *story.heard_at <= *story.request_at);
}

std::optional<Duration> silence_before_request(const SocketStory& story) {
  if (!story.end || !story.end->outstanding) return std::nullopt;
  if (story.end->idle_before_request) return story.end->idle_before_request;
  if (!story.end->wait || story.exchanges > 0) return std::nullopt;
  // No data before: silent since the handshake, or since we first saw it.
  MonoTime since = story.first_seen_at;
  if (const auto connected = connected_at(story)) since = *connected;
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

bool answered_between(const model::Picture& picture, const model::EndpointPicture& endpoint, MonoTime from,
                      MonoTime to) {
  const Duration cell = scaled(std::chrono::seconds(1), std::max(endpoint.series.interval_s, 1.0));
  MonoTime begin = picture.window.start + std::chrono::microseconds(endpoint.series.start_offset_us);
  for (const model::Second& second : endpoint.seconds) {
    if (begin >= from && begin + cell <= to && second.exchanges > 0) return true;
    begin += cell;
  }
  return false;
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
