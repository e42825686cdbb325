// SPDX-License-Identifier: Apache-2.0
// dropped-by-this-host, and what it explains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::DropWay;
using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint32_t kNetns = 4026531840U;

model::DropCount packets(std::uint64_t n, std::uint64_t syns = 0, std::uint64_t with_data = 0) {
  return {.packets = n, .segments = n, .syns = syns, .with_data = with_data, .first_at = at(10), .last_at = at(12)};
}

void drop(PictureBuilder& b, std::size_t endpoint, DropWay way, const char* reason, const model::DropCount& count) {
  model::EndpointPicture& e = b.raw().endpoints[endpoint];
  e.totals.drops[static_cast<std::size_t>(way)][reason] = count;
  e.totals.drops_known = true;
  e.series.n = 60;
  model::Series::Values drops(60, 0);
  for (std::size_t i = 10; i <= 12; ++i) drops[i] = 1;
  e.series.arrays[model::SeriesId::kDrops] = drops;
}

model::DropImpact& impact(PictureBuilder& b, std::size_t endpoint, DropWay way) {
  return b.raw().endpoints[endpoint].drop_impact[static_cast<std::size_t>(way)];
}

SocketStory with_drops(SocketStory story, DropWay way) {
  model::SocketDrops& drops = story.drops[static_cast<std::size_t>(way)];
  drops.packets = drops.syns = 4;
  drops.explains_failure = true;
  return story;
}

// 13 connects, whose 52 SYNs a rule dropped.
PictureBuilder dropped_syns(std::size_t connects = 13) {
  PictureBuilder b;
  const auto api = b.outbound("10.0.0.5", 443).last();
  b.add(api, connects, with_drops(connect_failed(10, model::ConnectOutcome::kTimedOut, 2s, 4), DropWay::kOut));
  drop(b, api, DropWay::kOut, "NETFILTER_DROP", packets(4 * connects, 4 * connects));
  impact(b, api, DropWay::kOut) = {
      .sockets = connects, .connects_failed = connects, .retransmits = 3 * connects, .timeouts = 3 * connects};
  return b;
}

std::vector<Finding> findings_of(const PictureBuilder& b) { return diagnose(b.build()); }

TEST(DroppedByThisHost, is_the_cause_of_the_connects_that_got_no_answer) {
  const auto findings = findings_of(dropped_syns());
  ASSERT_EQ(findings.size(), 2U);
  const Finding& cause = findings[0];
  EXPECT_EQ(cause.code, "dropped-by-this-host");
  EXPECT_EQ(cause.title, "this host dropped it: NETFILTER_DROP, 52 SYNs to 10.0.0.5:443");
  EXPECT_EQ(cause.severity, Severity::kCritical);
  EXPECT_EQ(cause.confidence, Confidence::kHigh);
  EXPECT_EQ(cause.impact.connects_failed, 13U);
  EXPECT_EQ(cause.impact.of_connects, 13U);
  EXPECT_EQ(cause.count, 52U);
  EXPECT_EQ(cause.sockets.size(), 13U);
  EXPECT_THAT(cause.explanation, HasSubstr("52 for NETFILTER_DROP (a rule of the packet filter"));
  EXPECT_THAT(cause.explanation, HasSubstr("13 connects failed"));
  ASSERT_FALSE(cause.next_steps.empty());
  EXPECT_THAT(cause.next_steps[0].command, HasSubstr("nft list ruleset"));
  EXPECT_FALSE(cause.disproved_by.empty());
  EXPECT_EQ(findings[1].code, "connect-timeout");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
}

TEST(DroppedByThisHost, explains_only_the_connects_whose_syns_were_dropped) {
  PictureBuilder b = dropped_syns(1);
  b.add(0, 9, connect_failed(11, model::ConnectOutcome::kTimedOut, 2s, 4));
  for (const Finding& finding : findings_of(b)) {
    EXPECT_THAT(finding.caused_by, IsEmpty()) << finding.code << ": 9 of 10 have another cause";
  }
}

TEST(DroppedByThisHost, one_way_is_one_finding_with_all_its_reasons) {
  PictureBuilder b;
  const auto api = b.outbound("10.0.0.5", 443).good_exchanges(1000).last();
  drop(b, api, DropWay::kOut, "QDISC_DROP", packets(5, 0, 5));
  drop(b, api, DropWay::kOut, "NEIGH_FAILED", packets(2));
  drop(b, api, DropWay::kIn, "TCP_CSUM", packets(3, 0, 3));
  impact(b, api, DropWay::kOut) = {.sockets = 2, .retransmits = 5, .timeouts = 1};
  impact(b, api, DropWay::kIn) = {.sockets = 1};
  const auto findings = findings_of(b);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].title, "this host dropped it: QDISC_DROP, NEIGH_FAILED, 7 packets to 10.0.0.5:443");
  EXPECT_EQ(findings[0].severity, Severity::kWarning);
  std::vector<std::string> commands;
  for (const auto& step : findings[0].next_steps) commands.push_back(step.command);
  EXPECT_THAT(commands, ElementsAre("tc -s qdisc", "ip -s neigh show; ip -s -s link show"));
  EXPECT_EQ(findings[1].title, "this host dropped it: TCP_CSUM, 3 packets with data from 10.0.0.5:443");
  EXPECT_EQ(findings[1].severity, Severity::kNotice) << "nothing was sent again, nothing failed";
  EXPECT_EQ(findings[1].confidence, Confidence::kMedium);
}

TEST(DroppedByThisHost, a_bulk_transfer_that_fills_its_own_queue_is_no_harm) {
  PictureBuilder b;
  const auto store = b.outbound("10.0.0.5", 443).good_exchanges(10).last();
  drop(b, store, DropWay::kOut, "QDISC_DROP", packets(200, 0, 200));
  impact(b, store, DropWay::kOut) = {.sockets = 1, .retransmits = 90};
  EXPECT_EQ(findings_of(b).at(0).severity, Severity::kWarning);
  b.raw().endpoints[0].mean_request_bytes = 4e6;
  b.raw().endpoints[0].totals.bytes_sent = 40'000'000;
  EXPECT_EQ(findings_of(b).at(0).severity, Severity::kNotice);
  impact(b, store, DropWay::kOut).timeouts = 1;
  EXPECT_EQ(findings_of(b).at(0).severity, Severity::kWarning);
}

TEST(DroppedByThisHost, clients_that_a_rule_keeps_away_are_a_notice) {
  PictureBuilder b;
  const auto web = b.inbound("10.0.0.1", 8080).last();
  drop(b, web, DropWay::kIn, "NETFILTER_DROP", packets(20, 20));
  auto findings = findings_of(b);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].title, "this host dropped it: NETFILTER_DROP, 20 SYNs from clients of 10.0.0.1:8080");
  EXPECT_EQ(findings[0].severity, Severity::kNotice);
  EXPECT_EQ(findings[0].confidence, Confidence::kMedium) << "no connection could be told";

  drop(b, web, DropWay::kIn, "PROTO_MEM", packets(5, 5));
  EXPECT_EQ(findings_of(b).at(0).severity, Severity::kWarning) << "nobody means that";
}

// Ten requests sent again after timeouts, so many of them for what this host dropped.
PictureBuilder lossy(std::uint64_t explained) {
  PictureBuilder b;
  const auto api = b.outbound("10.0.0.5", 443).good_exchanges(100).last();
  model::EndpointPicture& e = b.raw().endpoints[api];
  e.totals.retransmits[static_cast<std::size_t>(model::RetransmitKind::kRto)] = 10;
  e.totals.retransmitted_segments = 10;
  e.totals.segments_sent = 200;
  drop(b, api, DropWay::kOut, "NETFILTER_DROP", packets(10, 0, 10));
  model::Series::Values retransmits(60, 0);
  retransmits[11] = 10;
  e.series.arrays[model::SeriesId::kRetransmits] = retransmits;
  e.seconds.resize(60);
  impact(b, api, DropWay::kOut) = {.sockets = 5, .retransmits = explained, .timeouts = explained};
  return b;
}

std::vector<std::size_t> causes_of_loss(std::uint64_t explained) {
  for (const Finding& finding : findings_of(lossy(explained))) {
    if (finding.code == "retransmit-loss") return finding.caused_by;
  }
  ADD_FAILURE() << "no loss";
  return {};
}

TEST(DroppedByThisHost, does_not_come_first_where_it_explains_little_of_the_loss) {
  auto findings = findings_of(lossy(1));
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].code, "retransmit-loss");
  EXPECT_EQ(findings[1].severity, Severity::kNotice);
  findings = findings_of(lossy(8));
  EXPECT_EQ(findings[0].code, "dropped-by-this-host");
  EXPECT_EQ(findings[0].severity, Severity::kWarning);
}

TEST(DroppedByThisHost, is_the_cause_of_loss_where_it_explains_nearly_all_of_it) {
  EXPECT_THAT(causes_of_loss(10), ElementsAre(0U));
  EXPECT_THAT(causes_of_loss(8), ElementsAre(0U));
  EXPECT_THAT(causes_of_loss(7), IsEmpty()) << "the rest was lost elsewhere";
}

TEST(DroppedByThisHost, a_full_accept_queue_is_told_once) {
  PictureBuilder b;
  const auto web = b.inbound("10.0.0.1", 8080).last();
  drop(b, web, DropWay::kIn, "TCP_LISTEN_OVERFLOW", packets(5));
  ASSERT_EQ(findings_of(b).size(), 1U);
  EXPECT_THAT(findings_of(b)[0].next_steps.at(0).command, HasSubstr("TcpExtListenOverflows"));
  model::NetnsPicture netns;
  netns.inode = kNetns;
  netns.counters = {{"ListenOverflows", 5}, {"ListenDrops", 5}};
  netns.overflow.first_at = at(10);
  netns.overflow.last_at = at(12);
  b.raw().netns = {netns};
  std::vector<std::string> codes;
  for (const Finding& finding : findings_of(b)) codes.push_back(finding.code);
  EXPECT_THAT(codes, ElementsAre("listen-overflow"));
}

TEST(DroppedByThisHost, a_next_hop_that_does_not_answer_is_told_once) {
  PictureBuilder b;
  const auto api = b.outbound("10.0.0.5", 443).last();
  SocketStory story = with_drops(connect_failed(10, model::ConnectOutcome::kUnreachable, 3s, 0), DropWay::kOut);
  b.add(api, 3, story);
  drop(b, api, DropWay::kOut, "NEIGH_FAILED", packets(3, 3));
  impact(b, api, DropWay::kOut) = {.sockets = 3, .connects_failed = 3};
  const auto findings = findings_of(b);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "connect-failed-locally");

  drop(b, api, DropWay::kOut, "NEIGH_FAILED", packets(9, 3, 6));
  EXPECT_EQ(findings_of(b).size(), 2U) << "data of established connections too";
}

TEST(DroppedByThisHost, a_reason_of_a_newer_kernel_is_shown_as_it_is) {
  PictureBuilder b;
  const auto api = b.outbound("10.0.0.5", 443).last();
  drop(b, api, DropWay::kOut, "reason_200", packets(3));
  const Finding finding = findings_of(b).at(0);
  EXPECT_THAT(finding.explanation, HasSubstr("3 for reason_200."));
  EXPECT_EQ(finding.next_steps.size(), 1U);
}

TEST(DroppedByThisHost, commands_hold_the_devices_name_only_where_it_is_a_plain_one) {
  PictureBuilder b;
  const auto api = b.outbound("10.0.0.5", 443).last();
  drop(b, api, DropWay::kOut, "TC_EGRESS", packets(3));
  b.raw().endpoints[0].device = "ens5";
  EXPECT_THAT(findings_of(b).at(0).next_steps.at(0).command, HasSubstr("dev ens5 egress"));
  b.raw().endpoints[0].device = "x;reboot";
  EXPECT_THAT(findings_of(b).at(0).next_steps.at(0).command, Not(HasSubstr("reboot")));
}

TEST(DroppedByThisHost, where_nothing_was_dropped_nothing_is_said) {
  PictureBuilder b;
  b.outbound("10.0.0.5", 443).good_exchanges(1000);
  b.raw().endpoints[0].totals.drops_known = true;
  EXPECT_THAT(findings_of(b), IsEmpty());
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
