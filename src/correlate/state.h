// SPDX-License-Identifier: Apache-2.0
// All that the correlator remembers, and what may be done to it.
//
// A socket lives in `sockets` from its first record until shortly after its end: a reset may follow tcp_destroy_sock.
// Then it is folded: its figures go into its endpoint, and its record is kept whole only if it failed or was slow.
// "Shortly" is counted in the time of the records, so a replay folds at the same places.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "correlate/correlator.h"
#include "correlate/endpoint_record.h"
#include "correlate/evicted.h"
#include "correlate/kept_sockets.h"
#include "correlate/look_ups.h"
#include "correlate/netns.h"
#include "correlate/newest_connects.h"
#include "correlate/nic.h"
#include "correlate/probes.h"
#include "correlate/socket_record.h"
#include "correlate/unseen.h"
#include "model/event.h"
#include "model/sample.h"

namespace tcpdiag::correlate {

// Resets for which there was no connection of ours.
struct StrayResets {
  std::uint64_t sent = 0;
  std::uint64_t in_time_wait = 0;
  std::uint64_t no_socket = 0;
  std::map<std::string, std::uint64_t> reasons;
};

struct State {
  explicit State(Limits with) : limits(with) {}

  Limits limits;
  std::optional<model::TraceStart> start;
  std::optional<model::TraceEnd> end;
  std::optional<model::MonoTime> first_at;  // of all records with a time
  model::MonoTime newest_at{};
  std::uint64_t events_seen = 0;
  std::uint64_t failures = 0;
  model::Loss loss;  // the correlator's own

  std::unordered_map<std::uint64_t, SocketRecord> sockets;    // never walked in its own order where order matters
  std::unordered_map<std::uint64_t, std::uint64_t> by_tuple;  // a hash of their addresses -> their id
  std::map<std::pair<std::uint32_t, model::SocketAddress>, std::uint64_t> by_local;  // namespace, local -> id
  std::deque<std::pair<model::MonoTime, std::uint64_t>> ended;  // to be folded, by the time of their end
  std::unordered_set<std::uint64_t> left_out;                   // ids of sockets for which there was no room
  std::uint64_t open_now = 0;
  std::uint64_t open_peak = 0;

  std::vector<EndpointRecord> endpoints;
  std::map<model::EndpointKey, std::size_t> endpoint_index;
  std::set<std::pair<model::MonoTime, std::size_t>> idle_endpoints;  // without sockets, by since when
  std::uint64_t endpoints_made = 0;
  EvictedEndpoints evicted;
  std::int64_t series_interval_s = 1;
  std::int64_t series_first_s = 0;  // seconds before this one are forgotten
  std::size_t series_bytes = 0;
  // Endpoints are sampled in rounds, about one a second.
  std::optional<model::MonoTime> newest_round;
  std::optional<model::MonoTime> previous_round;
  StrayResets stray;
  Told told;
  std::vector<NetnsRecord> netns;  // as TraceStart::netns
  NicRecords nics;

  KeptSockets kept;

  std::map<std::uint32_t, model::ProcessInfo> processes;
  std::map<std::uint64_t, std::string> cgroups;  // id -> path
  std::set<ProcessKey> process_keys;             // those that have an entry of their own in an endpoint

  NewestConnects connects;
  LookUps look_ups;
  Probes probes;
};

// --- events.cpp ---
void apply_event(State& state, const model::Event& event);

// --- samples.cpp ---
void apply_sample(State& state, const model::Sample& sample);

// --- keep.cpp ---
// Time has passed: folds what ended long enough ago.
void advance(State& state, model::MonoTime to);
// The socket's record, made where there is none; nullptr: no room (counted).
SocketRecord* find_or_make(State& state, const model::SocketRef& ref, const model::Flow& flow, model::MonoTime at,
                           bool begins, bool is_over);
// The role became known late: the socket changes its endpoint. What was counted at once stays where it was.
void follow_role(State& state, SocketRecord& socket);
// The connection is over: folded a little later.
void mark_over(State& state, SocketRecord& socket, model::MonoTime at);
void fold(State& state, std::uint64_t id);
// Folds one of those that are over before its time; false: there is none.
bool fold_oldest(State& state);

std::optional<ProcessKey> counted_as(const State& state, const SocketRecord& socket);

}  // namespace tcpdiag::correlate
