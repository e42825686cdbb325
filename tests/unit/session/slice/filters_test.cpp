// SPDX-License-Identifier: Apache-2.0
// Which sockets are left, and what is left of what belongs to no single one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/session/slice/view_builder.h"

namespace tcpdiag::session {
namespace {

using namespace session::testing;
using correlate::testing::owner;
using correlate::testing::remote_endpoint;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint32_t kBlue = 4026532001;

// 1: ruby to 443; 2: python in a cgroup to 6379; 3: inbound, read by ruby late; 4: IPv6 in another namespace; 5:
// nobody's.
Trace mixed() {
  model::TraceStart start = correlate::testing::trace_start();
  start.netns = {{.inode = kNetns, .name = ""}, {.inode = kBlue, .name = "blue"}};
  Trace trace(start);
  trace.process(811, "/system.slice/puma.service");
  trace.process(900, "/system.slice/puma.service/worker");
  trace.process(901, "/system.slice/puma.service2");

  Conversation ruby = trace.outbound(1);
  ruby.open(10);
  ruby.exchange(20);
  Conversation python = trace.outbound(2, 6379);
  python.who = owner(900, "python");
  python.ref.remote.address = *model::Address::parse("10.1.0.9");
  python.open(30);
  Conversation served = trace.inbound(3);
  served.open(40);
  served.who = owner(811, "ruby", model::OwnerSource::kReader);
  served.emit(50, model::OwnerSeen{});
  Conversation blue = trace.outbound(4);
  blue.ref.netns_inode = kBlue;
  blue.who = owner(901, "curl");
  blue.ref.local.address = *model::Address::parse("fd00::1");
  blue.ref.remote.address = *model::Address::parse("2001:db8::2");
  blue.open(60);
  Conversation nobody = trace.inbound(5);
  nobody.open(70);
  trace.end(1000);
  return trace;
}

std::set<std::uint64_t> left_by(const model::Filters& filters) {
  Trace trace = mixed();
  return sockets_in(sliced(trace, {.filters = filters}));
}

TEST(Filters, NothingAskedForChangesNothing) {
  Trace trace = mixed();
  Stream out = sliced(trace, {});
  EXPECT_EQ(out.records.size(), trace.records.size());
  EXPECT_EQ(tcpdiag::testing::json_of(out), tcpdiag::testing::json_of(trace));
}

TEST(Filters, LeaveTheSocketsThatMatch) {
  const auto blocks = [](const char* text) { return std::vector{*model::Cidr::parse(text)}; };
  EXPECT_THAT(left_by({.pids = {811}}), UnorderedElementsAre(1, 3));
  EXPECT_THAT(left_by({.pids = {900, 901}}), UnorderedElementsAre(2, 4));
  EXPECT_THAT(left_by({.comms = {"python", "curl"}}), UnorderedElementsAre(2, 4));
  EXPECT_THAT(left_by({.local_ports = {8080}}), UnorderedElementsAre(3, 5));
  EXPECT_THAT(left_by({.local_ports = {40001}}), UnorderedElementsAre(1));
  EXPECT_THAT(left_by({.remote_ports = {443}}), UnorderedElementsAre(1, 4));
  EXPECT_THAT(left_by({.local = blocks("fd00::/8")}), UnorderedElementsAre(4));
  EXPECT_THAT(left_by({.remote = blocks("10.1.0.0/16")}), UnorderedElementsAre(2));
  EXPECT_THAT(left_by({.families = {6}}), UnorderedElementsAre(4));
  EXPECT_THAT(left_by({.role = Role::kInbound}), UnorderedElementsAre(3, 5));
  EXPECT_THAT(left_by({.expression = *model::parse_expression("port 6379 or src port 40001")}),
              UnorderedElementsAre(1, 2));
  EXPECT_THAT(left_by({.expression = *model::parse_expression("not net 10.0.0.0/8")}), UnorderedElementsAre(4));
}

TEST(Filters, OfDifferentKindsMustAllHold) {
  EXPECT_THAT(left_by({.pids = {811}, .role = Role::kInbound}), UnorderedElementsAre(3));
  EXPECT_THAT(left_by({.pids = {900}, .comms = {"ruby"}}), IsEmpty());
}

TEST(Filters, FindNamespacesByInodeNameAndPath) {
  EXPECT_THAT(left_by({.netns_inodes = {kBlue}}), UnorderedElementsAre(4));
  for (const char* given : {"blue", "/run/netns/blue", "/var/run/netns/blue", "4026532001"}) {
    EXPECT_THAT(left_by({.netns_as_given = {given}}), UnorderedElementsAre(4)) << given;
  }
  EXPECT_THAT(left_by({.netns_as_given = {"blue", "4026531840"}}), UnorderedElementsAre(1, 2, 3, 4, 5));
}

TEST(Filters, NamespaceThatWasNotTracedIsAnError) {
  Trace trace = mixed();
  for (const char* given : {"green", "", "811", "/proc/811/ns/net"}) {
    EXPECT_THAT(refusal(trace, {.filters = {.netns_as_given = {given}}}), HasSubstr("4026532001 (blue)")) << given;
  }
  EXPECT_THAT(refusal(trace, {.filters = {.netns_inodes = {7}}}), HasSubstr("7 was not traced"));
}

TEST(Filters, CgroupsHoldWhatIsBelowThem) {
  const auto in = [](const char* path) { return left_by({.cgroups = {{.path = path}}}); };
  EXPECT_THAT(in("/system.slice/puma.service"), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(in("system.slice/puma.service/"), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(in("/sys/fs/cgroup/system.slice/puma.service"), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(in("/system.slice/puma.service/worker"), UnorderedElementsAre(2));
  EXPECT_THAT(in("/system.slice"), UnorderedElementsAre(1, 2, 3, 4));
  EXPECT_THAT(in("/"), UnorderedElementsAre(1, 2, 3, 4));
  EXPECT_THAT(in("/system"), IsEmpty());
  EXPECT_THAT(in("911"), UnorderedElementsAre(1, 2, 3));  // by id, with those below
  EXPECT_THAT(in("1000"), UnorderedElementsAre(2));
}

TEST(Filters, CgroupsThatTheTraceLookedUpNeedNoPath) {
  model::TraceStart start = correlate::testing::trace_start();
  start.filters.cgroups = {{.path = "/a", .id = 5, .below = {911}}};
  Trace trace(start);
  trace.outbound(1).open(10);  // owner's cgroup 911
  Conversation other = trace.outbound(2);
  other.who = owner(900, "x");
  other.open(20);
  trace.end(1000);
  EXPECT_THAT(sockets_in(sliced(trace, {.filters = {.cgroups = {{.path = "a"}}}})), UnorderedElementsAre(1));
}

TEST(Filters, DescendantsAreNotKnownAfterwards) {
  Trace trace = mixed();
  EXPECT_THAT(refusal(trace, {.filters = {.pids = {811}, .children = true}}), HasSubstr("record with --children"));
}

TEST(Filters, DescendantsThatTheTraceFollowedAreAllOfThem) {
  model::TraceStart start = correlate::testing::trace_start();
  start.filters.pids = {5};
  start.filters.children = true;
  Trace trace(start);
  trace.outbound(1).open(10);
  trace.end(1000);
  EXPECT_THAT(sockets_in(sliced(trace, {.filters = {.pids = {5}, .children = true}})), UnorderedElementsAre(1));
  EXPECT_THAT(refusal(trace, {.filters = {.pids = {6}, .children = true}}), HasSubstr("--children"));
}

// --- decided by all that is known ---

TEST(Filters, DecideByWhatIsLearntLate) {
  Trace trace;
  Conversation late = trace.inbound(1);
  late.ref.role = Role::kUnknown;
  late.open(10);
  late.ref.role = Role::kInbound;
  late.who = owner(811, "ruby", model::OwnerSource::kReader);
  late.emit(500, model::OwnerSeen{});
  trace.end(1000);
  const Stream out = sliced(trace, {.filters = {.comms = {"ruby"}, .role = Role::kInbound}});
  EXPECT_EQ(out.events().size(), trace.events().size());  // also those before it was known
}

TEST(Filters, LocalPortThatNeverCameDoesNotMatch) {
  Trace trace;
  Conversation stuck = trace.outbound(1);
  stuck.ref.local.port = 0;
  stuck.emit(10, model::ConnectStarted{});
  trace.end(1000);
  EXPECT_THAT(sockets_in(sliced(trace, {.filters = {.expression = *model::parse_expression("not port 22")}})),
              IsEmpty());
  EXPECT_THAT(sockets_in(sliced(trace, {.filters = {.expression = *model::parse_expression("dst port 443")}})),
              UnorderedElementsAre(1));
}

TEST(Filters, SecondConnectOfASocketIsAnotherConnection) {
  Trace trace;
  Conversation socket = trace.outbound(1, 80);
  socket.connect(10);
  socket.reset_received(11);
  socket.flow = {};
  socket.ref.remote.port = 443;
  socket.open(20);
  trace.end(1000);
  const Stream out = sliced(trace, {.filters = {.remote_ports = {443}}});
  for (const model::Event& event : out.events()) EXPECT_EQ(event.socket.remote.port, 443);
  EXPECT_EQ(out.events().size(), 2U);
  EXPECT_EQ(out.all<model::TraceEnd>()[0].sockets_filtered_out, 1U);
}

// --- what belongs to no connection ---

TEST(Filters, PacketsWithoutAConnectionHaveNoOwner) {
  Trace trace;
  model::Event stray{ms(10), {}, {}, {}, model::ResetSent{.answers_packet = true}};
  stray.socket.local = {*model::Address::parse("10.0.0.1"), 9999};
  stray.socket.remote = {*model::Address::parse("10.0.0.9"), 50001};
  stray.socket.netns_inode = kNetns;
  trace.on_event(stray);
  stray.body = model::SynAckRetransmitted{};
  stray.flow.state = model::TcpState::kListen;
  trace.on_event(stray);
  stray.body = model::Dropped{.incoming = true};
  stray.socket.role = Role::kInbound;
  trace.on_event(stray);
  trace.end(1000);
  const auto left = [&trace](const model::Filters& filters) {
    return sliced(trace, {.filters = filters}).events().size();
  };
  EXPECT_EQ(left({.local_ports = {9999}}), 3U);
  EXPECT_EQ(left({.local_ports = {9998}}), 0U);
  EXPECT_EQ(left({.comms = {"ruby"}}), 0U);
  EXPECT_EQ(left({.role = Role::kInbound}), 2U);  // the listener's
  EXPECT_EQ(left({.role = Role::kOutbound}), 0U);
}

TEST(Filters, KeepProcessesThatOwnWhatIsLeft) {
  Trace trace = mixed();
  const auto processes = sliced(trace, {.filters = {.remote_ports = {6379}}}).all<model::ProcessInfo>();
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0].pid, 900U);
}

TEST(Filters, KeepLookUpsOfTheWantedProcessesWithTheirAnswers) {
  model::TraceStart start = correlate::testing::trace_start();
  start.netns = {{.inode = kNetns}, {.inode = kBlue, .name = "blue"}};
  Trace trace(start);
  std::uint16_t id = 0;
  const auto ask = [&](double at, std::uint32_t inode, std::optional<model::Owner> owner) {
    model::DnsMessage message{.at = ms(at), .netns_inode = inode, .id = ++id, .first_sent_at = ms(at), .owner = owner};
    trace.on_sample(message);
    message.at = ms(at + 100);
    message.is_answer = true;
    message.owner.reset();
    trace.on_sample(message);
  };
  ask(10, kNetns, correlate::testing::owner(811, "ruby"));
  ask(20, kBlue, correlate::testing::owner(900, "curl"));
  ask(600, kNetns, std::nullopt);
  trace.end(1000);
  const auto left = [&trace](const model::View& view) { return sliced(trace, view).all<model::DnsMessage>(); };
  EXPECT_EQ(left({}).size(), 6U);
  EXPECT_EQ(left({.filters = {.remote_ports = {443}}}).size(), 6U) << "they are of no port";
  const auto of_ruby = left({.filters = {.comms = {"ruby"}}});
  ASSERT_EQ(of_ruby.size(), 2U);
  EXPECT_EQ(of_ruby[1].id, of_ruby[0].id);
  EXPECT_EQ(left({.filters = {.netns_as_given = {"blue"}}}).size(), 2U);
}

TEST(Filters, KeepCountersOfTheWantedNamespacesOnly) {
  model::TraceStart start = correlate::testing::trace_start();
  start.netns = {{.inode = kNetns}, {.inode = kBlue, .name = "blue"}};
  Trace trace(start);
  for (const std::uint32_t inode : {kNetns, kBlue}) {
    trace.on_sample(model::NetnsSample{.at = ms(10), .netns_inode = inode});
    trace.on_sample(model::NicSample{.at = ms(10), .device = "ens5", .netns_inode = inode});
  }
  trace.end(1000);
  const Stream blue = sliced(trace, {.filters = {.netns_as_given = {"blue"}}});
  ASSERT_EQ(blue.all<model::NetnsSample>().size(), 1U);
  EXPECT_EQ(blue.all<model::NetnsSample>()[0].netns_inode, kBlue);
  ASSERT_EQ(blue.all<model::NicSample>().size(), 1U);
  EXPECT_EQ(blue.all<model::NicSample>()[0].netns_inode, kBlue);
  EXPECT_EQ(blue.all<model::TraceStart>()[0].netns.size(), 1U);
  // They are of all sockets of a namespace, whatever else was asked for.
  EXPECT_EQ(sliced(trace, {.filters = {.comms = {"ruby"}}}).all<model::NetnsSample>().size(), 2U);
}

// --- counts of what was left out ---

TEST(Filters, CountWhatTheyLeaveOutBesideTheTraceItself) {
  Trace trace = mixed();
  EXPECT_EQ(sliced(trace, {.filters = {.pids = {811}}}).all<model::TraceEnd>()[0].sockets_filtered_out, 3U);
  auto& end = std::get<model::TraceEnd>(std::get<model::Sample>(trace.records.back()));
  end.sockets_filtered_out = 10;
  const auto reported = sliced(trace, {.filters = {.pids = {811}}}).all<model::TraceEnd>()[0];
  EXPECT_EQ(reported.sockets_filtered_out, 13U);
  EXPECT_THAT(reported.busiest_filtered_out, IsEmpty());
}

TEST(Filters, NameTheBusiestWhereNothingMatched) {
  Trace trace;
  for (std::uint64_t id = 1; id <= 7; ++id) {
    Conversation one = trace.outbound(id, static_cast<std::uint16_t>(1000 + id));
    one.open(10 * static_cast<double>(id));
    for (std::uint64_t i = 0; i < id; ++i) one.exchange(100 + 10 * static_cast<double>(i));
    one.close(500);
  }
  trace.end(1000);
  Stream out = sliced(trace, {.filters = {.remote_ports = {1}}});
  const auto end = out.all<model::TraceEnd>()[0];
  EXPECT_EQ(end.sockets_filtered_out, 7U);
  ASSERT_EQ(end.busiest_filtered_out.size(), 5U);
  EXPECT_EQ(end.busiest_filtered_out[0].key.at.port, 1007);
  EXPECT_EQ(end.busiest_filtered_out[0].sockets, 1U);
  EXPECT_EQ(end.busiest_filtered_out[0].bytes, 7 * 1100U);
  EXPECT_EQ(tcpdiag::testing::report_of(out).verdict, model::Verdict::kNothingMatched);
}

// --- sums of an endpoint ---

// Two processes call one endpoint, 3 and 2 exchanges; another one is ruby's alone.
Trace shared_endpoint() {
  Trace trace;
  Conversation ruby = trace.outbound(1);
  Conversation python = trace.outbound(2);
  python.who = owner(900, "python");
  Conversation own = trace.outbound(3, 6379);
  ruby.open(10);
  python.open(20);
  own.open(30);
  for (int i = 0; i < 3; ++i) ruby.exchange(100 + 10 * i);
  for (int i = 0; i < 2; ++i) python.exchange(200 + 10 * i);
  own.exchange(300);
  Sampled both;
  both.exchanges(5);
  both.add(model::Measure::kFirstByte, 1000, 5);
  both.send(trace, turn(1));
  Sampled single(6379);
  single.exchanges(1);
  single.add(model::Measure::kFirstByte, 1000, 1);
  single.send(trace, turn(1));
  for (const Conversation* one : {&ruby, &python, &own}) one->snapshot(trace, 990, model::SnapshotMoment::kEnd);
  trace.end(1000);
  return trace;
}

const model::EndpointPicture& endpoint_of(const model::Picture& picture, std::uint16_t port) {
  for (const auto& endpoint : picture.endpoints) {
    if (endpoint.key == remote_endpoint(port)) return endpoint;
  }
  ADD_FAILURE() << "no endpoint with port " << port;
  return picture.endpoints.front();
}

TEST(EndpointSums, AreKeptWhereAllSocketsMatch) {
  Trace trace = shared_endpoint();
  const Stream out = sliced(trace, {.filters = {.remote_ports = {443}}});
  ASSERT_EQ(out.all<model::EndpointSample>().size(), 1U);
  EXPECT_EQ(out.all<model::EndpointSample>()[0].exchanges, 5U);
  EXPECT_EQ(feature(out, "endpoint_aggregates"), nullptr);
}

TEST(EndpointSums, AreWithheldWhereSomeMatchAndThatIsSaid) {
  Trace trace = shared_endpoint();
  Stream out = sliced(trace, {.filters = {.comms = {"ruby"}}});
  const auto samples = out.all<model::EndpointSample>();
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].key.at.port, 6379);
  ASSERT_NE(feature(out, "endpoint_aggregates"), nullptr);
  EXPECT_FALSE(feature(out, "endpoint_aggregates")->available);
  EXPECT_THAT(feature(out, "endpoint_aggregates")->reason, HasSubstr("1 endpoint also"));
}

TEST(EndpointSums, ThatAreWithheldLeaveWhatTheSocketsTell) {
  Trace trace = shared_endpoint();
  Stream out = sliced(trace, {.filters = {.comms = {"ruby"}}});
  const model::Picture picture = tcpdiag::testing::picture_of(out);
  const model::EndpointPicture& shared = endpoint_of(picture, 443);
  EXPECT_EQ(shared.totals.sockets_seen, 1U);
  EXPECT_EQ(shared.totals.exchanges, 3U);
  EXPECT_EQ(shared.totals.bytes_sent, 300U);
  EXPECT_EQ(shared.totals.bytes_received, 3000U);
  ASSERT_EQ(shared.processes.size(), 1U);
  EXPECT_EQ(shared.processes[0].exchanges, 3U);
  EXPECT_FALSE(shared.histograms.contains(model::Measure::kFirstByte));
  EXPECT_FALSE(shared.series.arrays.contains(model::SeriesId::kExchanges));
  EXPECT_FALSE(shared.totals.zero_window_sent_us);
  EXPECT_EQ(endpoint_of(picture, 6379).histograms.at(model::Measure::kFirstByte).count(), 1U);
}

TEST(EndpointSums, AreDroppedWhereNoneMatches) {
  Trace trace = shared_endpoint();
  Stream out = sliced(trace, {.filters = {.remote_ports = {6379}}});
  ASSERT_EQ(out.all<model::EndpointSample>().size(), 1U);
  EXPECT_EQ(feature(out, "endpoint_aggregates"), nullptr);
  EXPECT_EQ(tcpdiag::testing::picture_of(out).endpoints.size(), 1U);
}

TEST(EndpointSums, CareForSocketsOfThePartOnly) {
  Trace trace;
  Conversation python = trace.outbound(2);
  python.who = owner(900, "python");
  python.open(10);
  python.close(100);
  python.gone(101);
  Conversation ruby = trace.outbound(1);
  ruby.open(2000);
  Sampled both;
  for (int n = 1; n <= 4; ++n) {
    both.exchanges(1);
    both.send(trace, turn(n));
  }
  trace.end(5000);
  model::View view = part_from(1000);
  view.filters.comms = {"ruby"};
  const Stream out = sliced(trace, view);
  ASSERT_EQ(out.all<model::EndpointSample>().size(), 3U);
  EXPECT_EQ(out.all<model::EndpointSample>()[2].exchanges, 3U);
  EXPECT_EQ(out.all<model::TraceEnd>()[0].sockets_filtered_out, 0U);
}

}  // namespace
}  // namespace tcpdiag::session
