// SPDX-License-Identifier: Apache-2.0
// The kernel's counters of the traced namespaces, and listeners that were full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/correlate/event_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::NetnsPicture;
using model::NetnsSample;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using Counters = std::map<std::string, std::uint64_t>;

model::TraceStart with_namespaces(bool has_failures = true) {
  model::TraceStart start = trace_start();
  model::NetnsInfo self;
  self.inode = 10;
  model::NetnsInfo other;
  other.inode = 5;
  start.netns = {self, other};
  start.abilities = {{"retransmit_failures", has_failures, ""}};
  return start;
}

void emit(Trace& trace, double at, std::uint32_t inode, Counters counters) {
  NetnsSample sample;
  sample.at = ms(at);
  sample.netns_inode = inode;
  sample.counters = std::move(counters);
  trace.correlator.on_sample(sample);
}

model::ListenQueue full(std::uint16_t port, std::uint32_t backlog, std::uint32_t limit) {
  return {{*model::Address::parse("0.0.0.0"), port}, backlog, limit};
}

void emit_full(Trace& trace, double at, std::vector<model::ListenQueue> queues) {
  NetnsSample sample;
  sample.at = ms(at);
  sample.netns_inode = 10;
  sample.full_listeners = std::move(queues);
  trace.correlator.on_sample(sample);
}

TEST(Netns, CountersMoveFromTheFirstSampleOn) {
  Trace trace({}, with_namespaces());
  emit(trace, 0, 10, {{"RetransSegs", 100}, {"OutRsts", 7}, {"Unheard", 1}});
  emit(trace, 1000, 10, {{"RetransSegs", 130}, {"OutRsts", 7}, {"Unheard", 5}});
  emit(trace, 500, 10, {{"RetransSegs", 1}});  // late: what it says is older than what is known
  emit(trace, 2000, 10, {{"RetransSegs", 131}, {"OutRsts", 7}});
  const model::Picture picture = trace.end(2500);
  ASSERT_EQ(picture.netns.size(), 2U);  // in the order of the trace's start
  EXPECT_EQ(picture.netns[0].inode, 10U);
  EXPECT_THAT(picture.netns[0].counters, ElementsAre(Pair("OutRsts", 0), Pair("RetransSegs", 31)));
  EXPECT_FALSE(picture.netns[0].gone);
  EXPECT_EQ(picture.netns[1].inode, 5U);
  EXPECT_THAT(picture.netns[1].counters, IsEmpty());
  EXPECT_EQ(picture.totals.listen_overflows, std::nullopt);
}

TEST(Netns, OneReadingTellsOfNoMovement) {
  Trace trace({}, with_namespaces());
  emit(trace, 0, 10, {{"ListenDrops", 100}});
  EXPECT_THAT(trace.correlator.picture_at(ms(10)).netns.at(0).counters, IsEmpty());
  EXPECT_EQ(trace.end(1000).totals.listen_drops, std::nullopt);
}

TEST(Netns, ACounterThatGoesBackBeganAnew) {
  Trace trace({}, with_namespaces());
  emit(trace, 0, 10, {{"RetransSegs", 100}});
  emit(trace, 1000, 10, {{"RetransSegs", 150}});
  emit(trace, 2000, 10, {{"RetransSegs", 20}});
  EXPECT_EQ(trace.end(2500).netns.at(0).counters.at("RetransSegs"), 70U);
}

TEST(Netns, OverflowsHaveTheirTimes) {
  Trace trace({}, with_namespaces());
  emit(trace, 0, 10, {{"ListenOverflows", 5}, {"ListenDrops", 5}});
  emit(trace, 1000, 10, {{"ListenOverflows", 5}, {"ListenDrops", 5}});
  emit(trace, 2000, 10, {{"ListenOverflows", 8}, {"ListenDrops", 8}});
  emit(trace, 3000, 10, {{"ListenOverflows", 8}, {"ListenDrops", 9}, {"TCPReqQFullDrop", 1}});
  const NetnsPicture during = trace.correlator.picture_at(ms(3500)).netns.at(0);
  EXPECT_EQ(during.overflow.samples, 2U);
  emit(trace, 4000, 10, {{"ListenOverflows", 8}, {"ListenDrops", 9}, {"TCPReqQFullDrop", 2}});
  emit(trace, 0, 5, {{"ListenOverflows", 0}, {"ListenDrops", 0}});
  emit(trace, 4000, 5, {{"ListenOverflows", 2}, {"ListenDrops", 2}});
  const model::Picture picture = trace.end(4500);
  EXPECT_EQ(picture.netns.at(0).overflow.first_at, ms(1000));  // between this sample and the next
  EXPECT_EQ(picture.netns.at(0).overflow.last_at, ms(3000));
  EXPECT_EQ(picture.netns.at(0).overflow.samples, 2U);
  EXPECT_EQ(picture.netns.at(0).full_syn_queue.first_at, ms(3000));
  EXPECT_EQ(picture.netns.at(0).full_syn_queue.samples, 1U);
  EXPECT_EQ(picture.totals.listen_overflows, 5U);
  EXPECT_EQ(picture.totals.listen_drops, 6U);
}

TEST(Netns, OneThatDiesKeepsWhatItHad) {
  Trace trace({}, with_namespaces());
  emit(trace, 0, 10, {{"ListenOverflows", 5}});
  emit(trace, 1000, 10, {{"ListenOverflows", 6}});
  NetnsSample last;
  last.at = ms(1500);
  last.netns_inode = 10;
  last.gone = true;
  trace.correlator.on_sample(last);
  const NetnsPicture netns = trace.end(2000).netns.at(0);
  EXPECT_TRUE(netns.gone);
  EXPECT_EQ(netns.counters.at("ListenOverflows"), 1U);
}

TEST(Netns, OthersAreNotKept) {
  Trace trace({}, with_namespaces());
  emit(trace, 0, 77, {{"RetransSegs", 0}});
  emit(trace, 1000, 77, {{"RetransSegs", 9}});
  EXPECT_EQ(trace.end(2000).netns.size(), 2U);
}

TEST(Netns, FullListenersAreOneEachByAddress) {
  Trace trace({}, with_namespaces());
  emit_full(trace, 1000, {full(80, 129, 128)});
  emit_full(trace, 2000, {full(443, 17, 16), full(80, 140, 128)});
  emit_full(trace, 3000, {full(80, 129, 64)});
  emit_full(trace, 4000, {full(22, 5, 4)});
  const auto listeners = trace.end(5000).netns.at(0).full_listeners;
  ASSERT_EQ(listeners.size(), 3U);
  EXPECT_EQ(listeners[0].local.port, 80);
  EXPECT_EQ(listeners[0].samples, 3U);
  EXPECT_EQ(listeners[0].backlog_max, 140U);
  EXPECT_EQ(listeners[0].limit, 64U);
  EXPECT_EQ(listeners[0].first_at, ms(1000));
  EXPECT_EQ(listeners[0].last_at, ms(3000));
  EXPECT_EQ(listeners[1].local.port, 22);
  EXPECT_EQ(listeners[2].local.port, 443);
}

TEST(Netns, ListenersAreBounded) {
  Trace trace({}, with_namespaces());
  for (std::uint16_t port = 1; port <= 200; ++port) {
    emit_full(trace, port, {full(port, 2, 1)});
    emit_full(trace, port + 0.5, {full(port, 2, 1)});
  }
  emit_full(trace, 300, {full(64, 2, 1), full(65, 2, 1)});
  const auto listeners = trace.end(5000).netns.at(0).full_listeners;
  ASSERT_EQ(listeners.size(), 10U);
  EXPECT_EQ(listeners[0].local.port, 64);  // the 65th was not kept
  EXPECT_EQ(listeners[1].local.port, 1);
}

TEST(Netns, FailedRetransmissionsComeFromCountersWhereEventsDoNotTell) {
  for (const bool tells : {true, false}) {
    Trace trace({}, with_namespaces(tells));
    auto c = trace.outbound(1);
    c.open(0);
    for (const std::uint32_t inode : {10U, 5U}) {
      emit(trace, 0, inode, {{"TCPSpuriousRtxHostQueues", 1}, {"TCPRetransFail", 50}});
      emit(trace, 1000, inode, {{"TCPSpuriousRtxHostQueues", 4}, {"TCPRetransFail", 52}});
    }
    const model::Picture picture = trace.end(2000);
    EXPECT_EQ(picture.totals.retransmit_failures.busy, tells ? 0U : 6U);
    // The kernel counts no -EBUSY in TCPRetransFail.
    EXPECT_EQ(picture.totals.retransmit_failures.other, tells ? 0U : 4U);
    EXPECT_EQ(picture.endpoints.at(0).totals.retransmit_failures.busy.has_value(), tells);
  }
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
