// SPDX-License-Identifier: Apache-2.0
#include "correlate/story.h"

#include <algorithm>

#include "correlate/drops.h"
#include "correlate/ending.h"
#include "correlate/slow_answer.h"

namespace tcpdiag::correlate {
namespace {

using model::MonoTime;
using model::SocketStory;
using model::TimelineMark;
namespace mark = model::mark;

// What became known after the mark was made.
void complete(TimelineMark& entry, const SocketRecord& socket) {
  if (auto* connect = std::get_if<mark::Connect>(&entry.body)) {
    // When the first SYN reached the device; with it and the SYNs' own entries the schedule is complete.
    if (const auto& syn = socket.flow.syn_at) connect->syn_after = std::max(*syn - entry.at, model::Duration::zero());
  } else if (auto* established = std::get_if<mark::Established>(&entry.body)) {
    established->took = socket.connect_took;
  }
}

// The request that matters is known by its times only, so it is put into its place now.
void add_request(std::vector<TimelineMark>& timeline, const SocketRecord& socket) {
  const RequestMark request = socket.end ? socket.request_at_end : newest_request(socket.flow);
  if (!request.first_at) return;
  timeline.push_back({*request.first_at, mark::Request{request.bytes}});
  if (!request.acked_at) return;
  mark::RequestAcked acked;
  if (request.last_at && *request.acked_at >= *request.last_at) acked.after = *request.acked_at - *request.last_at;
  timeline.push_back({*request.acked_at, acked});
}

std::vector<TimelineMark> make_timeline(const State& state, const SocketRecord& socket) {
  std::vector<TimelineMark> timeline;
  timeline.reserve(socket.timeline.size() + 2);
  timeline.assign(socket.timeline.begin(), socket.timeline.end());
  for (TimelineMark& entry : timeline) complete(entry, socket);
  add_request(timeline, socket);
  std::stable_sort(timeline.begin(), timeline.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  const std::size_t limit = state.limits.timeline_entries;
  while (timeline.size() > limit) timeline.erase(timeline.begin() + static_cast<std::ptrdiff_t>(limit / 2));
  return timeline;
}

void fill_connect(SocketStory& story, const SocketRecord& socket, MonoTime until) {
  if (!socket.attempt) return;
  story.outcome = socket.outcome.value_or(model::ConnectOutcome::kPending);
  story.connect_took = socket.connect_took;
  if (!socket.outcome && story.opened_at) story.connect_took = until - *story.opened_at;
  story.connect_error = socket.connect_error;
  story.syn_error = socket.syn_error;
  // The first one is not told of, where the others failed.
  story.failed_transmissions = socket.syns_failed + (socket.no_syn_left && socket.syns_failed > 0 ? 1 : 0);
  // One that waits for a neighbour in vain is held on this host: the device never gets it, and "retransmitting" it
  // fails with -EBUSY.
  const bool syn_held_back = !socket.flow.syn_at && !socket.flow.established_at && socket.syn_retransmits == 0 &&
                             socket.retransmit_failed_busy > 0;
  story.syns_sent = (socket.no_syn_left || syn_held_back ? 0 : 1) + socket.syn_retransmits;
  story.icmp_errors = socket.icmp_errors;
  if (story.outcome == model::ConnectOutcome::kRefused || story.outcome == model::ConnectOutcome::kAbandoned) {
    story.served_elsewhere = socket.served_elsewhere;
  }
  story.late_syn_ack = socket.late_syn_ack;
}

}  // namespace

std::string cgroup_of(const State& state, std::uint32_t pid, std::uint64_t cgroup_id) {
  const auto process = state.processes.find(pid);
  // A pid may have been used again by a process elsewhere.
  if (process != state.processes.end() &&
      (cgroup_id == 0 || process->second.cgroup_id == 0 || process->second.cgroup_id == cgroup_id)) {
    return process->second.cgroup_path;
  }
  const auto path = state.cgroups.find(cgroup_id);
  return path == state.cgroups.end() ? "" : path->second;
}

SocketStory make_story(const State& state, const SocketRecord& socket, MonoTime until) {
  const model::Flow& flow = socket.flow;
  SocketStory story;
  story.socket = socket.ref;
  story.endpoint = socket.endpoint;
  story.owner = socket.owner;
  if (socket.owner) story.cgroup_path = cgroup_of(state, socket.owner->pid, socket.owner->cgroup_id);
  story.opened_at = opened_at(socket);
  story.first_seen_at = socket.first_seen_at;
  story.closed_at = socket.closed_at;
  fill_connect(story, socket, until);
  story.ended_by = ended_by(socket);
  story.ended_with = ended_with(socket);
  story.end = socket.end;
  const bool lost = exchange_failed(socket);
  // Answered after all: a half-close is no give-up.
  if (story.end && story.end->outstanding && !lost) {
    story.end->outstanding = false;
    story.end->wait.reset();
  }
  story.exchanges = flow.exchanges;
  story.exchanges_failed = lost ? 1 : 0;
  story.exchange_pending = exchange_pending(socket);
  if (story.exchange_pending && flow.request_first_at) story.pending_wait = until - *flow.request_first_at;
  story.request_at = socket.end ? socket.request_at_end.first_at : flow.request_first_at;
  story.request_unacked_bytes = socket.end ? socket.end->unacked_bytes : flow.unacked_bytes;
  story.request_rtos = socket.end ? socket.end->request_rtos : flow.request_rtos;
  story.heard_at = flow.heard_at;
  story.stray_resets = socket.stray_resets;
  story.stray_reset_at = socket.stray_reset_at;
  story.stray_reset_to = socket.stray_reset_to;
  story.bytes_sent = flow.bytes_sent;
  story.bytes_received = flow.bytes_received;
  story.retransmits = socket.retransmits;
  story.retransmits_unseen = retransmits_unseen(socket);
  story.retransmitted_segments = flow.retransmitted_segments;
  story.resets = socket.resets;
  for (std::size_t way = 0; way < model::kDropWays; ++way) {
    story.drops[way] = story_of_drops(socket, static_cast<model::DropWay>(way), lost);
  }
  if (flow.first_byte_max_us > 0) story.first_byte_max_us = flow.first_byte_max_us;
  if (!socket.inbound()) story.app_gap = socket.end ? socket.request_at_end.app_gap : flow.app_gap;
  story.look_up = socket.look_up;
  story.no_call_wait = socket.no_call_wait;
  story.no_call_look_up = socket.no_call_look_up;
  if (const auto request = unanswered(socket, until); request && request->without_call()) {
    story.no_call_wait = std::max(story.no_call_wait.value_or(request->wait()), request->wait());
    note_longer(story.no_call_look_up, look_up_during(state, socket, *request));
  }
  story.timeline = make_timeline(state, socket);
  return story;
}

}  // namespace tcpdiag::correlate
