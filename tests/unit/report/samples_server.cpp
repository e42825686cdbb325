// SPDX-License-Identifier: Apache-2.0
// Reports about this host as a server: what never reached the application, and what waited inside it.
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "unit/report/samples.h"
#include "unit/report/samples_parts.h"

namespace tcpdiag::report::samples {
namespace {

using model::Finding;
using model::Report;
using model::SocketStory;

constexpr std::uint32_t kNetns = 4026531840;

Finding listen_overflow() {
  Finding f;
  f.code = "listen-overflow";
  f.severity = model::Severity::kCritical;
  f.confidence = model::Confidence::kHigh;
  f.endpoint = 0;
  f.first_at = at(11);
  f.last_at = at(17);
  f.count = 57;
  f.title = "57 connections were turned away: the accept queue of port 3000 was full";
  f.explanation = "The accept queue of 10.0.0.1:3000 was full: this host turned 57 connections away.";
  f.evidence = {{"listen_overflows_delta", n(57)},
                {"listen_drops_delta", n(60)},
                {"local_port", n(3000)},
                {"ack_backlog_max", n(129)},
                {"backlog_limit", n(128)},
                {"somaxconn", n(4096)},
                {"comm", "puma"}};
  f.next_steps = {
      {"raise the argument of listen() and net.core.somaxconn, both", "sysctl net.core.somaxconn", model::Whose::kUs}};
  f.disproved_by = "the counter does not move while clients report timeouts.";
  return f;
}

Finding no_outbound_attempt() {
  Finding f;
  f.code = "no-outbound-attempt";
  f.severity = model::Severity::kWarning;
  f.confidence = model::Confidence::kMedium;
  f.endpoint = 0;
  f.sockets = {0, 1};
  f.first_at = at(20);
  f.last_at = at(60);
  f.count = 4;
  f.ongoing = true;
  f.title = "4 requests waited while their thread called nobody";
  f.explanation = "4 requests waited 5 s or more for puma, and the thread that had read them began no call meanwhile.";
  f.evidence = {{"count", n(4)},      {"with_call_count", n(1)}, {"unknown_count", n(1)}, {"wait_p50_s", 20.0},
                {"wait_max_s", 38.5}, {"ongoing_count", n(2)},   {"comm", "puma"}};
  f.next_steps = {{"is it DNS", "tcpdump -ni any 'udp port 53'", model::Whose::kUs}};
  f.disproved_by = "these requests are held open on purpose: long polling.";
  return f;
}

SocketStory waiting_client(std::uint16_t port, double asked_s) {
  SocketStory story;
  story.socket.id = {port};
  story.socket.cookie = port;
  story.socket.role = model::Role::kInbound;
  story.socket.role_source = model::RoleSource::kAccept;
  story.socket.local = address("10.0.0.1", 3000);
  story.socket.remote = address("198.51.100.7", port);
  story.socket.netns_inode = kNetns;
  model::Owner owner;
  owner.pid = 77;
  owner.tid = 78;
  owner.comm = "puma";
  owner.source = model::OwnerSource::kReader;
  owner.shared = true;
  story.owner = owner;
  story.opened_at = story.first_seen_at = at(asked_s - 0.001);
  story.exchange_pending = true;
  story.pending_wait = s(60.403 - asked_s);
  story.no_call_wait = story.pending_wait;
  story.bytes_received = 420;
  story.timeline = {{at(asked_s - 0.001), model::mark::Accepted{}},
                    {at(asked_s), model::mark::Request{420}},
                    {at(asked_s + 1),
                     model::mark::Retransmit{.kind = model::RetransmitKind::kRto, .bound_us = 40, .delay = s(0.21)}}};
  return story;
}

Finding allowance_exceeded() {
  Finding f;
  f.code = "allowance-exceeded";
  f.severity = model::Severity::kCritical;
  f.confidence = model::Confidence::kHigh;
  f.device = "ens5";
  f.first_at = at(3);
  f.last_at = at(60);
  f.count = 24'011;
  f.title = "ens5 sent more than its allowance: 24011 packets queued or dropped";
  f.explanation = "ens5 sent more than this instance is allowed to: 24011 packets were queued or dropped.";
  f.evidence = {{"device", "ens5"},           {"limit", "bw_out"},
                {"delta_packets", n(24'011)}, {"seconds_with_delta", n(57)},
                {"max_per_s", n(512)},        {"conntrack_available_min", n(120)},
                {"pattern", "sustained"},     {"driver_reset", n(1)}};
  f.next_steps = {{"smaller responses, or a larger instance", "", model::Whose::kUs}};
  f.disproved_by = "the counter does not move in the seconds of the delay.";
  return f;
}

Finding queueing_behind_the_card() {
  Finding f;
  f.code = "path-queueing";
  f.severity = model::Severity::kWarning;
  f.confidence = model::Confidence::kHigh;
  f.endpoint = 0;
  f.caused_by = {0};
  f.first_at = at(3);
  f.last_at = at(60);
  f.count = 57;
  f.title = "segments to the clients of 10.0.0.1:6379 wait 186 ms on the path";
  f.explanation = f.title;
  f.evidence = {{"path_queue_p50_us", n(186'000)}};
  return f;
}

}  // namespace

Report busy_server() {
  Report report = base();
  model::Picture& picture = report.picture;
  report.verdict = model::Verdict::kCauseFound;
  picture.window.end = at(60.403);
  picture.window.ended_by = model::EndedBy::kDuration;
  picture.cost = {0.3, 0.15, 0.1, 24'000'000, 310'000};
  picture.start.command = {"tcpdiag", "trace", "--comm", "puma", "--cgroup", "/system.slice/puma.service",
                           "not",     "port",  "22"};
  picture.start.filters.remote_ports = {};
  picture.start.filters.comms = {"puma"};
  picture.start.filters.pids = {77};
  picture.start.filters.children = true;
  picture.start.filters.cgroups = {{"/system.slice/puma.service", 4711, {}}};
  picture.start.filters.expression = model::Expression{"not port 22", {}};
  model::EndpointPicture e = endpoint(model::Role::kInbound, address("10.0.0.1", 3000));
  e.totals.sockets_seen = 900;
  e.totals.exchanges = 894;
  e.totals.exchanges_pending = 2;
  e.totals.bytes_sent = 9'000'000;
  e.totals.bytes_received = 400'000;
  e.totals.retransmits = {0, 6, 1, 0, 0, 0};
  e.totals.retransmitted_segments = 7;
  e.histograms[model::Measure::kFirstByte] = histogram({{40'000, 890}, {9'000'000, 4}});
  e.histograms[model::Measure::kReadWait] = histogram({{30, 894}});
  e.histograms[model::Measure::kRecovery] = histogram({{200'000, 1}});
  e.histograms[model::Measure::kRetransmitRto] = histogram({{210'000, 1}});
  e.histograms[model::Measure::kRetransmitSynAck] = histogram({{1'000'000, 4}, {3'000'000, 2}});
  e.slow_answers = {4, 1, 1, histogram({{9'000'000, 2}, {20'000'000, 1}, {38'500'000, 1}}), at(20), at(60.403), 2};
  e.processes = {{"puma", "/system.slice/puma.service", {77, 78}, 900, 9'000'000, 400'000, 894}};
  picture.endpoints = {e};
  picture.totals = e.totals;
  picture.totals.listen_overflows = 57;
  picture.totals.listen_drops = 60;
  model::NetnsPicture space = netns(kNetns, {{"RetransSegs", 10}, {"ListenOverflows", 57}, {"ListenDrops", 60}});
  space.counters.erase("TCPReqQFullDoCookies");  // a kernel without it
  space.full_listeners = {{address("0.0.0.0", 3000), 129, 128, 7, at(11), at(17)},
                          {address("::", 9292), 6, 5, 1, at(30), at(30)}};
  picture.netns = {space};
  picture.sockets = {waiting_client(50'001, 21.9), waiting_client(50'002, 40)};
  report.findings = {listen_overflow(), no_outbound_attempt()};
  report.summary = report.findings[0].explanation;
  return described(std::move(report));
}

Report throttled_node() {
  Report report = base();
  model::Picture& picture = report.picture;
  report.verdict = model::Verdict::kCauseFound;
  picture.window.end = at(60.403);
  picture.cost = {0.3, 0.15, 0.1, 24'000'000, 310'000};
  picture.start.command = {"tcpdiag", "trace", "-L", "6379"};
  picture.start.filters.remote_ports = {};
  picture.start.filters.local_ports = {6379};
  picture.start.host.instance_type = "t4g.micro";
  picture.start.host.instance_type_source = "dmi";
  picture.start.netns[0].sysctls.rto_min_us = 200'000;
  picture.start.netns[0].sysctls.rto_max_ms = 120'000;
  model::EndpointPicture e = endpoint(model::Role::kInbound, address("10.0.0.1", 6379));
  e.totals.sockets_seen = 40'100;
  e.totals.sockets_open_peak = 40'012;
  e.totals.sockets_open_at_end = 39'990;
  e.totals.exchanges = 14'078;
  e.totals.bytes_sent = 461'420'000;
  e.totals.bytes_received = 506'808;
  e.histograms[model::Measure::kFirstByte] = histogram({{40, 14'000}, {90, 78}});
  e.processes = {{"redis-server", "/system.slice/redis.service", {77}, 40'000, 461'000'000, 506'000, 14'070, 39'989},
                 {"redis-server", "/system.slice/redis-2.service", {78}, 90, 400'000, 700, 6, 1},
                 {"socat", "/user.slice", {900}, 5, 10'000, 50, 1, 0},
                 {"socat-2", "", {901}, 2, 5'000, 25, 1, 0},
                 {"socat-3", "", {}, 1, 2'000, 10, 0, 0},
                 {"socat-4", "", {903}, 1, 1'000, 10, 0, 0},
                 {"others", "", {}, 1, 2'000, 13, 0, 0}};
  picture.endpoints = {e};
  picture.totals = e.totals;
  picture.nics = {
      nic("docker0", "bridge", {}),
      nic("ens5", "ena", {{"bw_in", 0}, {"bw_out", 24'011}, {"pps", 0}, {"conntrack", 2}, {"linklocal", 0}})};
  model::NicPicture& ens5 = picture.nics[1];
  ens5.driver_reset = true;
  ens5.conntrack_available_min = 120;
  ens5.limits[1].seconds_with_delta = 57;
  ens5.limits[1].max_per_s = 512;
  ens5.limits[1].first_at = at(3);
  ens5.limits[1].last_at = at(60);
  report.findings = {allowance_exceeded(), queueing_behind_the_card()};
  report.summary = report.findings[0].explanation;
  return described(std::move(report));
}

}  // namespace tcpdiag::report::samples
