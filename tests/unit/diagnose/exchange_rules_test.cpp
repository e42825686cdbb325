// SPDX-License-Identifier: Apache-2.0
// Silences within exchanges: response-stalled, nagle-delayed-ack; and what fills holes: path-reordering,
// retransmit-loss towards this host; packets of full size that do not pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/delay_pictures.h"
#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::EndKind;
using model::Finding;
using model::Severity;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// 3 KB of a response, then nothing for 4 s, while a thread waited to read.
SocketStory stopped(double end_s, Duration silence = 4s) {
  SocketStory story = ended(end_s, EndKind::kClosedLocally);
  story.exchanges_failed = 1;
  story.end->stalled = true;
  story.end->response_bytes = 3000;
  story.end->largest_received = 1448;
  story.end->response_silence = silence;
  story.end->reader_waited = silence - 500ms;
  return story;
}

SocketStory with_hole(SocketStory story) {
  story.end->reader_waited.reset();
  story.end->hole_bytes = 14480;
  story.end->hole_for = 4s;
  return story;
}

PictureBuilder five(const SocketStory& story) {
  PictureBuilder b;
  b.outbound("10.0.0.5", 8080).good_exchanges(100);
  for (const SocketStory& one : apart(5, story)) b.add(0, one);
  return b;
}

TEST(ResponseStalled, stopped_while_its_reader_waited) {
  const Finding finding = only(five(stopped(20)).build());
  EXPECT_EQ(finding.code, "response-stalled");
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.confidence, Confidence::kMedium) << "a stream looks alike";
  EXPECT_THAT(finding.title, HasSubstr("stopped after 3000 B; this host gave up after 4.0 s of silence"));
  EXPECT_EQ(finding.impact.exchanges_failed, 5U);
  EXPECT_THAT(finding.explanation, Not(HasSubstr("MTU"))) << "packets of full size came";
  EXPECT_EQ(evidence_int(finding, "reader_waited_count"), 5);
}

TEST(ResponseStalled, bytes_that_are_missing_are_lost_on_the_way_here) {
  const Finding finding = only(five(with_hole(stopped(20))).build());
  EXPECT_EQ(finding.code, "response-stalled");
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_THAT(finding.explanation, HasSubstr("The peer's application had answered: its data stops on the way here."));
  EXPECT_EQ(evidence_int(finding, "hole_count"), 5);
}

TEST(ResponseStalled, also_where_not_one_byte_came_in_order) {
  SocketStory story = with_hole(gave_up(20, 4s));
  story.end->largest_received = 200;
  const Finding finding = only(five(story).build());
  EXPECT_EQ(finding.code, "response-stalled");
  EXPECT_THAT(finding.explanation, HasSubstr("MTU"));
  EXPECT_THAT(finding.next_steps.at(0).command, HasSubstr("ping -M do -c 3 -s 1472 10.0.0.5"));
}

TEST(ResponseStalled, a_hole_that_has_just_opened_is_none) {
  SocketStory story = with_hole(gave_up(20, 4s));
  story.end->hole_for = 300ms;
  EXPECT_EQ(only(five(story).build()).code, "response-timeout");
}

TEST(ResponseStalled, only_small_packets_make_the_path_suspect) {
  SocketStory story = stopped(20);
  story.end->largest_received = 59;
  const Finding finding = only(five(story).build());
  EXPECT_THAT(finding.explanation, HasSubstr("large segments do not"));
  EXPECT_THAT(finding.next_steps.at(0).text, HasSubstr("full size"));
}

TEST(ResponseTimeout, a_request_that_the_peer_reports_twice_had_arrived) {
  SocketStory story = gave_up(20, 5s);
  story.end->request_reported_twice = true;
  story.end->request_retransmits = 1;
  story.end->largest_received = 59;
  const Finding finding = only(five(story).build());
  EXPECT_EQ(finding.code, "response-timeout");
  EXPECT_EQ(evidence_text(finding, "side"), "path_here");
  EXPECT_THAT(finding.explanation, HasSubstr("MTU"));
  EXPECT_THAT(finding.explanation, Not(HasSubstr("the peer's application, or what it waits for, did not answer")));
  story.end->largest_received = 1448;
  EXPECT_THAT(only(five(story).build()).explanation, Not(HasSubstr("MTU")));
}

Traffic calls(std::uint64_t own, std::uint64_t peer, std::uint64_t us = 40'000) {
  Traffic t;
  t.endpoint().nagle_own = {own, own * us};
  t.endpoint().nagle_peer = {peer, peer * us};
  return t;
}

TEST(NagleDelayedAck, names_who_writes_in_pieces) {
  const std::uint64_t exchanges = calls(0, 0).picture().endpoints[0].totals.exchanges;
  const Finding own = find(calls(exchanges, 0), "nagle-delayed-ack");
  EXPECT_EQ(own.severity, Severity::kWarning);
  EXPECT_EQ(own.confidence, Confidence::kHigh);
  EXPECT_EQ(evidence_text(own, "writer"), "us");
  EXPECT_EQ(evidence_int(own, "wait_mean_us"), 40'000);
  EXPECT_THAT(own.explanation, HasSubstr("This host writes its requests in small pieces"));
  const Finding peer = find(calls(0, exchanges / 10), "nagle-delayed-ack");
  EXPECT_EQ(peer.severity, Severity::kNotice);
  EXPECT_EQ(peer.confidence, Confidence::kMedium);
  EXPECT_THAT(peer.explanation, HasSubstr("writes its responses in small pieces"));
}

TEST(NagleDelayedAck, a_few_waits_are_chance) {
  EXPECT_THAT(codes_of(calls(9, 0)), IsEmpty());
  const std::uint64_t exchanges = calls(0, 0).picture().endpoints[0].totals.exchanges;
  EXPECT_THAT(codes_of(calls(exchanges / 25, 0)), IsEmpty()) << "4 % of the exchanges";
}

Traffic holes(std::uint64_t recovered, std::uint64_t reordered) {
  Traffic t;
  t.seconds(10, 20).out_of_order(400);
  t.endpoint().totals.recovered_in = recovered;
  t.endpoint().totals.reordered_in = reordered;
  return t;
}

TEST(PathReordering, is_no_loss) {
  const Finding finding = find(holes(0, 500), "path-reordering");
  EXPECT_EQ(finding.severity, Severity::kNotice);
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_THAT(finding.explanation, HasSubstr("out of order"));
  EXPECT_THAT(codes_of(holes(0, 500)), Not(Contains("retransmit-loss")));
}

TEST(PathReordering, a_few_late_segments_are_not_told) { EXPECT_THAT(codes_of(holes(0, 9)), IsEmpty()); }

TEST(RetransmitLoss, towards_this_host_is_what_was_sent_again) {
  const Finding finding = find(holes(4000, 0), "retransmit-loss");
  EXPECT_EQ(evidence_text(finding, "direction"), "in");
  EXPECT_EQ(evidence_int(finding, "out_of_order_segments"), 4000);
  EXPECT_EQ(evidence_int(finding, "recovered_in"), 4000);
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(finding.confidence, Confidence::kHigh);
  EXPECT_THAT(codes_of(holes(200, 0)), IsEmpty()) << "0.06 %";
  Traffic unstamped = holes(4000, 0);
  unstamped.endpoint().path_queue_in_missing = "no_timestamps";
  EXPECT_EQ(find(unstamped, "retransmit-loss").confidence, Confidence::kMedium);
}

// Clients of this host whose answers were repeated and repeated, on an endpoint that went on answering others.
PictureBuilder stuck(bool full_acked, std::uint32_t unacked = 14'480) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 8080).good_exchanges(100);
  for (int i = 0; i < 3; ++i) {
    SocketStory story = ended(40 + i, EndKind::kClosedByPeer);
    story.socket.role = model::Role::kInbound;
    story.request_at = at(30 + i);
    story.retransmits[static_cast<std::size_t>(model::RetransmitKind::kRto)] = 4;
    story.end->unacked_bytes = unacked;
    story.end->full_segment_acked = full_acked;
    b.add(0, story);
  }
  model::EndpointPicture& e = b.raw().endpoints[0];
  e.totals.retransmits[static_cast<std::size_t>(model::RetransmitKind::kRto)] = 12;
  e.totals.retransmitted_segments = 12;
  e.totals.segments_sent = 200;
  e.series.n = 60;
  e.seconds.resize(60);
  for (model::Second& second : e.seconds) second.exchanges = 2;
  model::Series::Values retransmits(60, 0);
  retransmits[35] = 12;
  e.series.arrays[model::SeriesId::kRetransmits] = retransmits;
  return b;
}

Finding loss_of(const PictureBuilder& b) {
  for (Finding& finding : diagnose(b.build())) {
    if (finding.code == "retransmit-loss") return finding;
  }
  ADD_FAILURE() << "no loss";
  return {};
}

TEST(RetransmitLoss, nothing_of_full_size_arrives) {
  const Finding finding = loss_of(stuck(false));
  EXPECT_THAT(finding.explanation, HasSubstr("MTU"));
  EXPECT_EQ(evidence_int(finding, "only_small_arrive_count"), 3);
  EXPECT_THAT(loss_of(stuck(true)).explanation, Not(HasSubstr("MTU"))) << "one did";
  EXPECT_THAT(loss_of(stuck(false, 100)).explanation, Not(HasSubstr("MTU"))) << "small ones are lost, too";
  PictureBuilder dead = stuck(false);
  for (model::Second& second : dead.raw().endpoints[0].seconds) second.exchanges = 0;
  EXPECT_THAT(loss_of(dead).explanation, Not(HasSubstr("MTU"))) << "nothing passes";
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
