// SPDX-License-Identifier: Apache-2.0
// syn-flood: what the kernel counts while more connections are half open than the queue takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/picture_builder.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Severity;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint32_t kNetns = 4026531840U;

// Healthy calls at 10.0.0.1:8080; of SYNs that met a full queue so many got cookies, which came back so often.
PictureBuilder flooded(std::uint64_t cookies, std::uint64_t returned, std::optional<std::uint32_t> syncookies = 1) {
  PictureBuilder b;
  b.inbound("10.0.0.1", 8080).good_exchanges(100);
  model::NetnsInfo info;
  info.inode = kNetns;
  info.somaxconn = 4096;
  info.sysctls.syncookies = syncookies;
  b.raw().start.netns = {info};
  model::NetnsPicture netns;
  netns.inode = kNetns;
  netns.counters = {{"TCPReqQFullDoCookies", cookies}, {"TCPReqQFullDrop", 0}, {"SyncookiesSent", cookies},
                    {"SyncookiesRecv", returned},      {"ListenOverflows", 0}, {"ListenDrops", 0}};
  netns.full_syn_queue = {.first_at = at(10), .last_at = at(30), .samples = 20};
  b.raw().netns = {netns};
  return b;
}

PictureBuilder dropping(std::uint64_t drops) {
  PictureBuilder b = flooded(0, 0, 0);
  b.raw().netns[0].counters["TCPReqQFullDrop"] = drops;
  b.raw().netns[0].counters["ListenDrops"] = drops;  // the kernel counts them there too
  b.raw().netns[0].overflow = b.raw().netns[0].full_syn_queue;
  return b;
}

TEST(SynFlood, says_how_many_were_answered_by_cookies) {
  const Finding f = only(flooded(294790, 3).build());
  EXPECT_EQ(f.code, "syn-flood");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_FALSE(f.endpoint);
  EXPECT_EQ(f.count, 294790U);
  EXPECT_EQ(f.first_at, at(10));
  EXPECT_EQ(f.last_at, at(30));
  EXPECT_FALSE(f.ongoing);
  EXPECT_EQ(f.title, "this host answered 294790 SYNs by cookies: too many connections were half open");
  EXPECT_THAT(f.explanation, AllOf(HasSubstr("of which 3 came back"), HasSubstr("without TCP timestamps")));
  EXPECT_EQ(evidence_int(f, "full_queue_cookies_delta"), 294790);
  EXPECT_EQ(evidence_int(f, "full_queue_drops_delta"), 0);
  EXPECT_EQ(evidence_int(f, "cookies_sent_delta"), 294790);
  EXPECT_EQ(evidence_int(f, "cookies_returned_delta"), 3);
  EXPECT_EQ(evidence_int(f, "syncookies"), 1);
  EXPECT_EQ(evidence_int(f, "somaxconn"), 4096);
}

TEST(SynFlood, where_no_queue_was_full_there_is_none) {
  EXPECT_THAT(codes(flooded(0, 0).build()), IsEmpty());
  PictureBuilder unread = flooded(0, 0);
  unread.raw().netns[0].counters.clear();
  EXPECT_THAT(codes(unread.build()), IsEmpty());
}

TEST(SynFlood, a_burst_of_clients_that_answer_is_a_notice) {
  EXPECT_EQ(only(flooded(5000, 4950).build()).severity, Severity::kNotice);
  EXPECT_EQ(only(flooded(99, 0).build()).severity, Severity::kNotice);
  EXPECT_EQ(only(flooded(100, 0).build()).severity, Severity::kWarning);
  EXPECT_EQ(only(flooded(5000, 4900).build()).severity, Severity::kWarning);
}

TEST(SynFlood, where_every_syn_gets_a_cookie_that_says_nothing) {
  EXPECT_THAT(codes(flooded(5000, 5000, 2).build()), IsEmpty());
  EXPECT_EQ(only(flooded(5000, 0, std::nullopt).build()).confidence, Confidence::kMedium);
}

TEST(SynFlood, without_cookies_syns_are_dropped) {
  const Finding f = only(dropping(7).build());  // and ListenDrops is no second finding
  EXPECT_EQ(f.code, "syn-flood");
  EXPECT_EQ(f.severity, Severity::kWarning);
  EXPECT_EQ(f.count, 7U);
  EXPECT_EQ(f.title, "this host dropped 7 SYNs: too many connections were half open");
  EXPECT_THAT(f.explanation, AllOf(HasSubstr("7 were dropped"), Not(HasSubstr("cookie"))));
  EXPECT_EQ(f.next_steps.back().command, "sysctl -w net.ipv4.tcp_syncookies=1");
}

TEST(SynFlood, drops_for_other_reasons_stay_with_listen_overflow) {
  PictureBuilder b = dropping(7);
  b.raw().netns[0].counters["ListenDrops"] = 9;
  EXPECT_THAT(codes(b.build()), ElementsAre("listen-overflow", "syn-flood"));
  EXPECT_EQ(diagnose(b.build())[0].count, 2U);
}

// ruby of the same host connects to 10.0.0.1:8080 and gets no answer, from 12 to 29 s.
PictureBuilder connects_to_itself(PictureBuilder b) {
  b.outbound("10.0.0.1", 8080).good_connects(100);
  for (int i = 0; i < 4; ++i) b.add(1, connect_failed(12 + 4 * i, model::ConnectOutcome::kAbandoned, 5s, 3));
  return b;
}

TEST(SynFlood, explains_connects_only_where_it_dropped) {
  const auto dropped = diagnose(connects_to_itself(dropping(7)).build());
  ASSERT_EQ(dropped.size(), 2U);
  EXPECT_EQ(dropped[0].code, "syn-flood");
  EXPECT_THAT(dropped[1].caused_by, ElementsAre(0U));
  for (const Finding& f : diagnose(connects_to_itself(flooded(5000, 0)).build())) EXPECT_THAT(f.caused_by, IsEmpty());
}

TEST(SynFlood, still_going_on_at_the_end) {
  PictureBuilder b = flooded(5000, 0);
  b.raw().netns[0].full_syn_queue.last_at = at(59);
  EXPECT_TRUE(only(b.build()).ongoing);
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
