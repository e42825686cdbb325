// SPDX-License-Identifier: Apache-2.0
// The picture: folded sums plus the sockets still alive, everything in an order that depends on nothing but its
// content.
#include "correlate/assemble.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "correlate/connect.h"
#include "correlate/endpoint_picture.h"
#include "correlate/endpoints.h"
#include "correlate/features.h"
#include "correlate/seconds.h"
#include "correlate/story.h"
#include "correlate/totals.h"
#include "correlate/unseen.h"

namespace tcpdiag::correlate {
namespace {

using model::ConnectOutcome;
using model::EndpointPicture;
using model::MonoTime;
using model::Picture;
using model::SocketStory;
using model::Totals;

using Records = std::vector<const SocketRecord*>;

// The sockets still in the table, by id. Where events were lost, one that the closing snapshot did not find is gone.
struct Live {
  Records records;
  std::vector<SocketRecord> gone;  // changed copies
};

void find_live(const State& state, Live& live) {
  const bool snapshot_decides = state.end && (state.end->loss.ring_full > 0 || state.end->loss.rate_limited > 0);
  std::vector<const SocketRecord*> all;
  all.reserve(state.sockets.size());
  for (const auto& [id, socket] : state.sockets) all.push_back(&socket);
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->ref.id < b->ref.id; });
  for (const SocketRecord* socket : all) {
    if (snapshot_decides && socket->open() && !socket->seen_at_end) {
      live.gone.push_back(*socket);
      live.gone.back().closed_at = state.end->at;
    } else {
      live.records.push_back(socket);
    }
  }
  for (const SocketRecord& socket : live.gone) live.records.push_back(&socket);
}

std::uint64_t connect_failures(const Totals& totals) {
  std::uint64_t failures = 0;
  for (std::size_t i = 0; i < model::kConnectOutcomes; ++i) {
    if (is_failure(static_cast<ConnectOutcome>(i))) failures += totals.connect_outcomes[i];
  }
  return failures;
}

Totals sum_of(const State& state, const std::vector<EndpointPicture>& endpoints) {
  Totals sum = known_zeros(state);
  for (const EndpointPicture& endpoint : endpoints) add_totals(sum, endpoint.totals);
  add_totals(sum, state.evicted.totals);
  if (endpoints.empty()) {
    sum.zero_window_sent_us = 0;
    sum.zero_window_received_us = 0;
  }
  sum.sockets_open_peak = state.open_peak;  // of all at one moment, not the sum of the endpoints' peaks
  sum.resets.sent += state.stray.sent;
  for (const auto& [name, count] : state.stray.reasons) sum.reset_reasons[name] += count;
  if (has_feature(state, "reset_without_socket")) {
    sum.reset_phases[static_cast<std::size_t>(model::Phase::kTimeWait)] = state.stray.in_time_wait;
    sum.reset_phases[static_cast<std::size_t>(model::Phase::kNoSocket)] = state.stray.no_socket;
  }
  return sum;
}

// --- sockets ---

bool failed(const SocketStory& story) {
  return story.exchanges_failed > 0 || (story.outcome && is_failure(*story.outcome));
}

std::uint64_t longest_us(const SocketStory& story) {
  std::uint64_t longest = story.first_byte_max_us.value_or(0);
  const auto consider = [&longest](const std::optional<model::Duration>& wait) {
    if (!wait) return;
    longest = std::max(longest, static_cast<std::uint64_t>(std::max<std::int64_t>(model::microseconds(*wait), 0)));
  };
  if (story.end) consider(story.end->wait);
  consider(story.pending_wait);
  if (story.outcome && *story.outcome != ConnectOutcome::kEstablished) consider(story.connect_took);
  return longest;
}

bool comes_before(const SocketStory& a, const SocketStory& b) {
  const auto rank = [](const SocketStory& s) {
    return std::tuple(!failed(s), ~longest_us(s), s.opened_at.value_or(MonoTime::min()), s.socket.local,
                      s.socket.remote, s.socket.netns_inode, s.socket.id, s.first_seen_at);
  };
  return rank(a) < rank(b);
}

// Which sockets are reported whole, within the limits; the others are counted.
Records choose_sockets(const State& state, const Live& live, Picture& picture) {
  Records failures;
  Records notable;
  Records slow;
  Records healthy;
  picture.sockets_omitted = state.kept.healthy_omitted + state.kept.failed_omitted;
  const auto add_kept = [&](const auto& from, Records& to) {
    for (const SocketRecord& socket : from) {
      if (endpoint_of_kept(state, socket) != nullptr) {
        to.push_back(&socket);
      } else {
        ++picture.sockets_omitted;
      }
    }
  };
  add_kept(state.kept.failed, failures);
  add_kept(state.kept.notable, notable);
  add_kept(state.kept.healthy, healthy);
  for (const SocketRecord* socket : live.records) {
    switch (worth_of(*socket)) {
      case Worth::kFailed:
        failures.push_back(socket);
        break;
      case Worth::kNotable:
        notable.push_back(socket);
        break;
      case Worth::kSlow:
        slow.push_back(socket);
        break;
      case Worth::kHealthy:
        healthy.push_back(socket);
        break;
    }
  }
  for (const SocketRecord* socket : slow) {
    (notable.size() < slow_limit(state.limits) ? notable : healthy).push_back(socket);
  }
  const auto cut = [&picture](Records& records, std::size_t limit) {
    const std::size_t beyond = records.size() - std::min(records.size(), limit);
    picture.sockets_omitted += beyond;
    return beyond;
  };
  // The oldest are the first.
  const auto cut_oldest = [&](Records& records, std::size_t limit) {
    const std::size_t beyond = cut(records, limit);
    picture.loss.sockets_full += beyond;
    records.erase(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(beyond));
  };
  const std::size_t most = state.limits.failed_sockets;
  cut_oldest(failures, most);
  cut_oldest(notable, std::min(notable_limit(state.limits), most - failures.size()));
  std::sort(healthy.begin(), healthy.end(), [](const auto* a, const auto* b) { return more_interesting(*a, *b); });
  healthy.resize(healthy.size() - cut(healthy, state.limits.healthy_sockets));
  failures.insert(failures.end(), notable.begin(), notable.end());
  failures.insert(failures.end(), healthy.begin(), healthy.end());
  return failures;
}

// --- endpoints ---

// positions: from State::endpoints to the picture's.
void sort_endpoints(std::vector<EndpointPicture>& endpoints, std::vector<std::size_t>& positions) {
  std::vector<std::size_t> order(endpoints.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto rank = [&endpoints](std::size_t i) {
    const EndpointPicture& e = endpoints[i];
    const std::uint64_t failures = connect_failures(e.totals) + e.totals.exchanges_failed;
    return std::tuple(~failures, ~(e.totals.bytes_sent + e.totals.bytes_received), e.key);
  };
  std::sort(order.begin(), order.end(), [&rank](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  std::vector<EndpointPicture> sorted;
  sorted.reserve(endpoints.size());
  positions = std::vector<std::size_t>(order.size());
  for (const std::size_t i : order) {
    positions[i] = sorted.size();
    sorted.push_back(std::move(endpoints[i]));
  }
  endpoints = std::move(sorted);
}

void add_losses(model::Loss& sum, const model::Loss& loss) {
  sum.ring_full += loss.ring_full;
  sum.sockets_full += loss.sockets_full;
  sum.endpoints_full += loss.endpoints_full;
  sum.processes_full += loss.processes_full;
  sum.undecodable += loss.undecodable;
  sum.rate_limited += loss.rate_limited;
  sum.samples_thinned += loss.samples_thinned;
  sum.disk_full += loss.disk_full;
}

void fill_circumstances(const State& state, MonoTime until, Picture& picture) {
  if (state.start) picture.start = *state.start;
  picture.window.start = state.start ? state.start->clock.mono_at : state.first_at.value_or(until);
  picture.window.end = std::max(until, picture.window.start);
  picture.events_seen = state.events_seen;
  picture.loss = state.loss;
  if (!state.end) return;
  picture.window.ended_by = state.end->ended_by;
  picture.window.partial = state.end->partial;
  picture.cost = state.end->cost;
  picture.sockets_filtered_out = state.end->sockets_filtered_out;
  picture.busiest_filtered_out = state.end->busiest_filtered_out;
  add_losses(picture.loss, state.end->loss);
}

}  // namespace

Picture assemble(const State& state, MonoTime until) {
  Picture picture;
  fill_circumstances(state, until, picture);
  Live live;
  find_live(state, live);

  // With the sockets still alive, which are added to a copy.
  std::map<std::size_t, Tally> tallies;
  for (const SocketRecord* socket : live.records) {
    const std::size_t i = socket->endpoint;
    Tally& tally = tallies.try_emplace(i, state.endpoints[i].folded).first->second;
    add_socket(tally, *socket, counted_as(state, *socket), picture.window.end);
  }

  const SeriesShape shape = shape_of(state, picture.window.start, picture.window.end);
  const Totals zeros = known_zeros(state);
  picture.endpoints.reserve(state.endpoints.size());
  for (std::size_t i = 0; i < state.endpoints.size(); ++i) {
    const EndpointRecord& record = state.endpoints[i];
    const auto with_live = tallies.find(i);
    const Tally& tally = with_live == tallies.end() ? record.folded : with_live->second;
    picture.endpoints.push_back(make_endpoint_picture(state, record, tally, zeros, picture.window.length()));
    set_series(state, record, shape, picture.endpoints.back());
  }
  std::vector<std::size_t> positions;
  sort_endpoints(picture.endpoints, positions);
  picture.endpoints_evicted = state.evicted.count;
  picture.totals = sum_of(state, picture.endpoints);
  picture.netns.reserve(state.netns.size());
  for (const NetnsRecord& netns : state.netns) picture.netns.push_back(netns.picture());
  picture.nics = state.nics.pictures(shape);
  picture.resolvers = state.look_ups.pictures(picture.window.end);
  count_netns(picture.netns, lacks_feature(state, "retransmit_failures"), picture.totals);
  if (state.end && !state.end->partial) set_unseen(picture, state.told);

  const Records chosen = choose_sockets(state, live, picture);
  picture.sockets.reserve(chosen.size());
  for (const SocketRecord* socket : chosen) {
    picture.sockets.push_back(make_story(state, *socket, picture.window.end));
    picture.sockets.back().endpoint = positions[socket->endpoint];
  }
  std::sort(picture.sockets.begin(), picture.sockets.end(), comes_before);
  return picture;
}

}  // namespace tcpdiag::correlate
