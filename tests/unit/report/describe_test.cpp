// SPDX-License-Identifier: Apache-2.0
// What an event says and what the mark that it leaves says are the same.
#include "report/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <tuple>

#include "unit/report/samples.h"

namespace tcpdiag::report {
namespace {

namespace mark = model::mark;
using model::Role;
using std::chrono::microseconds;
using std::chrono::milliseconds;

Description of(const model::MarkBody& body, Role role = Role::kOutbound) {
  model::TraceStart start;
  start.reset_reasons[1] = "SK_RST_REASON_TCP_ABORT_ON_CLOSE";
  start.drop_reasons[12] = "NETFILTER_DROP";
  model::SocketStory story;
  story.socket.role = role;
  return describe(start, story, {samples::at(1), body});
}

std::string json_of(const Description& what) { return detail_json(what.details).dump(); }

TEST(Describe, a_retransmission_tells_why_how_much_and_how_late) {
  const Description what = of(
      mark::Retransmit{.kind = model::RetransmitKind::kRto, .segments = 3, .bound_us = 40, .delay = milliseconds(210)});
  EXPECT_EQ(what.kind, "retransmit");
  EXPECT_EQ(what.way, Way::kOut);
  EXPECT_TRUE(what.is_bad);
  EXPECT_EQ(what.words,
            "sent again after a timeout (RTO), 3 segments, 210 ms (or up to 40 us more) after the first time");
  EXPECT_EQ(json_of(what), R"({"bound_us":40,"delay_us":210000,"kind":"rto","segments":3})");
  EXPECT_EQ(detail_words(what.details), "210 ms after the first, rto, 3 segments");
}

TEST(Describe, one_that_failed_never_left_this_host) {
  const Description busy = of(mark::Retransmit{model::RetransmitKind::kFast, true, 1, -EBUSY});
  EXPECT_EQ(busy.kind, "retransmit_failed");
  EXPECT_EQ(busy.way, Way::kHere);
  EXPECT_EQ(busy.words, "could not be sent again after duplicate ACKs (fast), 1 segment: EBUSY");
  EXPECT_EQ(json_of(busy), R"({"errno":16,"kind":"fast","segments":1})");
  EXPECT_EQ(json_of(of(mark::Retransmit{.error = 2})), R"({"kind":"other","qdisc_code":2,"segments":1})");
}

TEST(Describe, a_drop_tells_why_and_which_way) {
  const Description syn = of(mark::Dropped{.is_syn = true, .reason = 12});
  EXPECT_EQ(syn.kind, "dropped");
  EXPECT_EQ(syn.way, Way::kHere);
  EXPECT_TRUE(syn.is_bad);
  EXPECT_EQ(syn.words, "dropped by this host: NETFILTER_DROP (on its way out, SYN)");
  EXPECT_EQ(json_of(syn), R"({"direction":"out","flag":"syn","reason":"NETFILTER_DROP","segments":1})");
  const Description data = of(mark::Dropped{.incoming = true, .reason = 99, .segments = 2, .bytes = 2896});
  EXPECT_EQ(data.words, "dropped by this host: reason_99 (received, 2896 B)");
  EXPECT_EQ(json_of(data), R"({"bytes":2896,"direction":"in","reason":"reason_99","segments":2})");
  EXPECT_EQ(of(mark::Dropped{.reason = 12}).words, "dropped by this host: NETFILTER_DROP (on its way out, ACK)");
}

TEST(Describe, a_request_and_its_answer_go_the_other_way_on_a_server) {
  for (const auto& [role, asks, answers] :
       {std::tuple(Role::kOutbound, Way::kOut, Way::kIn), std::tuple(Role::kInbound, Way::kIn, Way::kOut)}) {
    EXPECT_EQ(of(mark::Request{512}, role).way, asks);
    EXPECT_EQ(of(mark::RequestAcked{}, role).way, answers);
    EXPECT_EQ(of(mark::SlowAnswer{}, role).way, answers);
  }
  EXPECT_EQ(of(mark::Request{}).words, "request");
  EXPECT_EQ(json_of(of(mark::Request{})), "{}") << "its size is not known";
}

TEST(Describe, a_reset_of_ours_has_the_kernels_reason_by_name) {
  const mark::ResetSent sent{model::Phase::kAfterLocalFin, model::LocalResetCause::kAppClosedUnread, 1};
  EXPECT_EQ(json_of(of(sent)),
            R"({"cause":"app_closed_unread","phase":"after_local_fin","reason":"TCP_ABORT_ON_CLOSE"})");
  EXPECT_THAT(of(sent).words, ::testing::EndsWith(", phase after local fin, the kernel's reason TCP_ABORT_ON_CLOSE"));
  EXPECT_EQ(json_of(of(mark::ResetSent{})), R"({"cause":"unknown","phase":"established"})");
}

TEST(Describe, an_event_says_what_its_mark_says_and_more) {
  model::Event event;
  event.at = samples::at(2);
  event.flow.outstanding = true;
  event.flow.request_first_at = samples::at(1);
  event.body = model::ResetReceived{};
  const Description what = describe(model::TraceStart{}, event);
  const Description alone = of(mark::ResetReceived{});
  EXPECT_EQ(what.kind, alone.kind);
  EXPECT_EQ(what.words, alone.words);
  EXPECT_EQ(json_of(what), R"({"phase":"established","wait_us":1000000})");

  event.body = model::Retransmitted{.is_syn = true, .first_sent_at = samples::at(1)};
  const Description syn = describe(model::TraceStart{}, event);
  EXPECT_EQ(syn.kind, mark::SynRetransmit::kName);
  EXPECT_EQ(syn.words, of(mark::SynRetransmit{.delay = milliseconds(1000)}).words);
}

TEST(Describe, what_is_not_known_is_left_out) {
  EXPECT_EQ(json_of(of(mark::Connect{})), "{}");
  EXPECT_EQ(json_of(of(mark::Connect{microseconds(41)})), R"({"syn_after_us":41})");
  EXPECT_EQ(of(mark::Established{}).words, "SYN-ACK: established");
  EXPECT_EQ(of(mark::SynRetransmit{}).words, "SYN again");
  EXPECT_EQ(json_of(of(mark::Closed{})), "{}");
}

}  // namespace
}  // namespace tcpdiag::report
