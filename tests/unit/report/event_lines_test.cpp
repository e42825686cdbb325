// SPDX-License-Identifier: Apache-2.0
#include "report/event_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "report/json.h"
#include "report/render.h"
#include "unit/report/golden.h"
#include "unit/report/samples.h"
#include "unit/report/samples_parts.h"
#include "util/escape.h"

namespace tcpdiag::report {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;
using model::TcpState;
using samples::address;
using samples::at;

const std::string kEvil = "\x1b]0;owned\x07\xff\xe2\x80\xae|`@me\n";

model::TraceStart trace_start() {
  model::TraceStart start = samples::api_resets().picture.start;
  start.reset_reasons = {{11, "SK_RST_REASON_TCP_ABORT_ON_CLOSE"}};
  return start;
}

// A call that waits for its answer since second 60.
model::Event outbound(double seconds, model::EventBody body) {
  model::Event event;
  event.at = at(seconds);
  event.socket.id = {1ULL << 60};
  event.socket.cookie = (1ULL << 60) + 1;
  event.socket.role = model::Role::kOutbound;
  event.socket.local = address("10.0.0.5", 40112);
  event.socket.remote = address("203.0.113.40", 443);
  event.socket.netns_inode = 4026531840;
  event.flow.state = TcpState::kEstablished;
  event.flow.syn_at = at(50);
  event.flow.outstanding = true;
  event.flow.request_first_at = at(60);
  event.flow.last_sent_at = at(61);
  event.flow.last_received_at = at(55);
  model::Owner owner;
  owner.pid = 811;
  owner.tid = 812;
  owner.comm = "ruby";
  owner.cgroup_id = (1ULL << 55) + 1;
  owner.source = model::OwnerSource::kOwner;
  event.owner = owner;
  event.body = std::move(body);
  return event;
}

model::Event inbound(double seconds, model::EventBody body) {
  model::Event event = outbound(seconds, std::move(body));
  event.socket.role = model::Role::kInbound;
  event.socket.local = address("2001:db8::1", 3000);
  event.socket.remote = address("2001:db8::2", 61000);
  event.owner.reset();
  return event;
}

model::Retransmitted retransmitted(std::uint8_t ca_state, std::uint8_t timer, int error) {
  model::Retransmitted again;
  again.ca_state = ca_state;
  again.timer_pending = timer;
  again.error = error;
  again.segments = 3;
  again.first_sent_at = at(61);
  again.first_sent_bound = samples::s(0.000'040);
  return again;
}

// Every body, and within them every branch.
std::vector<model::Event> events() {
  model::StateChanged refused{.from = TcpState::kSynSent, .to = TcpState::kClose, .socket_error = ECONNREFUSED};
  model::Retransmitted syn = retransmitted(0, 1, 0);
  syn.is_syn = true;
  syn.segments = 1;
  syn.first_sent_at.reset();
  syn.first_sent_bound = {};
  model::ResetSent closed_unread;
  closed_unread.reason = 11;
  closed_unread.previous_state = TcpState::kEstablished;
  model::ResetSent no_socket;
  no_socket.reason = 99;
  no_socket.answers_packet = true;
  model::Event stray = outbound(91, no_socket);
  stray.socket = {};
  stray.socket.local = address("10.0.0.5", 8080);
  stray.socket.remote = address("10.0.0.9", 5555);
  stray.flow = {};
  stray.owner.reset();
  model::Event after_close = outbound(90, closed_unread);
  after_close.flow.state = TcpState::kClose;
  model::Event hostile = outbound(92, model::OwnerSeen{});
  hostile.owner->comm = kEvil;
  hostile.owner->pid = 4194304;
  model::Event connect = outbound(-1.5, model::ConnectStarted{});
  connect.socket.cookie.reset();
  connect.socket.local.port = 0;
  connect.flow = {};
  model::Event slow = inbound(75, model::SlowAnswer{});
  slow.flow.calls_since_read = 0;
  return {
      connect,
      outbound(50.5, model::Established{}),
      inbound(51, model::Established{}),
      outbound(52, refused),
      outbound(62, syn),
      outbound(63, retransmitted(4, 0, 0)),
      outbound(64, retransmitted(3, 0, 0)),
      outbound(65, retransmitted(0, 5, -EBUSY)),
      outbound(66, retransmitted(0, 1, 2)),
      inbound(67, model::SynAckRetransmitted{at(66)}),
      inbound(70, model::StateChanged{.from = TcpState::kEstablished, .to = TcpState::kCloseWait}),
      outbound(71, model::StateChanged{.from = TcpState::kEstablished,
                                       .to = TcpState::kFinWait1,
                                       .by_application = true,
                                       .process_exiting = true}),
      outbound(72, model::StateChanged{.from = TcpState::kFinWait1, .to = TcpState::kFinWait2}),
      outbound(73, model::ErrorReported{ETIMEDOUT, EHOSTUNREACH}),
      slow,
      outbound(89.998, model::ResetReceived{}),
      after_close,
      stray,
      hostile,
      outbound(93, model::Destroyed{}),
  };
}

std::string all_lines() {
  const model::TraceStart start = trace_start();
  std::string lines = ndjson_start_line(start);
  for (const model::Event& event : events()) lines += ndjson_event_line(start, event);
  return lines + ndjson_dropped_line(12'345) + ndjson_report_line(samples::hostile(), {});
}

Json json_of(const model::Event& event) { return Json::parse(ndjson_event_line(trace_start(), event)); }

TEST(NdJson, is_as_in_its_golden_file) { tcpdiag::testing::expect_golden("events/all.ndjson", all_lines()); }

TEST(NdJson, each_line_is_one_ascii_object) {
  const std::string lines = all_lines();
  EXPECT_TRUE(std::all_of(lines.begin(), lines.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }));
  EXPECT_EQ(static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')), events().size() + 3);
}

TEST(NdJson, the_first_line_tells_the_clock_the_filters_and_the_recording) {
  const Json start = Json::parse(ndjson_start_line(trace_start()));
  EXPECT_EQ(start["schema"], "tcpdiag.event/1");
  EXPECT_EQ(start["type"], "start");
  EXPECT_EQ(start["start_at"], "2026-11-21T02:31:07.004Z");
  EXPECT_EQ(start["filters"]["remote_port"], Json::array({443}));
  EXPECT_EQ(start["recording_id"], "6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b");
  EXPECT_EQ(start["host"]["hostname"], "web-2");
}

TEST(NdJson, an_event_tells_when_what_whose) {
  const Json line = json_of(outbound(89.998, model::ResetReceived{}));
  EXPECT_EQ(line["type"], "event");
  EXPECT_EQ(line["offset_us"], 89'998'000);
  EXPECT_EQ(line["at"], "2026-11-21T02:32:37.002Z");
  EXPECT_EQ(line["kind"], "reset_received");
  EXPECT_EQ(line["socket"]["cookie"], "1152921504606846977");
  EXPECT_EQ(line["socket"]["remote"], Json::parse(R"({"address": "203.0.113.40", "port": 443})"));
  EXPECT_EQ(line["process"]["pid"], 811);
  EXPECT_EQ(line["process"]["cgroup_id"], "36028797018963969");
  EXPECT_EQ(line["detail"], Json::parse(R"({"phase": "established", "wait_us": 29998000, "idle_us": 28998000})"));
}

TEST(NdJson, what_is_not_known_is_null) {
  const Json line = json_of(events().front());
  EXPECT_TRUE(line["socket"]["cookie"].is_null());
  EXPECT_EQ(line["offset_us"], -1'500'000);
  EXPECT_TRUE(json_of(inbound(1, model::Destroyed{}))["process"].is_null());
}

TEST(NdJson, kinds_are_those_of_a_timeline_where_they_are_the_same_thing) {
  std::vector<std::string> kinds;
  for (const model::Event& event : events()) kinds.push_back(json_of(event)["kind"]);
  EXPECT_THAT(kinds, ::testing::ElementsAre(
                         "connect", "established", "accepted", "closed", "syn_retransmit", "retransmit", "retransmit",
                         "retransmit_failed", "retransmit", "synack_retransmit", "fin_received", "fin_sent", "state",
                         "error", "slow_answer", "reset_received", "reset_sent", "reset_sent", "owner", "destroyed"));
}

TEST(NdJson, a_reset_of_ours_tells_its_cause) {
  const Json ours = json_of(events()[16])["detail"];
  EXPECT_EQ(ours["cause"], "app_closed_unread");
  EXPECT_EQ(ours["reason"], "TCP_ABORT_ON_CLOSE");
  EXPECT_EQ(ours["phase"], "established");
  const Json stray = json_of(events()[17])["detail"];
  EXPECT_EQ(stray["phase"], "no_socket");
  EXPECT_EQ(stray["reason"], "reason_99");
}

TEST(NdJson, a_retransmission_tells_its_kind_and_why_it_failed) {
  EXPECT_EQ(json_of(events()[5])["detail"]["kind"], "rto");
  EXPECT_EQ(json_of(events()[6])["detail"]["kind"], "fast");
  EXPECT_EQ(json_of(events()[7])["detail"]["errno"], EBUSY);
  EXPECT_EQ(json_of(events()[8])["detail"]["qdisc_code"], 2);
}

TEST(NdJson, the_report_line_holds_what_the_json_report_does) {
  for (const char* name : samples::kNames) {
    const model::Report report = samples::by_name(name);
    const std::string line = ndjson_report_line(report, {5});
    EXPECT_EQ(line.find('\n'), line.size() - 1) << name;
    const Json parsed = Json::parse(line);
    EXPECT_EQ(parsed["type"], "report");
    EXPECT_EQ(parsed["report"], Json::parse(render_json(report, {5}))) << name;
  }
}

TEST(EventText, is_as_in_its_golden_file) {
  std::string text;
  for (const model::Event& event : events()) text += event_text(trace_start(), event) + '\n';
  tcpdiag::testing::expect_golden("events/all.txt", text);
}

TEST(EventText, tells_who_lost_what_after_how_long) {
  EXPECT_EQ(event_text(trace_start(), outbound(89.998, model::ResetReceived{})),
            "02:32:37.002 reset-received 10.0.0.5:40112 > 203.0.113.40:443 ruby[811] established, waited 30.0 s, idle "
            "29.0 s");
}

TEST(EventText, fits_its_line_with_the_remote_address_and_the_local_port_whole) {
  const std::string longest = "2001:db8:1234:5678:9abc:def0:1234:5678";
  for (model::Event event : events()) {
    event.socket.local = address(longest.c_str(), 65535);
    event.socket.remote = address(longest.c_str(), 61234);
    event.owner.emplace();
    event.owner->comm = kEvil + kEvil;
    event.owner->pid = 4194304;
    const std::string line = event_text(trace_start(), event);
    EXPECT_LE(columns(line), 120U) << line;
    EXPECT_EQ(escape_terminal(line), line);
    EXPECT_THAT(line, HasSubstr(":65535 "));
    EXPECT_THAT(line, HasSubstr("[" + longest + "]:61234 "));
  }
}

TEST(OffsetUs, rounds_down_on_both_sides) {
  using namespace std::chrono_literals;
  EXPECT_EQ(offset_us(model::MonoTime(10us), model::MonoTime(11'500ns)), 1);
  EXPECT_EQ(offset_us(model::MonoTime(10us), model::MonoTime(8'500ns)), -2);
}

}  // namespace
}  // namespace tcpdiag::report
