// SPDX-License-Identifier: Apache-2.0
// window-limited: what the kernel's chronographs say, and when it matters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Measure;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// 20 s of 10 connections that write 32 KiB at 40 ms: an exchange takes `took`, `rwnd` of it as the window is full.
struct Limited {
  Duration took = 320ms;
  Duration rwnd = 280ms;
  Duration sndbuf = 0ms;
  Duration busy = 320ms;
  Duration closed = 0ms;
  std::uint64_t per_s = 31;
};

Picture limited(const Limited& is = {}) {
  Traffic t(20);
  t.floor("handshake", 40'000);
  t.seconds(0, 20).exchanges(is.per_s, 5).each([&](model::Second& s, std::size_t) {
    s.bytes_sent = s.exchanges * 32'800;
    s.path_rtt_p50_us = 40'100;
    s.path_rtt_p10_us = 40'050;
    s.busy_us = s.exchanges * as_us(is.busy);
    s.rwnd_limited_us = s.exchanges * as_us(is.rwnd);
    s.sndbuf_limited_us = s.exchanges * as_us(is.sndbuf);
    s.zero_window_received_us = s.exchanges * as_us(is.closed);
  });
  Picture picture = t.picture();
  model::EndpointPicture& e = picture.endpoints.front();
  e.mean_request_bytes = 32'800;
  e.mean_response_bytes = 5;
  const std::uint64_t n = e.totals.exchanges;
  e.busy_us = n * as_us(is.busy);
  e.rwnd_limited_us = n * as_us(is.rwnd);
  e.sndbuf_limited_us = n * as_us(is.sndbuf);
  e.totals.zero_window_received_us = n * as_us(is.closed);
  for (std::uint64_t i = 0; i < n; ++i) {
    e.histograms[Measure::kLastByte].add(as_us(is.took));
    e.histograms[Measure::kRtt].add(40'100);
  }
  return picture;
}

std::vector<std::string> limited_codes(const Limited& is) { return codes(limited(is)); }

TEST(WindowLimited, says_what_a_window_carries_at_its_round_trip) {
  const Finding finding = only(limited());
  EXPECT_EQ(finding.code, "window-limited");
  EXPECT_EQ(finding.severity, Severity::kCritical);  // all exchanges wait for it
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_text(finding, "limit"), "peer_window");
  EXPECT_NEAR(evidence_float(finding, "limited_pct"), 87.5, 0.1);
  EXPECT_NEAR(evidence_float(finding, "socket_bytes_per_s"), 102'500, 100);
  EXPECT_EQ(evidence_int(finding, "limited_per_exchange_us"), 280'000);
  EXPECT_NEAR(static_cast<double>(evidence_int(finding, "bytes_per_rtt")), 4110, 200);
  EXPECT_THAT(finding.explanation, HasSubstr("the peer's receive window was full"));
  EXPECT_THAT(finding.explanation, HasSubstr("in a round trip of 4"));
}

TEST(WindowLimited, or_by_this_hosts_own_buffer) {
  const Finding finding = only(limited({.rwnd = 0ms, .sndbuf = 100ms}));
  EXPECT_EQ(evidence_text(finding, "limit"), "send_buffer");
  EXPECT_EQ(finding.confidence, Confidence::kMedium);  // less than half of an exchange
  EXPECT_THAT(finding.explanation, HasSubstr("its own send buffer was full"));
}

TEST(WindowLimited, needs_a_fifth_of_the_busy_time) {
  EXPECT_THAT(limited_codes({.rwnd = 66ms}), ElementsAre("window-limited"));
  EXPECT_THAT(limited_codes({.rwnd = 80ms, .busy = 420ms}), testing::Not(testing::Contains("window-limited")));
}

TEST(WindowLimited, must_cost_an_exchange_something) {
  EXPECT_THAT(limited_codes({.took = 11ms, .rwnd = 9ms, .busy = 10ms}), IsEmpty());
  EXPECT_THAT(limited_codes({.took = 99ms, .rwnd = 15ms, .busy = 20ms}), IsEmpty());
  EXPECT_THAT(limited_codes({.took = 99ms, .rwnd = 60ms, .busy = 70ms, .per_s = 0}), IsEmpty());
}

TEST(WindowLimited, is_not_what_a_closed_window_explains) {
  EXPECT_THAT(limited_codes({.closed = 275ms}), ElementsAre("zero-window"));
  Picture both = limited({.closed = 100ms});
  const auto findings = diagnose(both);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "zero-window");
  EXPECT_EQ(findings[1].code, "window-limited");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
}

TEST(WindowLimited, is_not_told_where_it_is_not_known) {
  Picture picture = limited();
  picture.endpoints.front().rwnd_limited_us.reset();
  EXPECT_THAT(codes(picture), testing::Not(testing::Contains("window-limited")));
}

TEST(WindowLimited, of_bulk_transfers_is_nobodys_wait) {
  Picture picture = limited();
  picture.endpoints.front().mean_request_bytes = 2e6;
  EXPECT_THAT(codes(picture), testing::Not(testing::Contains("window-limited")));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
