// SPDX-License-Identifier: Apache-2.0
// Failed and good sockets side by side, and the time between the user's request and the call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

using model::EndpointPicture;
using model::Measure;
using model::OutcomeGroup;
using ::testing::DoubleEq;
using ::testing::Optional;

constexpr auto kGap = std::chrono::milliseconds(1200);

const OutcomeGroup& group(const EndpointPicture& endpoint, const std::string& outcome) {
  const auto found = std::find_if(endpoint.outcomes.begin(), endpoint.outcomes.end(),
                                  [&](const OutcomeGroup& g) { return g.outcome == outcome; });
  EXPECT_NE(found, endpoint.outcomes.end()) << outcome;
  static const OutcomeGroup none;
  return found == endpoint.outcomes.end() ? none : *found;
}

TEST(Outcomes, FailedAndGoodAreSetSideBySide) {
  Trace trace;
  auto a = trace.outbound(1);
  a.open(0);
  a.exchange(10);
  a.request(1311, 1412);
  a.reset_received(31311);
  auto b = trace.outbound(2);
  b.connect(0);
  b.change(60000, TcpState::kClose, {.by_application = true});
  auto c = trace.outbound(3);
  c.open(0);
  for (int i = 0; i < 10; ++i) c.exchange(10 + i * 10);
  c.close(500);
  Sampled s;
  s.exchanges(11);
  s.add(Measure::kFirstByte, 1000, 11);
  s.send(trace.correlator, 60000);
  const auto outcomes = trace.end(61000).endpoints.at(0).outcomes;
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].outcome, "no_answer");
  EXPECT_EQ(outcomes[0].count, 1U);
  EXPECT_EQ(outcomes[0].reused, 0U);
  EXPECT_EQ(outcomes[0].request_p50_bytes, std::nullopt);
  EXPECT_EQ(outcomes[1].outcome, "reset");
  EXPECT_EQ(outcomes[1].reused, 1U);
  EXPECT_EQ(outcomes[1].request_p50_bytes, 1412U);
  EXPECT_EQ(outcomes[1].idle_before_request_p50_us, 1'300'000U);
  EXPECT_EQ(outcomes[2].outcome, "good");
  EXPECT_EQ(outcomes[2].count, 11U);
  EXPECT_EQ(outcomes[2].reused, 9U);
  EXPECT_EQ(outcomes[2].request_p50_bytes, 100U);  // of c's newest exchange
  EXPECT_EQ(outcomes[2].idle_before_request_p50_us, 9000U);
  EXPECT_EQ(outcomes[2].first_byte_p50_us, 1000U);
}

TEST(Outcomes, FailedConnectsAreComparedWithTheGoodOnes) {
  Trace trace;
  auto good = trace.outbound(1);
  good.flow.app_gap = std::chrono::milliseconds(3);
  good.open(0);
  good.exchange(10);
  for (std::uint64_t id = 2; id < 5; ++id) {
    auto c = trace.outbound(id);
    c.flow.app_gap = kGap;
    c.connect(100);
    c.reset_received(101);
  }
  good.snapshot(trace.correlator, 900, model::SnapshotMoment::kEnd);
  Sampled s;
  s.exchanges(1);
  s.now.calls = 4;
  s.now.calls_with_gap = 4;
  s.add(Measure::kAppGap, 3000);
  s.add(Measure::kAppGap, 1'200'000, 3);
  s.send(trace.correlator, 900);
  const EndpointPicture endpoint = trace.end(1000).endpoints.at(0);
  EXPECT_EQ(group(endpoint, "refused").count, 3U);
  EXPECT_EQ(group(endpoint, "refused").app_gap_p50_us, 1'200'000U);
  EXPECT_EQ(group(endpoint, "refused").request_p50_bytes, std::nullopt);
  EXPECT_EQ(group(endpoint, "refused").first_byte_p50_us, std::nullopt);
  EXPECT_EQ(group(endpoint, "good").count, 1U);
  EXPECT_EQ(group(endpoint, "good").app_gap_p50_us, 3000U);
  EXPECT_EQ(group(endpoint, "good").request_p50_bytes, 100U);
}

TEST(Outcomes, AResponseThatWasCutHadAFirstByte) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10, 700);
  c.response(30);
  c.reset_received(100);
  const EndpointPicture endpoint = trace.end(1000).endpoints.at(0);
  EXPECT_EQ(group(endpoint, "reset").first_byte_p50_us, 20'000U);
  EXPECT_EQ(group(endpoint, "reset").first_byte_p99_us, 20'000U);
  EXPECT_EQ(group(endpoint, "reset").request_p50_bytes, 700U);
}

TEST(Outcomes, AGoodbyeIsNotTheRequestOfAGoodSocket) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.request(500, 24);
  c.close(500.1);
  const EndpointPicture endpoint = trace.end(9000).endpoints.at(0);
  EXPECT_EQ(group(endpoint, "good").count, 1U);
  EXPECT_EQ(group(endpoint, "good").request_p50_bytes, std::nullopt);
}

TEST(Outcomes, AHalfCloseThatIsAnsweredIsGood) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.request(10, 555);
  c.close(100);
  c.flow.state = TcpState::kFinWait2;
  c.response(200);
  c.gone(201);
  EXPECT_EQ(group(trace.end(9000).endpoints.at(0), "good").request_p50_bytes, 555U);
}

TEST(AppGap, GoodCallsAreAllWithoutTheFailedOnes) {
  Trace trace;
  auto failed = trace.outbound(1);
  failed.flow.app_gap = kGap;
  failed.flow.app_gap_ambiguous = true;
  failed.flow.call_tid = 71;
  failed.open(0);
  failed.request(10);
  failed.reset_received(30010);
  for (std::uint64_t id = 2; id < 6; ++id) {
    auto c = trace.outbound(id);
    c.flow.app_gap = std::chrono::microseconds(800);
    c.flow.call_tid = id < 4 ? 71 : 72;
    c.open(0);
    c.exchange(10);
    c.close(2000);
  }
  Sampled s;
  s.exchanges(4);
  s.now.calls = 10;
  s.now.calls_with_gap = 5;
  s.now.calls_gap_ambiguous = 1;
  s.add(Measure::kAppGap, 800, 4);
  s.add(Measure::kAppGap, 1'200'000);
  s.send(trace.correlator, 30100);
  const model::Picture picture = trace.end(31000);
  const model::AppGap& gap = picture.endpoints.at(0).app_gap;
  EXPECT_EQ(gap.calls, 10U);
  EXPECT_EQ(gap.with_gap, 5U);
  EXPECT_EQ(gap.ambiguous, 1U);
  EXPECT_EQ(gap.threads, 2U);
  EXPECT_THAT(gap.coverage_pct(), Optional(DoubleEq(50.0)));
  EXPECT_EQ(gap.failed_us.count(), 1U);
  EXPECT_EQ(gap.failed_us.max(), 1'200'000U);
  EXPECT_EQ(gap.good_us.count(), 4U);
  EXPECT_EQ(gap.good_us.sum(), 3200U);
  const model::SocketStory& story = picture.sockets.at(0);
  EXPECT_EQ(story.end->app_gap, kGap);
  EXPECT_TRUE(story.end->app_gap_ambiguous);
  EXPECT_EQ(story.app_gap, kGap);
  EXPECT_EQ(picture.sockets.at(1).app_gap, std::chrono::microseconds(800));
  EXPECT_FALSE(picture.sockets.at(1).end->app_gap);  // no call was under way
}

TEST(AppGap, OfAGoodbyeIsOfNoCall) {
  Trace trace;
  auto c = trace.outbound(1);
  c.open(0);
  c.exchange(10);
  c.flow.app_gap = kGap;
  c.request(500, 24);
  c.close(500.1);
  const model::SocketStory story = trace.end(9000).sockets.at(0);
  EXPECT_FALSE(story.app_gap);
  EXPECT_FALSE(story.end->app_gap);
}

TEST(AppGap, IsAMeasureOfOutboundEndpointsOnly) {
  Trace trace;
  auto out = trace.outbound(1);
  out.open(0);
  auto in = trace.inbound(2);
  in.established(0);
  in.flow.app_gap = kGap;
  in.exchange(10);
  in.close(20);
  Sampled s;
  s.exchanges(1);
  s.send(trace.correlator, 750);
  s.now.key = {model::Role::kInbound, {*model::Address::parse("10.0.0.1"), 8080}, 4026531840};
  s.now.calls = 3;
  s.send(trace.correlator, 751);
  const model::Picture picture = trace.end(1000);
  for (const EndpointPicture& endpoint : picture.endpoints) {
    EXPECT_EQ(endpoint.histograms.contains(model::Measure::kAppGap), endpoint.key.role == model::Role::kOutbound);
    EXPECT_EQ(endpoint.app_gap.calls, 0U);
  }
  for (const auto& story : picture.sockets) EXPECT_FALSE(story.app_gap);
}

TEST(AppGap, ThreadsAreBounded) {
  Trace trace;
  for (std::uint64_t id = 1; id <= 5000; ++id) {
    auto c = trace.outbound(id);
    c.flow.app_gap = kGap;
    c.flow.call_tid = static_cast<std::uint32_t>(id);
    c.open(0);
    c.close(1);
  }
  EXPECT_EQ(trace.end(9000).endpoints.at(0).app_gap.threads, 4096U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
