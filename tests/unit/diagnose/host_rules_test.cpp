// SPDX-License-Identifier: Apache-2.0
// local-queueing, slow-reader, zero-window and retransmit-loss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::RetransmitKind;
using model::Severity;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::uint64_t& retransmits(Traffic& t, RetransmitKind kind) {
  return t.endpoint().totals.retransmits[static_cast<std::size_t>(kind)];
}

// --- local-queueing ---

TEST(LocalQueueing, is_not_the_networks) {
  Traffic t(60, model::Role::kInbound);
  t.seconds(10, 50).host_queue(196ms);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 1U);
  const Finding& finding = findings.front();
  EXPECT_EQ(finding.code, "local-queueing");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_text(finding, "device"), "eth0");
  EXPECT_TRUE(evidence_is_null(finding, "qdisc"));
  EXPECT_EQ(evidence_int(finding, "in_container"), 0);
  EXPECT_EQ(evidence_int(finding, "queued_seconds"), 40);
  EXPECT_THAT(finding.explanation, HasSubstr("about 196 ms between this host's TCP and eth0"));
  EXPECT_EQ(finding.next_steps.front().command, "tc -s qdisc show dev eth0");
  EXPECT_EQ(finding.first_at, at(10));
}

TEST(LocalQueueing, needs_three_seconds_of_five_milliseconds) {
  Traffic t;
  t.seconds(10, 12).host_queue(50ms);
  EXPECT_THAT(codes_of(t), IsEmpty());
  t.seconds(10, 13).host_queue(4900us);
  EXPECT_THAT(codes_of(t), IsEmpty());
  t.host_queue(5ms);
  EXPECT_THAT(codes_of(t), ElementsAre("local-queueing"));
  EXPECT_EQ(find(t, "local-queueing").severity, Severity::kWarning);
}

TEST(LocalQueueing, is_seen_by_retransmissions_that_could_not_leave) {
  Traffic t;
  t.seconds(10, 11).host_queue(4ms);  // p99 8 ms
  EXPECT_THAT(codes_of(t), IsEmpty());
  t.endpoint().totals.retransmit_failures.busy = 3;
  EXPECT_THAT(codes_of(t), ElementsAre("local-queueing"));
  t.seconds(10, 11).host_queue(20us);  // an unresolved neighbour
  EXPECT_THAT(codes_of(t), IsEmpty());
}

TEST(LocalQueueing, says_that_a_containers_uplink_is_not_seen) {
  Traffic t;
  t.seconds(10, 20).host_queue(20ms);
  t.builder().raw().start.netns = {{t.endpoint().key.netns_inode, "", true, false, {}}};
  EXPECT_EQ(evidence_int(find(t, "local-queueing"), "in_container"), 1);
  EXPECT_THAT(find(t, "local-queueing").explanation, HasSubstr("container"));
}

TEST(LocalQueueing, explains_loss_in_its_seconds) {
  Traffic t;
  t.seconds(10, 50).host_queue(50ms);
  t.seconds(20, 25).timeouts(1);
  const auto findings = findings_of(t);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "local-queueing");
  EXPECT_EQ(findings[1].code, "retransmit-loss");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
}

// --- slow-reader ---

Picture with_reads(std::uint64_t n, std::uint64_t late, Duration wait, std::size_t late_seconds = 10) {
  Traffic t;
  Picture picture = t.picture();
  model::EndpointPicture& endpoint = picture.endpoints.front();
  model::Histogram reads;
  for (std::uint64_t i = 0; i < n; ++i) reads.add(i < late ? as_us(wait) : 30);
  endpoint.histograms[model::Measure::kReadWait] = reads;
  endpoint.processes = {{"ruby", "", {811}, 50, 0, 0, 0}};
  endpoint.series.arrays[model::SeriesId::kReadWaitP99].assign(60, 30);
  for (std::size_t i = 10; i < 10 + late_seconds; ++i)
    endpoint.series.arrays[model::SeriesId::kReadWaitP99][i] = as_us(wait);
  return picture;
}

TEST(SlowReader, names_its_process_and_seconds) {
  const Finding finding = only(with_reads(1000, 20, 300ms));
  EXPECT_EQ(finding.code, "slow-reader");
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_int(finding, "pid"), 811);
  EXPECT_EQ(evidence_text(finding, "comm"), "ruby");
  EXPECT_TRUE(evidence_is_null(finding, "stopped"));
  EXPECT_EQ(finding.first_at, at(10));
  EXPECT_EQ(finding.last_at, at(20));
  EXPECT_EQ(finding.next_steps.front().command, "pidstat -p 811 1");
}

TEST(SlowReader, is_not_one_late_read) {
  EXPECT_THAT(codes(with_reads(1000, 5, 300ms)), IsEmpty());  // p99 is fast
  EXPECT_THAT(codes(with_reads(19, 19, 300ms)), IsEmpty());   // too few to have a p99
  EXPECT_THAT(codes(with_reads(100, 2, 300ms)), IsEmpty());   // one or two
  EXPECT_THAT(codes(with_reads(1000, 20, 90ms)), IsEmpty());  // not late
  EXPECT_THAT(codes(with_reads(100, 3, 300ms)), ElementsAre("slow-reader"));
}

TEST(SlowReader, is_not_one_hiccup_of_a_process_with_many_connections) {
  EXPECT_THAT(codes(with_reads(100, 50, 300ms, 1)), IsEmpty());
  EXPECT_THAT(codes(with_reads(100, 50, 300ms, 2)), ElementsAre("slow-reader"));
  EXPECT_THAT(codes(with_reads(100, 50, 1100ms, 1)), ElementsAre("slow-reader"));  // that is felt
}

TEST(SlowReader, is_seen_by_a_closed_window) {
  Picture picture = with_reads(0, 0, 0ms);
  picture.endpoints[0].totals.zero_window_sent_us = 199'000;
  EXPECT_THAT(codes(picture), IsEmpty());
  picture.endpoints[0].totals.zero_window_sent_us = 200'000;
  EXPECT_THAT(only(picture).explanation, HasSubstr("This host told the peer to stop sending for 200 ms in total"));
  picture.endpoints[0].processes.clear();
  EXPECT_EQ(only(picture).confidence, Confidence::kMedium);
}

// --- zero-window ---

Picture closed_by_peer(Duration total, Duration longest) {
  Traffic t;
  t.seconds(10, 15).each([](model::Second& s, std::size_t) { s.zero_window_received_us = 200'000; });
  Picture picture = t.picture();
  picture.endpoints[0].totals.zero_window_received_us = as_us(total);
  picture.endpoints[0].zero_window_stalls = 3;
  picture.endpoints[0].zero_window_longest_us = as_us(longest);
  return picture;
}

TEST(ZeroWindow, is_the_peers_application) {
  const Finding finding = only(closed_by_peer(1s, 600ms));
  EXPECT_EQ(finding.code, "zero-window");
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(evidence_int(finding, "stalls"), 3);
  EXPECT_EQ(evidence_float(finding, "longest_stall_s"), 0.6);
  EXPECT_EQ(finding.first_at, at(10));
  EXPECT_THAT(finding.explanation, HasSubstr("closed for 1.0 s in total"));
}

TEST(ZeroWindow, is_not_flow_control_at_work) {
  EXPECT_THAT(codes(closed_by_peer(190ms, 190ms)), IsEmpty());
  EXPECT_THAT(codes(closed_by_peer(500ms, 400ms)), IsEmpty());  // less than 1 % of a minute
  EXPECT_THAT(codes(closed_by_peer(3s, 5ms)), IsEmpty());       // opens at once each time
}

// --- retransmit-loss ---

TEST(RetransmitLoss, needs_ten_segments_and_one_percent) {
  const auto lost = [](std::uint64_t segments, std::uint64_t sent) {
    Traffic t;
    t.seconds(0, 60).each([&](model::Second& s, std::size_t) { s.segments_sent = sent / 60; });
    t.endpoint().totals.retransmitted_segments = segments;
    return codes_of(t);
  };
  EXPECT_THAT(lost(9, 600), IsEmpty());
  EXPECT_THAT(lost(10, 600), ElementsAre("retransmit-loss"));
  EXPECT_THAT(lost(10, 6000), IsEmpty());
}

TEST(RetransmitLoss, is_a_share_of_segments_with_data) {
  Traffic t;  // 13,980 requests of one segment, and 12 times as many ACKs
  t.endpoint().totals.retransmitted_segments = 420;
  const Finding finding = find(t, "retransmit-loss");
  EXPECT_NEAR(evidence_float(finding, "loss_pct"), 2.9, 0.1);
  EXPECT_EQ(finding.confidence, Confidence::kMedium);  // worked out
}

TEST(RetransmitLoss, or_three_timeouts) {
  Traffic t;
  t.seconds(10, 12).timeouts(1);
  EXPECT_THAT(codes_of(t), IsEmpty());
  t.seconds(10, 13).timeouts(1);
  EXPECT_THAT(codes_of(t), ElementsAre("retransmit-loss"));
  EXPECT_EQ(find(t, "retransmit-loss").first_at, at(10));
}

TEST(RetransmitLoss, leaves_out_handshakes_and_what_had_arrived) {
  Traffic t;
  t.seconds(0, 60).each([](model::Second& s, std::size_t) { s.segments_sent = 10; });
  t.endpoint().totals.retransmitted_segments = 30;
  retransmits(t, RetransmitKind::kSyn) = 21;
  EXPECT_THAT(codes_of(t), IsEmpty());
  std::swap(retransmits(t, RetransmitKind::kSyn), retransmits(t, RetransmitKind::kSynAck));
  EXPECT_THAT(codes_of(t), IsEmpty());
  retransmits(t, RetransmitKind::kSynAck) = 0;
  t.endpoint().totals.spurious_retransmits = 21;
  EXPECT_THAT(codes_of(t), IsEmpty());
  t.endpoint().totals.spurious_retransmits = 16;
  EXPECT_EQ(find(t, "retransmit-loss").confidence, Confidence::kLow);
}

TEST(RetransmitLoss, is_surer_where_the_kernel_tells_what_did_not_leave) {
  Traffic t;
  t.seconds(10, 20).timeouts(1);
  EXPECT_EQ(find(t, "retransmit-loss").confidence, Confidence::kHigh);
  t.endpoint().totals.retransmit_failures.busy = 1;
  EXPECT_EQ(find(t, "retransmit-loss").confidence, Confidence::kMedium);
  t.endpoint().totals.retransmit_failures.busy.reset();
  EXPECT_EQ(find(t, "retransmit-loss").confidence, Confidence::kMedium);
  EXPECT_TRUE(evidence_is_null(find(t, "retransmit-loss"), "retransmit_failures_busy"));
}

TEST(RetransmitLoss, is_critical_when_exchanges_fail_by_it) {
  Traffic t;
  t.seconds(10, 20).timeouts(3);
  SocketStory story = gave_up(15, 5s);
  story.end->request_rtos = 2;
  t.builder().add(0, 20, story);
  EXPECT_EQ(find(t, "retransmit-loss").severity, Severity::kCritical);
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
