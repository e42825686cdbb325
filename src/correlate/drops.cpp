// SPDX-License-Identifier: Apache-2.0
#include "correlate/drops.h"

#include <algorithm>
#include <chrono>

#include "correlate/connect.h"
#include "correlate/keep_limits.h"
#include "model/retransmit.h"

namespace tcpdiag::correlate {
namespace {

using model::DropWay;
using model::MonoTime;

// A retransmission that is dropped itself is seen to be dropped just before it is seen to be tried, and no timer of TCP
// is as short as this.
constexpr model::Duration kSameAttempt = std::chrono::milliseconds(1);

// Sequence numbers wrap.
bool is_before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

bool overlap(const DroppedRange& range, std::uint32_t seq, std::uint32_t end_seq) {
  return is_before(range.seq, end_seq) && is_before(seq, range.end_seq);
}

// One that was dropped before, or right behind another one: the first time counts.
void add_range(std::vector<DroppedRange>& ranges, MonoTime at, const model::Dropped& dropped) {
  for (DroppedRange& range : ranges) {
    if (!overlap(range, dropped.seq - 1, dropped.end_seq + 1)) continue;
    if (is_before(dropped.seq, range.seq)) range.seq = dropped.seq;
    if (is_before(range.end_seq, dropped.end_seq)) range.end_seq = dropped.end_seq;
    return;
  }
  if (ranges.size() >= kDroppedRangesKept) ranges.erase(ranges.begin());
  ranges.push_back({at, dropped.seq, dropped.end_seq});
}

bool was_dropped(const std::vector<DroppedRange>& ranges, MonoTime at, const model::Retransmitted& again) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const DroppedRange& range) {
    return range.at + kSameAttempt < at && overlap(range, again.seq, again.end_seq);
  });
}

// What came between the first copy and this one may have been its ACK.
bool answer_was_dropped(const SocketRecord& socket, const model::Retransmitted& again) {
  const auto& last = socket.drops[static_cast<std::size_t>(DropWay::kIn)].seen.last_at;
  const auto sent = again.first_sent_at ? again.first_sent_at : socket.flow.syn_at;
  return last && sent && *last > *sent;
}

// A SYN or SYN-ACK was dropped, or all that came back to a connect that failed. True also where it was established in
// the end: then it took longer.
bool delays_connect(const SocketRecord& socket, DropWay way) {
  const model::SocketDrops& seen = socket.drops[static_cast<std::size_t>(way)].seen;
  if (!socket.attempt || seen.packets == 0) return false;
  return seen.syns > 0 || (way == DropWay::kIn && socket.outcome && is_failure(*socket.outcome));
}

// Something was dropped while the request waited, and was not repaired without a timeout.
bool fails_exchange(const SocketRecord& socket, const SocketDropsRecord& drops) {
  const auto& request = socket.end ? socket.request_at_end.first_at : socket.flow.request_first_at;
  if (!request || !drops.seen.last_at || *drops.seen.last_at < *request) return false;
  return drops.timeouts > 0 || drops.retransmits == 0;
}

}  // namespace

DropWay way_of(const model::Dropped& dropped) { return dropped.incoming ? DropWay::kIn : DropWay::kOut; }

void add_drop(std::map<std::string, model::DropCount>& by_reason, const std::string& reason,
              const model::DropCount& count) {
  const bool has_room = by_reason.size() < kReasonsKept || by_reason.contains(reason);
  by_reason[has_room ? reason : "others"] += count;
}

void count_drop(model::DropCounts& counts, const std::string& reason, MonoTime at, const model::Dropped& dropped) {
  model::DropCount one;
  one.packets = 1;
  one.segments = dropped.segments;
  one.syns = dropped.is_syn ? 1 : 0;
  one.with_data = dropped.bytes() > 0 ? 1 : 0;
  one.first_at = one.last_at = at;
  add_drop(counts[static_cast<std::size_t>(way_of(dropped))], reason, one);
}

void note_drop(SocketRecord& socket, MonoTime at, const model::Dropped& dropped) {
  if (socket.drops.empty()) socket.drops.resize(model::kDropWays);
  SocketDropsRecord& drops = socket.drops[static_cast<std::size_t>(way_of(dropped))];
  ++drops.seen.packets;
  if (dropped.is_syn) ++drops.seen.syns;
  drops.seen.first_at = std::min(drops.seen.first_at.value_or(at), at);
  drops.seen.last_at = std::max(drops.seen.last_at.value_or(at), at);
  if (!dropped.incoming && dropped.seq != dropped.end_seq) add_range(drops.ranges, at, dropped);
}

void explain_retransmit(SocketRecord& socket, MonoTime at, const model::Retransmitted& again) {
  if (socket.drops.empty()) return;
  const model::RetransmitKind kind = model::retransmit_kind(again);
  const bool by_timeout = kind == model::RetransmitKind::kSyn || kind == model::RetransmitKind::kRto;
  const auto explain = [by_timeout](SocketDropsRecord& drops) {
    ++drops.retransmits;
    if (by_timeout) ++drops.timeouts;
  };
  if (was_dropped(socket.drops[static_cast<std::size_t>(DropWay::kOut)].ranges, at, again)) {
    explain(socket.drops[static_cast<std::size_t>(DropWay::kOut)]);
  } else if (answer_was_dropped(socket, again)) {
    explain(socket.drops[static_cast<std::size_t>(DropWay::kIn)]);
  }
}

model::SocketDrops story_of_drops(const SocketRecord& socket, DropWay way, bool exchange_lost) {
  if (socket.drops.empty()) return {};
  const SocketDropsRecord& drops = socket.drops[static_cast<std::size_t>(way)];
  model::SocketDrops story = drops.seen;
  story.explains_failure = (delays_connect(socket, way) && socket.outcome != model::ConnectOutcome::kEstablished) ||
                           (exchange_lost && fails_exchange(socket, drops));
  return story;
}

void add_drop_impact(std::array<model::DropImpact, model::kDropWays>& sums, const SocketRecord& socket,
                     bool exchange_lost) {
  for (std::size_t way = 0; way < socket.drops.size(); ++way) {
    const SocketDropsRecord& drops = socket.drops[way];
    if (drops.seen.packets == 0) continue;
    model::DropImpact& sum = sums[way];
    ++sum.sockets;
    sum.retransmits += drops.retransmits;
    sum.timeouts += drops.timeouts;
    if (delays_connect(socket, static_cast<DropWay>(way))) {
      ++(socket.outcome && is_failure(*socket.outcome) ? sum.connects_failed : sum.connects_delayed);
    }
    if (exchange_lost && fails_exchange(socket, drops)) ++sum.exchanges_failed;
  }
}

}  // namespace tcpdiag::correlate
