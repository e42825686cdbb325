// SPDX-License-Identifier: Apache-2.0
#include "session/slice/flow_at.h"

#include <algorithm>
#include <optional>

namespace tcpdiag::session {
namespace {

using model::Flow;
using model::MonoTime;
using Time = std::optional<MonoTime>;

Time newer_of(const Time& a, const Time& b) {
  if (!a) return b;
  return b ? std::max(*a, *b) : a;
}

Time last_data(const Flow& flow) { return newer_of(flow.last_sent_at, flow.last_received_at); }

bool is_later(const Time& time, MonoTime t) { return time && *time > t; }

void forget_later(Time& time, MonoTime t) {
  if (is_later(time, t)) time.reset();
}

// Figures of a record that is being torn down are zeroed.
bool went_back(const Flow& before, const Flow& after) {
  return after.exchanges < before.exchanges || after.bytes_sent_total < before.bytes_sent_total ||
         after.bytes_received_total < before.bytes_received_total ||
         (last_data(before) && (!last_data(after) || *last_data(after) < *last_data(before)));
}

void take_counts(Flow& flow, const Flow& from) {
  flow.exchanges = from.exchanges;
  flow.bytes_sent = from.bytes_sent;
  flow.bytes_received = from.bytes_received;
  flow.bytes_sent_total = from.bytes_sent_total;
  flow.bytes_received_total = from.bytes_received_total;
  flow.segments_sent = from.segments_sent;
  flow.segments_received = from.segments_received;
  flow.out_of_order_segments = from.out_of_order_segments;
  flow.spurious_retransmits = from.spurious_retransmits;
  flow.first_byte_max_us = from.first_byte_max_us;
  flow.path_samples = from.path_samples;
  flow.path_rise_p50_us = from.path_rise_p50_us;
  flow.zero_window_received_us = from.zero_window_received_us;
  flow.unread_bytes_max = from.unread_bytes_max;
  flow.largest_received = from.largest_received;
  flow.full_segment_acked = from.full_segment_acked;
}

bool has_same_counts(const Flow& a, const Flow& b) {
  return a.exchanges == b.exchanges && a.bytes_sent == b.bytes_sent && a.bytes_received == b.bytes_received;
}

// The newest request of `after` had begun at `t`. Retransmissions are events: of them `before` knows all.
void take_request(Flow& flow, const Flow& before, const Flow& after, MonoTime t) {
  const bool is_known = before.request_first_at == after.request_first_at;
  flow.outstanding = after.outstanding || is_later(after.response_first_at, t);
  flow.in_response = !flow.outstanding;
  flow.request_first_at = after.request_first_at;
  flow.request_last_at = is_later(after.request_last_at, t) ? after.request_first_at : after.request_last_at;
  flow.request_acked_at = after.request_acked_at;
  forget_later(flow.request_acked_at, t);
  flow.request_acked = flow.request_acked_at.has_value() || (is_known && before.request_acked);
  flow.response_first_at = after.response_first_at;
  forget_later(flow.response_first_at, t);
  flow.idle_before_request = after.idle_before_request;
  flow.request_bytes = after.request_bytes;
  flow.response_bytes = flow.outstanding ? 0 : after.response_bytes;
  flow.answered_early_bytes = after.answered_early_bytes;
  flow.response_gap_us = flow.outstanding ? 0 : after.response_gap_us;
  flow.request_retransmits = is_known ? before.request_retransmits : 0;
  flow.request_rtos = is_known ? before.request_rtos : 0;
  flow.app_gap = after.app_gap;
  flow.app_gap_ambiguous = after.app_gap_ambiguous;
  flow.call_tid = after.call_tid;
  flow.request_read_at = after.request_read_at;
  forget_later(flow.request_read_at, t);
  flow.calls_since_read = after.calls_since_read;
  if (!flow.request_read_at || after.calls_since_read.value_or(0) != 0) {
    flow.calls_since_read = is_known ? before.calls_since_read : std::nullopt;
  }
}

// The request still waited at `t`: all that came later is its response, if that.
void take_counts_before_response(Flow& flow, const Flow& before, const Flow& after, bool is_inbound) {
  take_counts(flow, after);
  if (after.outstanding) return;
  flow.exchanges = std::max(before.exchanges, after.exchanges - std::min<std::uint64_t>(after.exchanges, 1));
  const auto without_response = [&after](std::uint64_t bytes, std::uint64_t least) {
    return std::max(least, bytes - std::min<std::uint64_t>(bytes, after.response_bytes));
  };
  if (is_inbound) {
    flow.bytes_sent = without_response(after.bytes_sent, before.bytes_sent);
    flow.bytes_sent_total = without_response(after.bytes_sent_total, before.bytes_sent_total);
  } else {
    flow.bytes_received = without_response(after.bytes_received, before.bytes_received);
    flow.bytes_received_total = without_response(after.bytes_received_total, before.bytes_received_total);
  }
}

template <typename T>
void subtract(T& count, const T& base) {
  count = static_cast<T>(count - std::min(count, base));
}

// The largest in a socket's life: one of this part of it only if it has grown since.
void keep_if_grown(std::uint32_t& largest, std::uint32_t base) {
  if (largest <= base) largest = 0;
}

void forget_exchange(Flow& flow) {
  flow.in_response = false;
  flow.request_first_at.reset();
  flow.request_last_at.reset();
  flow.request_acked_at.reset();
  flow.response_first_at.reset();
  flow.idle_before_request.reset();
  flow.request_bytes = 0;
  flow.response_bytes = 0;
  flow.answered_early_bytes = 0;
  flow.response_gap_us = 0;
  flow.request_retransmits = 0;
  flow.request_rtos = 0;
  flow.app_gap.reset();
  flow.app_gap_ambiguous = false;
  flow.call_tid = 0;
  flow.request_read_at.reset();
  flow.calls_since_read.reset();
}

}  // namespace

FlowAt flow_at(const Flow& before, model::TcpState state, const Flow* after, bool is_inbound, MonoTime t) {
  FlowAt result{before, false};
  Flow& flow = result.flow;
  flow.state = state;
  if (after == nullptr || went_back(before, *after)) return result;

  const bool began = after->request_first_at && *after->request_first_at <= t;
  if (began) {
    take_request(flow, before, *after, t);
    (is_inbound ? flow.last_received_at : flow.last_sent_at) =
        newer_of(is_inbound ? before.last_received_at : before.last_sent_at, flow.request_last_at);
    if (flow.outstanding) {
      take_counts_before_response(flow, before, *after, is_inbound);
      result.has_counts = true;
      return result;
    }
  } else if (after->request_first_at && flow.outstanding) {
    // It was answered before the next request began; when is not known.
    flow.outstanding = false;
    flow.in_response = true;
  }
  if (!is_later(last_data(*after), t)) {
    take_counts(flow, *after);
    flow.last_sent_at = after->last_sent_at;
    flow.last_received_at = after->last_received_at;
    if (after->heard_at && *after->heard_at <= t) flow.heard_at = after->heard_at;
    result.has_counts = true;
    return result;
  }
  // Silence from the older figures to the newest request.
  const Time data = newer_of(last_data(before), before.established_at);
  const bool was_silent = !began && after->request_first_at && after->idle_before_request && data &&
                          *after->request_first_at - *after->idle_before_request <= *data;
  result.has_counts = was_silent || has_same_counts(before, *after);
  return result;
}

Flow flow_since(const Flow& reported, const Flow& base, MonoTime from) {
  Flow flow = reported;
  subtract(flow.exchanges, base.exchanges);
  subtract(flow.bytes_sent, base.bytes_sent);
  subtract(flow.bytes_received, base.bytes_received);
  subtract(flow.segments_sent, base.segments_sent);
  subtract(flow.segments_received, base.segments_received);
  subtract(flow.retransmitted_segments, base.retransmitted_segments);
  subtract(flow.out_of_order_segments, base.out_of_order_segments);
  subtract(flow.spurious_retransmits, base.spurious_retransmits);
  subtract(flow.zero_window_received_us, base.zero_window_received_us);
  subtract(flow.path_samples, base.path_samples);
  if (flow.path_samples == 0) flow.path_rise_p50_us = 0;
  keep_if_grown(flow.first_byte_max_us, base.first_byte_max_us);
  keep_if_grown(flow.unread_bytes_max, base.unread_bytes_max);
  for (Time* begin : {&flow.opened_at, &flow.syn_at, &flow.established_at}) {
    if (*begin && **begin < from) begin->reset();
  }
  const Time data = last_data(reported);
  const bool is_over = !reported.outstanding && reported.request_first_at && *reported.request_first_at < from;
  if (is_over && (!data || *data <= from)) forget_exchange(flow);
  return flow;
}

}  // namespace tcpdiag::session
