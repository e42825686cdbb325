// SPDX-License-Identifier: Apache-2.0
#include "correlate/outcomes.h"

#include <algorithm>

#include "correlate/connect.h"
#include "correlate/keep_limits.h"

namespace tcpdiag::correlate {
namespace {

using model::ConnectOutcome;
using model::EndKind;
using model::EndpointPicture;
using model::OutcomeGroup;

void add_duration(model::Histogram& histogram, const std::optional<model::Duration>& duration) {
  if (!duration || *duration < model::Duration::zero()) return;
  histogram.add(static_cast<std::uint64_t>(model::microseconds(*duration)));
}

// The word for a failed socket in the comparison with the good ones; empty: it did not fail.
const char* failure_name(const SocketRecord& socket, bool exchange_lost) {
  if (socket.outcome && is_failure(*socket.outcome)) {
    switch (*socket.outcome) {
      case ConnectOutcome::kTimedOut:
      case ConnectOutcome::kAbandoned:
        return "no_answer";
      default:
        return model::to_string(*socket.outcome);
    }
  }
  if (!exchange_lost) return "";
  switch (socket.end->kind) {
    case EndKind::kResetReceived:
      return "reset";
    case EndKind::kClosedByPeer:
      return "closed";
    default:
      return "timeout";  // somebody stopped waiting: this application or this kernel
  }
}

void add_failed(FailedTally& failed, const SocketRecord& socket, bool exchange_lost) {
  ++failed.count;
  // Without an end, its events were lost.
  add_duration(failed.app_gap_us, socket.end ? socket.end->app_gap : socket.flow.app_gap);
  if (!exchange_lost) return;
  const model::SocketEnd& end = *socket.end;
  const std::uint64_t before = socket.flow.exchanges - (end.outstanding || socket.flow.exchanges == 0 ? 0 : 1);
  const bool older_data = socket.ref.older_than_trace && end.bytes_received_total > end.response_bytes;
  if (before > 0 || older_data) ++failed.reused;
  failed.requests.bytes.add(end.request_bytes);
  add_duration(failed.requests.idle_before_us, end.idle_before_request);
  // Of a response that began and was cut.
  const RequestMark& request = socket.request_at_end;
  if (!end.outstanding && request.response_first_at && request.last_at) {
    add_duration(failed.first_byte_us, *request.response_first_at - *request.last_at);
  }
}

// Where the connection ended with a goodbye (TLS close_notify, QUIT), its last real request is no longer known.
void add_good(RequestTally& good, const SocketRecord& socket) {
  const RequestMark request = socket.end ? socket.request_at_end : newest_request(socket.flow);
  const bool answered = request.answered || (socket.end && socket.end->outstanding);  // after a half-close
  if (!request.first_at || !answered) return;
  good.bytes.add(request.bytes);
  add_duration(good.idle_before_us, request.idle_before);
}

void add_thread(std::vector<std::uint32_t>& threads, const model::Flow& flow) {
  if (!flow.app_gap || flow.call_tid == 0 || threads.size() >= kCallThreadsMax) return;
  const auto place = std::lower_bound(threads.begin(), threads.end(), flow.call_tid);
  if (place == threads.end() || *place != flow.call_tid) threads.insert(place, flow.call_tid);
}

void set_app_gap(const EndpointRecord& record, const Tally& tally, EndpointPicture& endpoint) {
  if (record.key.role == model::Role::kInbound) return;
  model::AppGap& gap = endpoint.app_gap;
  if (record.sample) {
    gap.calls = record.sample->calls;
    gap.with_gap = record.sample->calls_with_gap;
    gap.ambiguous = record.sample->calls_gap_ambiguous;
  }
  gap.threads = tally.call_threads.size();
  for (const auto& [name, failed] : tally.failed) gap.failed_us.merge(failed.app_gap_us);
  if (const auto all = endpoint.histograms.find(Measure::kAppGap); all != endpoint.histograms.end()) {
    gap.good_us = all->second.without(gap.failed_us);
  }
}

void set_requests(OutcomeGroup& group, const RequestTally& requests) {
  group.request_p50_bytes = requests.bytes.percentile(0.5);
  group.idle_before_request_p50_us = requests.idle_before_us.percentile(0.5);
}

void set_first_byte(OutcomeGroup& group, const model::Histogram& first_byte) {
  group.first_byte_p50_us = first_byte.percentile(0.50);
  group.first_byte_p99_us = first_byte.percentile(0.99);
}

}  // namespace

void add_outcome(Tally& tally, const SocketRecord& socket, bool exchange_lost) {
  if (!socket.inbound()) add_thread(tally.call_threads, socket.flow);
  const char* name = failure_name(socket, exchange_lost);
  if (*name == '\0') {
    add_good(tally.good, socket);
  } else {
    add_failed(tally.failed[name], socket, exchange_lost);
  }
}

// Failed ones in the order of their names, the good ones last.
void set_outcomes(const EndpointRecord& record, const Tally& tally, EndpointPicture& endpoint) {
  set_app_gap(record, tally, endpoint);
  for (const auto& [name, failed] : tally.failed) {
    OutcomeGroup group;
    group.outcome = name;
    group.count = failed.count;
    group.reused = failed.reused;
    set_requests(group, failed.requests);
    group.app_gap_p50_us = failed.app_gap_us.percentile(0.5);
    set_first_byte(group, failed.first_byte_us);
    endpoint.outcomes.push_back(std::move(group));
  }
  const std::uint64_t exchanges = endpoint.totals.exchanges;
  if (exchanges == 0) return;
  OutcomeGroup good;
  good.outcome = "good";
  good.count = exchanges - std::min(exchanges, tally.responses_cut);
  good.reused = std::min(tally.reused_exchanges - std::min(tally.reused_exchanges, tally.responses_cut), good.count);
  set_requests(good, tally.good);
  good.app_gap_p50_us = endpoint.app_gap.good_us.percentile(0.5);
  if (const auto found = endpoint.histograms.find(Measure::kFirstByte); found != endpoint.histograms.end()) {
    set_first_byte(good, found->second);
  }
  endpoint.outcomes.push_back(std::move(good));
}

}  // namespace tcpdiag::correlate
