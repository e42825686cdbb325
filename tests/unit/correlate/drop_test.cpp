// SPDX-License-Identifier: Apache-2.0
// Packets that this host dropped: whose they were, and what they explain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::DropImpact;
using model::Dropped;
using model::DropWay;
using model::Picture;
using ::testing::ElementsAre;

constexpr std::uint32_t kNetfilter = 12;
constexpr std::uint32_t kQdisc = 64;

constexpr std::size_t index_of(DropWay way) { return static_cast<std::size_t>(way); }

const model::DropCount& count_of(const model::Totals& totals, DropWay way, const std::string& reason) {
  return totals.drops[index_of(way)].at(reason);
}

const DropImpact& impact_of(const Picture& picture, DropWay way) {
  return picture.endpoints.at(0).drop_impact[index_of(way)];
}

Dropped syn(bool incoming = false) {
  return {.incoming = incoming, .reason = kNetfilter, .is_syn = true, .seq = 1000, .end_seq = 1001};
}

Dropped data(std::uint32_t seq, std::uint32_t bytes, bool incoming = false) {
  return {.incoming = incoming, .reason = kQdisc, .segments = 2, .seq = seq, .end_seq = seq + bytes};
}

model::Retransmitted again(std::uint32_t seq, std::uint32_t bytes, std::optional<model::MonoTime> first = {}) {
  return {.timer_pending = 1, .ca_state = 4, .seq = seq, .end_seq = seq + bytes, .first_sent_at = first};
}

// Without the socket, as the kernel reports what it drops before it looks for one.
void drop_before_socket(Trace& trace, const Conversation& c, double at, const Dropped& dropped) {
  model::Event event{ms(at), c.ref, {}, {}, dropped};
  event.socket.id = {};
  event.socket.cookie.reset();
  trace.correlator.on_event(event);
}

TEST(Dropped, is_counted_by_way_and_reason) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.emit(10, data(5000, 2000));
  c.emit(20, data(9000, 0));
  c.emit(30, data(1, 700, true));
  const Picture picture = trace.end(1000);
  const model::Totals& totals = picture.endpoints.at(0).totals;
  EXPECT_TRUE(totals.drops_known);
  const model::DropCount& out = count_of(totals, DropWay::kOut, "QDISC_DROP");
  EXPECT_EQ(out.packets, 2U);
  EXPECT_EQ(out.segments, 4U);
  EXPECT_EQ(out.with_data, 1U);
  EXPECT_EQ(out.first_at, ms(10));
  EXPECT_EQ(out.last_at, ms(20));
  EXPECT_EQ(count_of(totals, DropWay::kIn, "QDISC_DROP").packets, 1U);
  EXPECT_EQ(count_of(picture.totals, DropWay::kOut, "QDISC_DROP").packets, 2U);
  const auto* series = picture.endpoints[0].series.find(model::SeriesId::kDrops);
  ASSERT_NE(series, nullptr);
  EXPECT_EQ(series->at(0), 3);
  EXPECT_EQ(picture.sockets.at(0).drops[index_of(DropWay::kOut)].packets, 2U);
  EXPECT_FALSE(picture.sockets.at(0).drops[index_of(DropWay::kOut)].explains_failure);
  EXPECT_THAT(kinds_of(picture.sockets[0]), ElementsAre("connect", "established", "dropped", "dropped", "dropped"));
}

TEST(Dropped, is_not_known_where_the_kernel_gives_no_reasons) {
  model::TraceStart start = trace_start();
  start.drop_reasons.clear();
  Trace trace({}, start);
  auto c = trace.outbound(1);
  c.open(0);
  const Picture picture = trace.end(1000);
  EXPECT_FALSE(picture.totals.drops_known);
  EXPECT_EQ(picture.endpoints.at(0).series.find(model::SeriesId::kDrops), nullptr);
}

TEST(Dropped, a_syn_explains_its_retransmissions_and_the_failed_connect) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.emit(0.1, syn());
  for (const double second : {1000, 3000}) {
    c.emit(second, syn());
    c.emit(second + 0.1, model::Retransmitted{.error = -EPERM, .is_syn = true, .seq = 1000, .end_seq = 1001});
  }
  c.change(5000, TcpState::kClose, {.by_application = true, .syn_was_sent = true});
  const Picture picture = trace.end(9000);
  EXPECT_EQ(count_of(picture.totals, DropWay::kOut, "NETFILTER_DROP").syns, 3U);
  const DropImpact& impact = impact_of(picture, DropWay::kOut);
  EXPECT_EQ(impact.sockets, 1U);
  EXPECT_EQ(impact.retransmits, 2U);
  EXPECT_EQ(impact.timeouts, 2U);
  EXPECT_EQ(impact.connects_failed, 1U);
  EXPECT_EQ(impact.connects_delayed, 0U);
  EXPECT_TRUE(picture.sockets.at(0).drops[index_of(DropWay::kOut)].explains_failure);
}

TEST(Dropped, a_connect_that_succeeds_all_the_same_was_delayed) {
  Trace trace;
  auto c = trace.outbound(1);
  c.connect(0);
  c.emit(1, syn(true));  // the SYN-ACK
  c.syn_retransmitted(1000);
  c.established(1001);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(impact_of(picture, DropWay::kIn).connects_delayed, 1U);
  EXPECT_EQ(impact_of(picture, DropWay::kIn).connects_failed, 0U);
  EXPECT_EQ(impact_of(picture, DropWay::kIn).timeouts, 1U) << "the answer to the first SYN was dropped";
  EXPECT_FALSE(picture.sockets.at(0).drops[index_of(DropWay::kIn)].explains_failure);
}

TEST(Dropped, explains_retransmissions_of_the_same_bytes_only) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.emit(10, data(0xffffff00, 0x200));  // across the wrap
  c.emit(300, again(0x10, 0x10));
  c.emit(400, again(0x100, 0x100));    // was not dropped
  c.emit(500, data(0x2000, 100));      // a retransmission that is dropped itself,
  c.emit(500.05, again(0x2000, 100));  // tried for another reason
  c.emit(900, again(0x2000, 100));     // and this one is for the drop
  const Picture picture = trace.end(2000);
  EXPECT_EQ(impact_of(picture, DropWay::kOut).retransmits, 2U);
  EXPECT_EQ(impact_of(picture, DropWay::kIn).retransmits, 0U);
}

TEST(Dropped, an_answer_that_was_dropped_explains_what_is_sent_again) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.emit(50, data(1, 500, true));
  c.emit(300, again(1, 100, ms(100)));  // first sent after the drop
  c.emit(350, data(1, 500, true));
  c.emit(500, again(1, 100, ms(100)));
  EXPECT_EQ(impact_of(trace.end(2000), DropWay::kIn).retransmits, 1U);
}

TEST(Dropped, before_the_socket_was_looked_for_it_is_found_by_its_addresses) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  drop_before_socket(trace, c, 10, data(1, 500, true));
  auto stranger = trace.outbound(2);
  drop_before_socket(trace, stranger, 20, data(1, 500, true));  // on its way through this host
  const Picture picture = trace.end(1000);
  EXPECT_EQ(count_of(picture.totals, DropWay::kIn, "QDISC_DROP").packets, 1U);
  EXPECT_EQ(impact_of(picture, DropWay::kIn).sockets, 1U);
  EXPECT_EQ(picture.sockets.at(0).drops[index_of(DropWay::kIn)].packets, 1U);
}

TEST(Dropped, a_syn_of_a_client_belongs_to_the_endpoint) {
  Trace trace;
  const auto client = trace.inbound(1);
  drop_before_socket(trace, client, 10, syn(true));
  const Picture picture = trace.end(1000);
  ASSERT_EQ(picture.endpoints.size(), 1U);
  EXPECT_EQ(picture.endpoints[0].key.at.port, 8080);
  EXPECT_EQ(count_of(picture.endpoints[0].totals, DropWay::kIn, "NETFILTER_DROP").syns, 1U);
  EXPECT_EQ(impact_of(picture, DropWay::kIn).sockets, 0U);
  EXPECT_TRUE(picture.sockets.empty());
}

TEST(Dropped, explains_the_exchange_that_waited_meanwhile) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.emit(5, data(1, 500, true));  // before the request
  c.request(10);
  c.close(5000);
  auto d = trace.outbound(2);
  d.open(0);
  d.request(10);
  d.emit(20, data(1, 500, true));
  d.close(5000);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(picture.endpoints.at(0).totals.exchanges_failed, 2U);
  EXPECT_EQ(impact_of(picture, DropWay::kIn).exchanges_failed, 1U);
}

TEST(Dropped, what_is_repaired_without_a_timeout_fails_no_exchange) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10);
  c.emit(20, data(5000, 500));
  c.emit(25, model::Retransmitted{.ca_state = 3, .seq = 5000, .end_seq = 5500});
  c.close(5000);
  const Picture picture = trace.end(9000);
  EXPECT_EQ(impact_of(picture, DropWay::kOut).retransmits, 1U);
  EXPECT_EQ(impact_of(picture, DropWay::kOut).timeouts, 0U);
  EXPECT_EQ(impact_of(picture, DropWay::kOut).exchanges_failed, 0U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
