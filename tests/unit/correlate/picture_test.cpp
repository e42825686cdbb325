// SPDX-License-Identifier: Apache-2.0
// The picture as a whole: order, window, repeatability.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <vector>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::Event;
using model::Picture;
using model::SocketStory;

// A traffic mix from a fixed seed, as events in the order of their times.
std::vector<Event> traffic(std::uint32_t seed, std::size_t sockets) {
  std::vector<Event> events;
  std::mt19937 engine(seed);
  const auto random = [&engine](unsigned below) { return static_cast<unsigned>(engine() % below); };
  for (std::uint64_t id = 1; id <= sockets; ++id) {
    const auto out = [&events](const Event& e) { events.push_back(e); };
    const bool inbound = random(4) == 0;
    Conversation c(out, id, inbound ? model::Role::kInbound : model::Role::kOutbound,
                   static_cast<std::uint16_t>(440 + random(5)));
    const double at = random(20000);
    if (!inbound && random(8) == 0) {
      c.connect(at);
      if (random(2) == 0) c.reset_received(at + 1);
      continue;
    }
    c.open(at);
    const unsigned exchanges = random(5);
    double t = at + 2;
    for (unsigned i = 0; i < exchanges; ++i) {
      c.exchange(t, random(50));
      t += 60;
    }
    switch (random(6)) {
      case 0:
        c.request(t);
        c.reset_received(t + random(5000));
        break;
      case 1:
        c.request(t);
        c.close(t + 3000);
        c.gone(t + 3001);
        break;
      case 2:
        c.peer_fin(t);
        c.close(t + 1);
        c.gone(t + 2);
        break;
      case 3:
        c.abort(t, {.reason = 14, .linger_zero = true});
        break;
      case 4:
        break;
      default:
        c.close(t);
        c.gone(t + 1);
    }
  }
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  return events;
}

// All of a picture that a report shows, as text.
std::string digest(const Picture& picture) {
  std::ostringstream out;
  const auto totals = [&out](const model::Totals& t) {
    out << t.sockets_seen << ' ' << t.sockets_open_peak << ' ' << t.sockets_open_at_end << ' ' << t.connects << ' '
        << t.resets.sent << ' ' << t.resets.received << ' ' << t.bytes_sent << ' ' << t.bytes_received << ' '
        << t.exchanges << ' ' << t.exchanges_failed << ' ' << t.exchanges_pending;
    for (const auto n : t.connect_outcomes) out << ' ' << n;
    for (const auto& n : t.reset_phases) out << ' ' << n.value_or(0);
    for (const auto& [name, n] : t.reset_reasons) out << ' ' << name << n;
    out << '\n';
  };
  totals(picture.totals);
  for (const auto& e : picture.endpoints) {
    out << e.key.to_string() << ' ';
    totals(e.totals);
    for (const auto& [measure, h] : e.histograms) out << to_string(measure) << h.count() << ' ' << h.sum() << ' ';
    for (const auto& [name, values] : e.series.arrays) {
      for (const auto& v : values) out << v.value_or(-1) << ',';
    }
    for (const auto& g : e.outcomes) out << g.outcome << g.count << ' ' << g.request_p50_bytes.value_or(0);
    for (const auto& p : e.processes) out << p.comm << p.bytes_received;
    for (const auto& p : e.peers) out << p.address.to_string() << p.bytes_received;
    out << '\n';
  }
  for (const SocketStory& s : picture.sockets) {
    out << s.socket.id.value << ' ' << s.endpoint << ' ' << s.exchanges << ' ' << s.exchanges_failed << ' '
        << s.timeline.size() << (s.end ? static_cast<int>(s.end->kind) : -1) << '\n';
  }
  out << picture.sockets_omitted << ' ' << picture.loss.total();
  return out.str();
}

bool failed(const SocketStory& s) {
  return s.exchanges_failed > 0 || (s.outcome && *s.outcome != model::ConnectOutcome::kEstablished &&
                                    *s.outcome != model::ConnectOutcome::kPending);
}

TEST(Picture, IsAFunctionOfWhatWasSeen) {
  const auto events = traffic(1, 500);
  std::string first;
  for (int run = 0; run < 2; ++run) {
    Trace trace({.healthy_sockets = 50});
    for (const Event& e : events) trace.correlator.on_event(e);
    const std::string reported = digest(trace.end(60000));
    if (run == 0) first = reported;
    EXPECT_EQ(reported, first);
  }
}

TEST(Picture, LookingAtItChangesNothing) {
  const auto events = traffic(2, 300);
  Trace quiet;
  Trace watched;
  std::size_t i = 0;
  for (const Event& e : events) {
    quiet.correlator.on_event(e);
    watched.correlator.on_event(e);
    if (++i % 20 == 0) {
      const auto now = e.at + std::chrono::milliseconds(5);
      EXPECT_EQ(digest(watched.correlator.picture_at(now)), digest(watched.correlator.picture_at(now)));
    }
  }
  EXPECT_EQ(digest(watched.end(60000)), digest(quiet.end(60000)));
}

// The whole trace moved in time: same picture. Nothing asks a clock.
TEST(Picture, DoesNotDependOnWhenItHappened) {
  auto events = traffic(3, 200);
  Trace trace;
  for (const Event& e : events) trace.correlator.on_event(e);
  const Picture here = trace.end(60000);

  const model::Duration shift = std::chrono::hours(1000);
  const auto move = [shift](auto& at) {
    if (at) *at += shift;
  };
  model::TraceStart start = trace_start();
  start.clock.mono_at += shift;
  start.clock.wall_at += std::chrono::hours(24 * 365);
  Trace moved({}, start);
  for (Event e : events) {
    e.at += shift;
    for (auto* at : {&e.flow.opened_at, &e.flow.syn_at, &e.flow.established_at, &e.flow.last_sent_at,
                     &e.flow.last_received_at, &e.flow.fin_received_at, &e.flow.fin_sent_at, &e.flow.request_first_at,
                     &e.flow.request_last_at, &e.flow.request_acked_at, &e.flow.response_first_at}) {
      move(*at);
    }
    moved.correlator.on_event(e);
  }
  const Picture there = moved.end(60000 + 1000.0 * 3600 * 1000);
  EXPECT_EQ(digest(here), digest(there));
}

TEST(Picture, TotalsAreTheSumOfTheEndpoints) {
  Trace trace;
  for (const Event& e : traffic(4, 500)) trace.correlator.on_event(e);
  const Picture picture = trace.end(60000);
  model::Totals sum;
  for (const auto& e : picture.endpoints) {
    sum.sockets_seen += e.totals.sockets_seen;
    sum.exchanges_failed += e.totals.exchanges_failed;
    sum.resets.received += e.totals.resets.received;
    sum.bytes_sent += e.totals.bytes_sent;
  }
  EXPECT_EQ(picture.totals.sockets_seen, sum.sockets_seen);
  EXPECT_EQ(picture.totals.sockets_seen, 500U);
  EXPECT_EQ(picture.totals.exchanges_failed, sum.exchanges_failed);
  EXPECT_EQ(picture.totals.resets.received, sum.resets.received);
  EXPECT_EQ(picture.totals.bytes_sent, sum.bytes_sent);
  const std::uint64_t stories = static_cast<std::uint64_t>(std::count_if(
      picture.sockets.begin(), picture.sockets.end(), [](const SocketStory& s) { return s.exchanges_failed > 0; }));
  EXPECT_EQ(picture.totals.exchanges_failed, stories);
}

TEST(Picture, OrderIsThatOfTheContract) {
  Trace trace;
  for (const Event& e : traffic(5, 400)) trace.correlator.on_event(e);
  const Picture picture = trace.end(60000);
  bool met_healthy = false;
  for (const SocketStory& s : picture.sockets) {
    ASSERT_LT(s.endpoint, picture.endpoints.size());
    EXPECT_EQ(picture.endpoints[s.endpoint].key, model::endpoint_of(s.socket));
    met_healthy = met_healthy || !failed(s);
    EXPECT_NE(failed(s), met_healthy);
  }
  const auto failures = [](const model::EndpointPicture& e) {
    std::uint64_t n = e.totals.exchanges_failed;
    for (std::size_t i = 1; i + 1 < model::kConnectOutcomes; ++i) n += e.totals.connect_outcomes[i];
    return n;
  };
  for (std::size_t i = 1; i < picture.endpoints.size(); ++i) {
    EXPECT_GE(failures(picture.endpoints[i - 1]), failures(picture.endpoints[i]));
  }
}

TEST(Picture, BeforeTheEndItIsAsIfTheTraceEndedNow) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(1000);
  c.emit(1500, model::OwnerSeen{});
  const Picture picture = trace.correlator.picture_at(ms(4000));
  EXPECT_DOUBLE_EQ(model::seconds(picture.window.length()), 4.0);
  EXPECT_DOUBLE_EQ(to_ms(picture.sockets.at(0).pending_wait), 3000);
  EXPECT_EQ(picture.endpoints.at(0).series.n, 5U);
  EXPECT_EQ(picture.events_seen, 3U);
}

TEST(Picture, OfNothing) {
  Correlator correlator;
  EXPECT_TRUE(correlator.finish().sockets.empty());
  EXPECT_TRUE(correlator.picture_at(ms(5)).endpoints.empty());
  EXPECT_TRUE(correlator.finish().window.partial);

  Trace trace;
  const Picture picture = trace.end(30000);
  EXPECT_EQ(picture.totals.sockets_seen, 0U);
  EXPECT_EQ(picture.totals.retransmit_failures.busy, 0U);
  EXPECT_EQ(picture.totals.reset_phases[0], 0U);
  EXPECT_DOUBLE_EQ(model::seconds(picture.window.length()), 30.0);
  EXPECT_FALSE(picture.window.partial);
}

TEST(Picture, TakesTheEndsFigures) {
  Trace trace;
  model::TraceEnd end;
  end.at = ms(1000);
  end.ended_by = model::EndedBy::kDuration;
  end.partial = true;
  end.cost.user_cpu_s = 0.5;
  end.sockets_filtered_out = 12;
  end.busiest_filtered_out.resize(1);
  trace.correlator.on_sample(end);
  const Picture picture = trace.correlator.finish();
  EXPECT_EQ(picture.window.ended_by, model::EndedBy::kDuration);
  EXPECT_TRUE(picture.window.partial);
  EXPECT_EQ(picture.cost.user_cpu_s, 0.5);
  EXPECT_EQ(picture.sockets_filtered_out, 12U);
  EXPECT_EQ(picture.busiest_filtered_out.size(), 1U);
}

TEST(Picture, ASourceThatBreaksOffIsPartial) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(2000);
  const Picture picture = trace.correlator.finish();
  EXPECT_TRUE(picture.window.partial);
  EXPECT_EQ(picture.window.ended_by, model::EndedBy::kError);
  EXPECT_DOUBLE_EQ(model::seconds(picture.window.length()), 2.001);
}

TEST(Picture, WhereEventsWereLostTheSnapshotTellsWhatIsOpen) {
  Trace trace;
  auto gone = trace.outbound(1);
  gone.open(0);
  gone.request(10);
  gone.emit(11, model::OwnerSeen{});  // and its end was lost
  auto open = trace.outbound(2);
  open.open(0);
  open.snapshot(trace.correlator, 9000, model::SnapshotMoment::kEnd);
  const Picture picture = trace.end(9000, {.ring_full = 3});
  EXPECT_EQ(picture.totals.sockets_open_at_end, 1U);
  EXPECT_EQ(picture.totals.exchanges_pending, 0U);
}

TEST(Picture, ASocketMayBeMetByAnyEvent) {
  const std::vector<model::EventBody> bodies{
      model::ConnectStarted{},
      model::Established{},
      model::StateChanged{.from = TcpState::kFinWait2, .to = TcpState::kClose},
      model::StateChanged{.from = TcpState::kCloseWait, .to = TcpState::kLastAck},
      model::StateChanged{.from = TcpState::kSynSent, .to = TcpState::kClose},
      model::Retransmitted{},
      model::ResetSent{},
      model::ResetReceived{},
      model::Destroyed{},
      model::OwnerSeen{},
      model::ErrorReported{.socket_error = EHOSTUNREACH}};
  for (const auto role : {model::Role::kUnknown, model::Role::kOutbound, model::Role::kInbound}) {
    for (int state = 0; state <= 12; ++state) {
      Trace trace;
      std::uint64_t id = 0;
      for (const auto& body : bodies) {
        auto c = trace.outbound(++id);
        c.ref.role = role;
        c.emit(10, body, static_cast<TcpState>(state));
        c.emit(11, body, static_cast<TcpState>(state));
        c.emit(5000, body, static_cast<TcpState>(state));
      }
      const Picture picture = trace.end(9000);
      EXPECT_LE(picture.totals.sockets_open_at_end, picture.totals.sockets_seen);
      EXPECT_EQ(trace.correlator.snapshot(ms(9000), {}).open_sockets, picture.totals.sockets_open_at_end);
    }
  }
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
