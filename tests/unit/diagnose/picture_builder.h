// SPDX-License-Identifier: Apache-2.0
// Pictures written by hand: endpoints with good traffic, and sockets that ended in a stated way.
//
//   PictureBuilder b;
//   const auto api = b.outbound("10.0.0.2", 443).good_exchanges(1000).last();
//   b.add(api, reset_awaiting(12.0, 30s));
//   EXPECT_EQ(codes(b.build()), ...);
//
// The totals of endpoint and picture follow from what was added. Times are seconds after the start of the trace.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diagnose/diagnose.h"
#include "model/picture.h"

namespace tcpdiag::diagnose::test {

using model::Duration;
using model::MonoTime;
using model::Picture;
using model::SocketStory;
using namespace std::chrono_literals;

inline constexpr MonoTime kStart{std::chrono::hours(5)};

inline Duration sec(double s) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s)); }
inline MonoTime at(double s) { return kStart + sec(s); }
inline std::uint64_t as_us(Duration d) { return static_cast<std::uint64_t>(model::microseconds(d)); }

// --- sockets ---

// An outbound connection of ruby (pid 811), opened 5 s before `end_s`, on which one exchange went well.
inline SocketStory ended(double end_s, model::EndKind kind) {
  SocketStory story;
  story.socket.role = model::Role::kOutbound;
  story.socket.role_source = model::RoleSource::kConnect;
  story.owner = model::Owner{};
  story.owner->pid = 811;
  story.owner->comm = "ruby";
  story.opened_at = at(end_s - 5);
  story.first_seen_at = at(end_s - 5);
  story.closed_at = at(end_s);
  story.outcome = model::ConnectOutcome::kEstablished;
  story.connect_took = 1ms;
  story.exchanges = 1;
  story.end = model::SocketEnd{};
  story.end->kind = kind;
  story.end->at = at(end_s);
  story.end->age = 5s;
  story.end->bytes_received_total = 1000;
  story.end->srtt_us = 800;
  story.end->rtt_us = 800;
  story.end->mss = 1448;
  return story;
}

// ... ended with a request of 1412 bytes unanswered for `wait`, written after `idle` of silence, acknowledged.
inline SocketStory unanswered(double end_s, model::EndKind kind, Duration wait, Duration idle = 200ms) {
  SocketStory story = ended(end_s, kind);
  story.exchanges_failed = 1;
  story.opened_at = at(end_s) - wait - idle - 2s;
  story.first_seen_at = *story.opened_at;
  story.end->outstanding = true;
  story.end->age = wait + idle + 2s;
  story.end->wait = wait;
  story.end->idle = wait;
  story.end->last_write_to_end = wait;
  story.end->idle_before_request = idle;
  story.end->request_acked = true;
  story.end->request_bytes = 1412;
  return story;
}

inline SocketStory reset_awaiting(double end_s, Duration wait, Duration idle = 200ms) {
  return unanswered(end_s, model::EndKind::kResetReceived, wait, idle);
}

// A RST within a response, its last byte 300 ms before.
inline SocketStory reset_in_response(double end_s) {
  SocketStory story = ended(end_s, model::EndKind::kResetReceived);
  story.exchanges_failed = 1;
  story.end->in_response = true;
  story.end->idle = 300ms;
  story.end->response_bytes = 5000;
  story.end->request_acked = true;
  return story;
}

// A RST on a connection on which nothing was outstanding.
inline SocketStory reset_while_idle(double end_s, Duration idle) {
  SocketStory story = ended(end_s, model::EndKind::kResetReceived);
  story.end->idle = idle;
  return story;
}

// The peer's FIN after `idle_at_fin` of silence, our write `fin_to_write` later, its RST 1 ms after that.
inline SocketStory closed_before_reuse(double end_s, Duration idle_at_fin, Duration fin_to_write) {
  SocketStory story = reset_awaiting(end_s, 1ms, idle_at_fin + fin_to_write);
  story.end->phase = model::Phase::kAfterRemoteFin;
  story.end->after_peer_fin = true;
  story.end->idle_at_fin = idle_at_fin;
  story.end->fin_to_write = fin_to_write;
  return story;
}

inline SocketStory gave_up(double end_s, Duration wait) {
  SocketStory story = unanswered(end_s, model::EndKind::kClosedLocally, wait);
  story.end->by_application = true;
  return story;
}

// ... and the peer never sent a byte.
inline SocketStory never_answered(double end_s, Duration wait) {
  SocketStory story = gave_up(end_s, wait);
  story.exchanges = 0;
  story.end->bytes_received_total = 0;
  story.end->request_bytes = 517;
  return story;
}

inline SocketStory reset_sent(double end_s, model::LocalResetCause cause, std::uint32_t unread = 0) {
  SocketStory story = ended(end_s, model::EndKind::kResetSent);
  story.end->cause = cause;
  story.end->cause_from_kernel = true;
  story.end->unread_bytes = unread;
  return story;
}

inline SocketStory connect_failed(double start_s, model::ConnectOutcome outcome, Duration took,
                                  std::uint32_t syns = 1) {
  SocketStory story = ended(start_s, model::EndKind::kConnectFailed);
  story.opened_at = story.first_seen_at = at(start_s);
  story.outcome = outcome;
  story.connect_took = took;
  story.syns_sent = syns;
  story.exchanges = 0;
  story.end->at = at(start_s) + took;
  story.end->bytes_received_total = 0;
  story.closed_at = story.end->at;
  if (outcome == model::ConnectOutcome::kPending) {
    story.end.reset();
    story.closed_at.reset();
  }
  return story;
}

// Copies, each a little later than the one before: what happens at one moment is one event.
inline std::vector<SocketStory> apart(std::size_t n, SocketStory story) {
  constexpr Duration kApart = 20ms;
  std::vector<SocketStory> stories;
  for (std::size_t i = 0; i < n; ++i) {
    stories.push_back(story);
    if (story.end) story.end->at += kApart;
    for (auto* time : {&story.opened_at, &story.closed_at, &story.request_at}) {
      if (*time) **time += kApart;
    }
    story.first_seen_at += kApart;
  }
  return stories;
}

inline SocketStory older_than_trace(SocketStory story) {
  story.socket.older_than_trace = true;
  story.socket.role_source = model::RoleSource::kDerived;
  story.opened_at.reset();
  story.outcome.reset();
  story.connect_took.reset();
  story.first_seen_at = kStart;
  story.end->age.reset();
  return story;
}

// --- pictures ---

class PictureBuilder {
 public:
  PictureBuilder() {
    picture_.start.clock.mono_at = kStart;
    picture_.start.clock.wall_at = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 2h + 30min;
    picture_.window.start = kStart;
    lasts(60);
    picture_.events_seen = 100'000;
    picture_.totals.reset_reasons_known = true;
    picture_.totals.drops_known = true;
    for (auto& phase : picture_.totals.reset_phases) phase = 0;
  }

  PictureBuilder& lasts(double s) {
    picture_.window.end = at(s);
    return *this;
  }
  PictureBuilder& outbound(std::string_view address, std::uint16_t port) {
    return endpoint(model::Role::kOutbound, address, port);
  }
  PictureBuilder& inbound(std::string_view address, std::uint16_t port) {
    return endpoint(model::Role::kInbound, address, port);
  }
  // Of the endpoint made last:
  PictureBuilder& good_exchanges(std::uint64_t n, Duration first_byte = 10ms) {
    model::EndpointPicture& endpoint = picture_.endpoints.back();
    endpoint.totals.exchanges += n;
    for (std::uint64_t i = 0; i < n; ++i) {
      endpoint.histograms[model::Measure::kFirstByte].add(as_us(first_byte));
    }
    return *this;
  }
  PictureBuilder& good_connects(std::uint64_t n) {
    model::Totals& totals = picture_.endpoints.back().totals;
    totals.connects += n;
    totals.connect_outcomes[static_cast<std::size_t>(model::ConnectOutcome::kEstablished)] += n;
    return *this;
  }
  PictureBuilder& floor_us(std::uint64_t us) {
    picture_.endpoints.back().rtt_floor_us = us;
    picture_.endpoints.back().rtt_floor_source = "handshake";
    return *this;
  }
  std::size_t last() const { return picture_.endpoints.size() - 1; }

  PictureBuilder& add(std::size_t endpoint, SocketStory story) {
    story.endpoint = endpoint;
    model::EndpointPicture& at_endpoint = picture_.endpoints[endpoint];
    if (at_endpoint.key.role == model::Role::kInbound) {
      story.socket.role = model::Role::kInbound;
      story.socket.local = at_endpoint.key.at;
    } else {
      story.socket.remote = at_endpoint.key.at;
    }
    story.socket.id.value = picture_.sockets.size() + 1;
    model::Totals& totals = at_endpoint.totals;
    totals.exchanges_failed += story.exchanges_failed;
    if (story.end && story.end->in_response) ++totals.exchanges;
    if (story.exchange_pending) ++totals.exchanges_pending;
    if (story.outcome && *story.outcome != model::ConnectOutcome::kEstablished) {
      ++totals.connects;
      ++totals.connect_outcomes[static_cast<std::size_t>(*story.outcome)];
    }
    picture_.sockets.push_back(std::move(story));
    return *this;
  }
  PictureBuilder& add(std::size_t endpoint, std::size_t n, const SocketStory& story) {
    for (const SocketStory& one : apart(n, story)) add(endpoint, one);
    return *this;
  }

  // For what the calls above do not say.
  Picture& raw() { return picture_; }

  Picture build() const {
    Picture picture = picture_;
    for (const model::EndpointPicture& endpoint : picture.endpoints) {
      picture.totals.exchanges += endpoint.totals.exchanges;
      picture.totals.exchanges_failed += endpoint.totals.exchanges_failed;
      picture.totals.exchanges_pending += endpoint.totals.exchanges_pending;
      picture.totals.connects += endpoint.totals.connects;
      for (std::size_t i = 0; i < model::kConnectOutcomes; ++i) {
        picture.totals.connect_outcomes[i] += endpoint.totals.connect_outcomes[i];
      }
    }
    if (picture.totals.sockets_seen == 0)
      picture.totals.sockets_seen = picture.sockets.size() + picture.endpoints.size();
    return picture;
  }

 private:
  PictureBuilder& endpoint(model::Role role, std::string_view address, std::uint16_t port) {
    model::EndpointPicture endpoint;
    endpoint.key = {role, {model::Address::parse(address).value_or(model::Address{}), port}, 4026531840U};
    picture_.endpoints.push_back(std::move(endpoint));
    return *this;
  }

  Picture picture_;
};

// --- readings of the answer ---

inline std::vector<std::string> codes(const Picture& picture) {
  std::vector<std::string> result;
  for (const model::Finding& finding : diagnose(picture)) result.push_back(finding.code);
  return result;
}

// The only finding of a picture; a default one (code "") where there is none or more than one.
inline model::Finding only(const Picture& picture) {
  auto findings = diagnose(picture);
  return findings.size() == 1 ? std::move(findings.front()) : model::Finding{};
}

// nullptr: no such key.
inline const model::EvidenceValue* evidence(const model::Finding& finding, std::string_view key) {
  for (const model::Evidence& item : finding.evidence) {
    if (item.key == key) return &item.value;
  }
  return nullptr;
}

template <typename T>
T evidence_as(const model::Finding& finding, std::string_view key) {
  const model::EvidenceValue* value = evidence(finding, key);
  const T* typed = value != nullptr ? std::get_if<T>(value) : nullptr;
  return typed != nullptr ? *typed : T{};
}

inline std::int64_t evidence_int(const model::Finding& finding, std::string_view key) {
  return evidence_as<std::int64_t>(finding, key);
}

inline bool evidence_is_null(const model::Finding& finding, std::string_view key) {
  const model::EvidenceValue* value = evidence(finding, key);
  return value != nullptr && std::holds_alternative<std::monostate>(*value);
}

// With so many good exchanges of its clients.
inline PictureBuilder server(std::uint64_t good = 1000) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 80);
  if (good > 0) b.good_exchanges(good, 10ms);
  return b;
}

}  // namespace tcpdiag::diagnose::test
