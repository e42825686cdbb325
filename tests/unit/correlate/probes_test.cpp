// SPDX-License-Identifier: Apache-2.0
// Connections of this program's own: a handshake for the endpoint's seconds, and nothing else.
#include <gtest/gtest.h>

#include "unit/correlate/sample_builder.h"

namespace tcpdiag::correlate::testing {
namespace {

constexpr std::uint32_t kProber = 4242;

model::TraceStart with_probes() {
  model::TraceStart start = trace_start();
  start.probe_pids = {kProber};
  return start;
}

// Connects at `at`, and the peer's kernel answers so much later.
void probe(Trace& trace, std::uint64_t id, double at, double rtt) {
  auto c = trace.outbound(id);
  c.who = owner(kProber, "tcpdiag-probe");
  c.connect(at);
  c.flow.syn_at = ms(at);
  c.established(at + rtt);
  c.who.reset();  // events after its close know no owner
  c.reset_received(at + rtt + 1);
}

TEST(Probes, AreCountedApart) {
  Trace trace({}, with_probes());
  auto c = trace.outbound(1);
  c.connect(0);
  c.established(1);
  c.exchange(10);
  probe(trace, 2, 100, 50);
  probe(trace, 3, 1100, 60);
  const model::Picture picture = trace.end(5000);

  EXPECT_EQ(picture.totals.connects, 1U);
  EXPECT_EQ(picture.totals.resets.received, 0U);
  ASSERT_EQ(picture.sockets.size(), 1U);
  ASSERT_EQ(picture.endpoints.size(), 1U);
  EXPECT_EQ(picture.endpoints[0].probes.made, 2U);
  EXPECT_EQ(picture.endpoints[0].probes.answered, 2U);
  EXPECT_EQ(picture.endpoints[0].totals.sockets_seen, 1U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kConnect).count(), 1U);
}

TEST(Probes, TellTheirRoundTripsToTheSeconds) {
  Trace trace({}, with_probes());
  auto c = trace.outbound(1);
  c.open(turn(1) + 10, 3);
  probe(trace, 2, turn(2) + 100, 50);
  Sampled s;
  s.exchanges(1);
  s.send(trace.correlator, turn(4));
  const model::Picture picture = trace.end(turn(4));
  const auto& rtt = picture.endpoints.at(0).seconds.at(2).connect_p50_us;
  ASSERT_TRUE(rtt);
  EXPECT_NEAR(static_cast<double>(*rtt), 50'000, 50'000 * model::Histogram::kRelativeError);
}

TEST(Probes, AreNoConnectsThatNobodySaw) {
  Trace trace({}, with_probes());
  auto c = trace.outbound(1);
  c.connect(0);
  c.established(1);
  probe(trace, 2, 100, 50);
  const auto count = [&trace](double at, std::uint64_t connects) {
    trace.correlator.on_sample(model::NetnsSample{ms(at), 7, {{"ActiveOpens", connects}}, {}, false});
  };
  count(0, 0);
  count(2000, 2);
  EXPECT_EQ(trace.end(5000).loss.unseen_connects, 0U);
}

TEST(Probes, OfAnotherProgramAreOrdinary) {
  Trace trace;  // started without --probe
  probe(trace, 2, 100, 50);
  EXPECT_EQ(trace.end(5000).totals.connects, 1U);
}

}  // namespace
}  // namespace tcpdiag::correlate::testing
