// SPDX-License-Identifier: Apache-2.0
// The whole report: verdict, summary, what was not visible; and that healthy traffic says nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Report;
using model::Verdict;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

PictureBuilder api() {
  PictureBuilder b;
  return b.outbound("10.0.0.2", 443).good_exchanges(1000).good_connects(31).floor_us(700);
}

TEST(Report, a_sure_cause) {
  PictureBuilder b = api();
  for (int i = 0; i < 12; ++i) b.add(0, reset_awaiting(31 + i, 30s));
  const Report report = make_report(b.build());
  EXPECT_EQ(report.verdict, Verdict::kCauseFound);
  EXPECT_THAT(report.summary, HasSubstr("10.0.0.2:443 reset 12 connections 30.0 s after a request"));
  EXPECT_THAT(report.summary, HasSubstr("Impact: 12 of 1012 exchanges (1.2 %), 02:30:31.000 to 02:30:42.000 UTC."));
  EXPECT_EQ(report.picture.sockets.size(), 12U);
}

TEST(Report, an_unsure_one_is_only_a_symptom) {
  PictureBuilder b = api();
  b.add(0, reset_awaiting(20, 1ms, 350s));
  const Report report = make_report(b.build());
  EXPECT_EQ(report.verdict, Verdict::kSymptomsOnly);
  EXPECT_THAT(report.summary, HasSubstr("1 of 1001 exchanges (0.1 %), at 02:30:20.000 UTC."));
}

TEST(Report, counts_the_further_findings) {
  PictureBuilder b = api();
  b.add(0, 3, reset_awaiting(20, 5s)).add(0, 3, gave_up(30, 7s)).add(0, 3, reset_while_idle(40, 9s));
  EXPECT_THAT(make_report(b.build()).summary, HasSubstr("1 further finding below."));
}

TEST(Report, connects_that_still_try_are_in_the_summary) {
  PictureBuilder b = api();
  b.add(0, 3, connect_failed(30, model::ConnectOutcome::kPending, 30s, 7));
  EXPECT_THAT(
      make_report(b.build()).summary,
      HasSubstr("3 of 34 connects (8.8 %), 02:30:30.000 to 02:31:00.000 UTC, still going on when the trace ended."));
}

TEST(Report, healthy_traffic_says_what_was_seen) {
  PictureBuilder b = api();
  b.outbound("10.0.0.3", 6379).good_exchanges(204, 400ms);
  // All the ways in which healthy connections end.
  for (const auto kind : {model::EndKind::kClosedLocally, model::EndKind::kClosedByPeer}) b.add(0, 20, ended(20, kind));
  SocketStory reset_after_fin = ended(30, model::EndKind::kClosedLocally);
  reset_after_fin.resets.received = 1;
  b.add(0, 20, reset_after_fin);
  b.add(0, 2, connect_failed(30, model::ConnectOutcome::kAbandoned, 200ms, 1));
  const Report report = make_report(b.build());
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.verdict, Verdict::kNothingFound);
  EXPECT_THAT(report.summary, HasSubstr("Nothing wrong seen in 1204 exchanges and 33 connects"));
  EXPECT_THAT(report.summary, HasSubstr("slowest endpoint 10.0.0.3:6379"));
  EXPECT_THAT(report.summary, HasSubstr("Not visible from here: DNS, "));
}

TEST(Report, notices_alone_are_nothing_found) {
  PictureBuilder b = api();
  b.add(0, 3, reset_while_idle(40, 9s));
  const Report report = make_report(b.build());
  EXPECT_EQ(report.verdict, Verdict::kNothingFound);
  EXPECT_THAT(report.summary, HasSubstr("1 notice below"));
}

TEST(Report, does_not_call_unexplained_failures_nothing) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 80).good_exchanges(100);
  b.add(0, 2, reset_in_response(20));  // clients of ours that left in the middle of an answer: no rule speaks of them
  const Report report = make_report(b.build());
  EXPECT_EQ(report.verdict, Verdict::kSymptomsOnly);
  EXPECT_THAT(report.summary, HasSubstr("2 exchanges of 102 exchanges"));
  EXPECT_THAT(report.summary, Not(HasSubstr("Nothing wrong")));
}

TEST(Report, says_when_somebody_still_waited) {
  PictureBuilder b = api();
  SocketStory waiting = ended(59, model::EndKind::kClosedLocally);
  waiting.end.reset();
  waiting.exchange_pending = true;
  waiting.pending_wait = 20s;
  EXPECT_THAT(make_report(b.add(0, waiting).build()).summary, HasSubstr("1 exchange still waited for an answer"));
}

TEST(Report, nothing_matched_names_what_was_filtered_out) {
  PictureBuilder b;
  Picture picture = b.build();
  picture.totals.sockets_seen = 0;
  picture.start.filters.remote_ports = {6379};
  picture.sockets_filtered_out = 212;
  picture.busiest_filtered_out = {{api().build().endpoints[0].key, 9, 1000}};
  const Report report = make_report(picture);
  EXPECT_EQ(report.verdict, Verdict::kNothingMatched);
  EXPECT_THAT(report.summary, HasSubstr("212 sockets of this namespace did not match"));
  EXPECT_THAT(report.summary, HasSubstr("10.0.0.2:443"));
}

TEST(Report, a_quiet_host_without_a_filter_is_nothing_seen) {
  Picture picture = PictureBuilder().build();
  picture.window.end = picture.window.start + 10s;
  picture.totals = {};
  const Report report = make_report(picture);
  EXPECT_EQ(report.verdict, Verdict::kNothingSeen);
  EXPECT_EQ(report.summary,
            "No TCP traffic was seen in this namespace in 10.0 s, so this says nothing about how TCP works here. Trace "
            "while there is traffic.");
}

TEST(Report, nothing_seen_names_where_there_are_connections) {
  Picture picture = PictureBuilder().build();
  picture.window.end = picture.window.start + 10s;
  picture.totals = {};
  picture.totals.sockets_seen = picture.totals.sockets_open_at_end = 2;
  picture.start.other_netns = {{.inode = 8, .pid = 812, .comm = "redis-server", .established = 40, .sockets = 41},
                               {.inode = 9, .pid = 90, .comm = "nginx", .established = 0, .sockets = 1}};
  const Report report = make_report(picture);
  EXPECT_EQ(report.verdict, Verdict::kNothingSeen);
  EXPECT_EQ(report.summary,
            "No TCP traffic was seen in this namespace in 10.0 s, with 2 idle sockets open, so this says nothing about "
            "how TCP works here. Other namespaces have TCP sockets; what traces them: redis-server (pid 812, 40 "
            "established connections): --netns 812; nginx (pid 90, 1 socket, none connected): --netns 90.");
}

TEST(Report, whatever_moved_was_seen) {
  const auto verdict_with = [](const std::function<void(model::Totals&)>& move) {
    Picture picture = PictureBuilder().build();
    picture.totals = {};
    picture.totals.sockets_seen = picture.totals.sockets_open_at_end = 3;
    move(picture.totals);
    return make_report(picture).verdict;
  };
  EXPECT_EQ(verdict_with([](model::Totals&) {}), Verdict::kNothingSeen);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.connects = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.exchanges = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.exchanges_pending = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.bytes_sent = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.bytes_received = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.resets.sent = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.resets.received = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.retransmits[0] = 1; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.drops[0]["NETFILTER_DROP"] = {}; }), Verdict::kNothingFound);
  EXPECT_EQ(verdict_with([](model::Totals& t) { t.sockets_open_at_end = 2; }), Verdict::kNothingFound) << "one ended";
}

TEST(Report, too_much_loss_spoils_the_verdict) {
  PictureBuilder b = api();
  b.add(0, 3, reset_awaiting(20, 5s));
  b.raw().events_seen = 99'000;
  b.raw().loss.ring_full = 1000;  // exactly 1 %
  EXPECT_EQ(make_report(b.build()).verdict, Verdict::kCauseFound);
  b.raw().loss.ring_full = 1100;
  const Report report = make_report(b.build());
  EXPECT_EQ(report.verdict, Verdict::kNotTrustworthy);
  EXPECT_THAT(report.summary, HasSubstr("Too much was lost"));
  EXPECT_THAT(report.summary, HasSubstr("reset 3 connections"));
}

TEST(Report, nothing_found_is_not_trusted_after_loss_either) {
  PictureBuilder b = api();
  b.raw().loss.ring_full = 50'000;
  EXPECT_EQ(make_report(b.build()).verdict, Verdict::kNotTrustworthy);
}

TEST(Report, loss_that_feeds_no_rule_does_not_spoil_it) {
  PictureBuilder b = api();
  b.raw().loss.processes_full = 50'000;
  b.raw().loss.samples_thinned = 50'000;
  EXPECT_EQ(make_report(b.build()).verdict, Verdict::kNothingFound);
}

TEST(Report, an_endpoint_that_found_no_place_spoils_nothing_found_but_no_finding) {
  PictureBuilder b = api();
  b.raw().loss.endpoints_full = 5;
  EXPECT_EQ(make_report(b.build()).verdict, Verdict::kNotTrustworthy);
  b.add(0, 3, reset_awaiting(20, 5s));
  const Report report = make_report(b.build());
  EXPECT_EQ(report.verdict, Verdict::kCauseFound);
  EXPECT_EQ(report.findings.front().confidence, model::Confidence::kHigh);
}

TEST(Report, what_is_not_visible_depends_on_the_kernel) {
  PictureBuilder b = api();
  EXPECT_THAT(make_report(b.build()).not_visible,
              testing::ElementsAre("dns", "connect_without_route", "tls_inside", "peer_nic_counters", "netfilter_rst",
                                   "resets_received_half_open", "bridged_container_uplink"));
  b.raw().endpoints[0].app_gap.calls = 1;
  EXPECT_THAT(make_report(b.build()).not_visible, Contains("calls_of_other_threads"));
  b.raw().totals.reset_reasons_known = false;
  b.raw().totals.drops_known = false;
  b.raw().totals.reset_phases[static_cast<std::size_t>(model::Phase::kNoSocket)].reset();
  const auto not_visible = make_report(b.build()).not_visible;
  EXPECT_THAT(not_visible, Contains("resets_without_socket"));
  EXPECT_THAT(not_visible, Contains("reset_reasons"));
  EXPECT_THAT(not_visible, Contains("packet_drops"));
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
