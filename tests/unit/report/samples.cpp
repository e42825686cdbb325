// SPDX-License-Identifier: Apache-2.0
#include "unit/report/samples.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "unit/report/samples_parts.h"
#include "util/format.h"

namespace tcpdiag::report::samples {
namespace {

using model::ConnectOutcome;
using model::EndKind;
using model::Finding;
using model::Report;
using model::SocketStory;
namespace mark = model::mark;

constexpr auto kStart = model::MonoTime(std::chrono::hours(5));

model::Owner owner(std::uint32_t pid, std::string comm) {
  model::Owner out;
  out.pid = pid;
  out.tid = pid + 1;
  out.comm = std::move(comm);
  out.cgroup_id = 4711;
  out.source = model::OwnerSource::kOwner;
  return out;
}

SocketStory failed_exchange(std::uint16_t port, std::uint32_t pid, double ended_s, double waited_s) {
  SocketStory story;
  story.socket.id = {port};
  story.socket.cookie = (1ULL << 60) + port;
  story.socket.role = model::Role::kOutbound;
  story.socket.role_source = model::RoleSource::kConnect;
  story.socket.local = address("10.0.3.17", port);
  story.socket.remote = address("203.0.113.10", 443);
  story.socket.netns_inode = 4026531840;
  story.owner = owner(pid, "ruby");
  story.cgroup_path = "/system.slice/puma.service";
  story.opened_at = at(ended_s - waited_s - 2);
  story.first_seen_at = *story.opened_at;
  story.closed_at = at(ended_s);
  story.outcome = ConnectOutcome::kEstablished;
  story.ended_by = model::Terminator::kRemote;
  story.ended_with = model::EndedWith::kRst;
  story.app_gap = s(0.02);
  model::SocketEnd end;
  end.kind = EndKind::kResetReceived;
  end.at = at(ended_s);
  end.outstanding = true;
  end.age = s(waited_s + 2);
  end.idle = s(waited_s);
  end.wait = s(waited_s);
  end.request_acked = true;
  end.request_bytes = 1412;
  story.end = end;
  story.exchanges = 1;
  story.exchanges_failed = 1;
  story.bytes_sent = 2830;
  story.bytes_received = 5120;
  story.resets.received = 1;
  story.first_byte_max_us = 410'000;
  story.timeline = {{at(ended_s - waited_s - 2), mark::Connect{}},
                    {at(ended_s - waited_s), mark::Request{1412}},
                    {at(ended_s), mark::ResetReceived{model::Phase::kEstablished}}};
  return story;
}

SocketStory failed_connect(std::uint16_t port, std::uint32_t pid, double ended_s, double took_s) {
  SocketStory story = failed_exchange(port, pid, ended_s, 0);
  story.opened_at = at(ended_s - took_s);
  story.outcome = ConnectOutcome::kAbandoned;
  story.connect_took = s(took_s);
  story.syns_sent = 10;
  story.ended_by = model::Terminator::kLocal;
  story.ended_with = std::nullopt;
  story.end->kind = EndKind::kConnectFailed;
  story.end->phase = model::Phase::kSynSent;
  story.end->wait = std::nullopt;
  story.exchanges = story.exchanges_failed = 0;
  story.bytes_sent = story.bytes_received = 0;
  story.resets = {};
  story.first_byte_max_us = std::nullopt;
  story.timeline = {{*story.opened_at, mark::Connect{}},
                    {*story.opened_at + s(1), mark::SynRetransmit{}},
                    {at(ended_s), mark::Closed{}}};
  return story;
}

}  // namespace

Duration s(double seconds) { return Duration(static_cast<std::int64_t>(std::llround(seconds * 1e9))); }

model::SocketAddress address(const char* text, std::uint16_t port) { return {*model::Address::parse(text), port}; }

EvidenceValue n(std::int64_t value) { return value; }

model::EndpointPicture endpoint(model::Role role, model::SocketAddress where) {
  model::EndpointPicture out;
  out.key = {role, where, 4026531840};
  out.role_source = role == model::Role::kInbound ? model::RoleSource::kAccept : model::RoleSource::kConnect;
  out.first_seen_at = at(0.5);
  out.last_seen_at = at(2470);
  return out;
}

model::NetnsPicture netns(std::uint32_t inode, std::map<std::string, std::uint64_t> moved) {
  model::NetnsPicture out;
  out.inode = inode;
  for (const char* name : model::kKernelCounters) out.counters[name] = 0;
  for (const auto& [name, delta] : moved) out.counters[name] = delta;
  return out;
}

model::NicPicture nic(std::string device, std::string driver, std::map<std::string, std::uint64_t> exceeded) {
  model::NicPicture out;
  out.device = std::move(device);
  out.netns_inode = 4026531840;
  out.driver = std::move(driver);
  out.counters_supported = !exceeded.empty();
  if (out.counters_supported) out.driver_version = "2.13.0g";
  for (const char* name : model::kAllowances) {
    const auto found = exceeded.find(name);
    if (found == exceeded.end()) continue;
    model::AllowanceLimit limit;
    limit.limit = name;
    limit.delta = found->second;
    limit.per_second = {0, 0, found->second, 0};
    if (limit.delta > 0) {
      limit.seconds_with_delta = 1;
      limit.max_per_s = limit.max_per_minute = limit.delta;
      limit.first_at = at(1.5);
      limit.last_at = at(2.5);
    }
    out.limits.push_back(std::move(limit));
  }
  return out;
}

model::Histogram histogram(std::initializer_list<std::pair<std::uint64_t, int>> values) {
  model::Histogram out;
  for (const auto& [value, times] : values) {
    for (int i = 0; i < times; ++i) out.add(value);
  }
  return out;
}

Report base() {
  Report report;
  model::Picture& picture = report.picture;
  model::TraceStart& start = picture.start;
  start.clock = {kStart, model::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) + s(9067.004)};
  start.recording_id = "6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b";
  start.tool_version = "0.1.0";
  start.command = {"tcpdiag", "trace", "-D", "443"};
  start.filters.remote_ports = {443};
  start.filters.netns_inodes = {4026531840};
  start.host = {"web-2", "6.1.0-44-cloud-amd64", "x86_64", 9 * 3600, "JST", 2, std::nullopt, ""};
  start.netns = {{4026531840, "", true, true, 4096}};
  model::TcpSysctls& sysctls = start.netns[0].sysctls;
  sysctls.syn_retries = 6;
  sysctls.synack_retries = 5;
  sysctls.retries2 = 15;
  sysctls.fin_timeout_s = 60;
  sysctls.keepalive_time_s = 7200;
  sysctls.keepalive_intvl_s = 75;
  sysctls.keepalive_probes = 9;
  sysctls.syn_linear_timeouts = 4;
  sysctls.syncookies = 1;
  start.abilities = {{"reset_reasons", false, "this kernel (before 6.10) does not tell why it sent a RST"},
                     {"socket_cookie", true, ""}};
  picture.window = {at(0), at(2472.876), model::EndedBy::kSignal, false};
  picture.cost = {1.25, 2.5, 1.5, 24'000'000, 310'000};
  picture.events_seen = 50'000;
  picture.sockets_filtered_out = 212;
  report.not_visible = {"dns", "tls_inside", "peer_nic_counters"};
  return report;
}

Finding awaiting_response() {
  Finding f;
  f.code = "peer-reset-awaiting-response";
  f.severity = model::Severity::kCritical;
  f.confidence = model::Confidence::kHigh;
  f.endpoint = 0;
  f.first_at = at(163.114);
  f.last_at = at(2395.767);
  f.count = 12;
  f.share_pct = 0.9992;
  f.title = "203.0.113.10:443 reset 12 connections 30.0 s after the request";
  f.explanation =
      "203.0.113.10:443 reset 12 connections 30.0 s after a request that it had acknowledged in full, with no byte of "
      "a response: the API or a proxy of it. 12 of 12 waits lie within 40 ms of each other: a timer, not load.";
  f.evidence = {{"reset_count", n(12)},
                {"exchange_count", n(1201)},
                {"share_pct", 0.9992},
                {"wait_p50_s", 30.0},
                {"wait_min_s", 29.99},
                {"wait_max_s", 30.03},
                {"request_acked_count", n(12)},
                {"request_retransmits", n(0)},
                {"response_bytes_before_reset_max", n(0)},
                {"rtt_during_wait_p50_us", n(800)},
                {"since_inbound_request_p50_s", std::monostate{}},
                {"timer_candidates",
                 std::vector<model::TimerCandidate>{{"HAProxy \"timeout server\"", 30, "example_only", 0.0, "request"},
                                                    {"gunicorn --timeout", 30, "doc_default", 0.0, "request"}}},
                {"sockets", std::vector<std::string>{}}};
  f.impact = {12, 0, 0, 0.9992};
  f.app_messages = {"\"Connection reset by peer\" (Ruby: Faraday::ConnectionFailed, Errno::ECONNRESET)",
                    "\"Connection reset by peer\" (errno: ECONNRESET)"};
  f.next_steps = {{"give the API's owner the times and local ports of these connections", "", model::Whose::kPeer},
                  {"capture the next one: a RST whose TTL differs from the SYN-ACK's comes from in between",
                   "tcpdump -nvi any 'host 203.0.113.10 and port 443 and tcp[tcpflags] & (tcp-rst|tcp-syn) != 0'",
                   model::Whose::kUs}};
  f.disproved_by = "their log shows a response sent, or no request, at these times.";
  return f;
}

Finding connect_timeout() {
  Finding f;
  f.code = "connect-timeout";
  f.severity = model::Severity::kCritical;
  f.confidence = model::Confidence::kMedium;
  f.confidence_reasons = {"All three were tried by one process."};
  f.endpoint = 0;
  f.first_at = at(545.386);
  f.last_at = at(1897.011);
  f.count = 3;
  f.share_pct = 0.9677;
  f.title = "3 connects to 203.0.113.10:443 got no answer";
  f.explanation = "3 connects got no answer at all; ruby gave up after 60.0 s.";
  f.evidence = {{"timed_out_count", n(0)},
                {"abandoned_count", n(3)},
                {"ongoing_count", n(0)},
                {"connect_count", n(310)},
                {"syns_sent_p50_count", n(10)},
                {"gave_up_after_p50_s", 60.0},
                {"icmp_errors", n(0)},
                {"other_connects_ok_same_endpoint", n(307)},
                {"conntrack_allowance_delta", std::monostate{}}};
  f.impact = {0, 3, 0, 0.9677};
  f.app_messages = {"\"execution expired\" (Ruby: Faraday::ConnectionFailed, Net::OpenTimeout)"};
  f.next_steps = {{"ask for the same times: security group, NACL, listen queue there", "", model::Whose::kPeer}};
  f.disproved_by = "a SYN-ACK reached this host's network card.";
  return f;
}

model::MonoTime at(double seconds_after_start) { return kStart + s(seconds_after_start); }

Report nothing_found() {
  Report report = base();
  report.verdict = model::Verdict::kNothingFound;
  report.summary =
      "Nothing wrong seen in 1204 exchanges and 19 connects; slowest endpoint 203.0.113.10:443 (outbound), first byte "
      "after 2.9 s (p99). Not visible from here: DNS, the inside of TLS, the peer's network card.";
  auto& totals = report.picture.totals;
  totals.sockets_seen = 31;
  totals.sockets_open_peak = 12;
  totals.connects = 19;
  totals.connect_outcomes = {19};
  totals.exchanges = 1204;
  totals.bytes_sent = 1'700'000;
  totals.bytes_received = 39'462'912;
  model::EndpointPicture there = endpoint(model::Role::kOutbound, address("203.0.113.10", 443));
  there.totals = totals;
  there.processes = {{"ruby", "/system.slice/puma.service", {811, 812}, 31, 1'700'000, 39'462'912, 1204}};
  there.mean_request_bytes = 1411.96;
  there.histograms[model::Measure::kFirstByte] = histogram({{410'000, 1190}, {2'900'000, 14}});
  there.histograms[model::Measure::kConnect] = histogram({{700, 18}, {1200, 1}});
  there.histograms[model::Measure::kRecovery] = model::Histogram();
  there.series = {
      0, 1.0, 3, {{model::SeriesId::kExchanges, {1, std::nullopt, 2}}, {model::SeriesId::kConnects, {0, 1}}}};
  report.picture.endpoints = {there};
  return report;
}

Report nothing_matched() {
  Report report = base();
  report.verdict = model::Verdict::kNothingMatched;
  report.summary = "No socket matched.";
  report.picture.start.filters.remote_ports = {6378};
  report.picture.start.filters.remote = {*model::Cidr::parse("10.0.0.0/24")};
  report.picture.window.end = at(30);
  report.picture.window.ended_by = model::EndedBy::kDuration;
  report.picture.busiest_filtered_out = {
      {{model::Role::kOutbound, address("10.0.0.5", 6379), 4026531840}, 50, 123'456'789},
      {{model::Role::kInbound, address("2001:db8:1234:5678:9abc:def0:1234:5678", 65535), 4026531840}, 3, 9'999}};
  return report;
}

Report nothing_seen() {
  Report report = base();
  report.verdict = model::Verdict::kNothingSeen;
  report.summary =
      "No TCP traffic was seen in this namespace in 30.0 s, so this says nothing about how TCP works here. Other "
      "namespaces have TCP sockets; what traces them: red\x1b[31m (pid 812, 40 established connections): --netns 812.";
  report.picture.start.filters = {};
  report.picture.window.end = at(30);
  report.picture.start.other_netns = {
      {.inode = 4026532288, .pid = 812, .comm = "red\x1b[31m", .established = 40, .sockets = 41}};
  return report;
}

Report api_resets() {
  Report report = nothing_found();
  report.verdict = model::Verdict::kCauseFound;
  report.findings = {awaiting_response(), connect_timeout()};
  report.summary = report.findings[0].explanation;
  model::Picture& picture = report.picture;
  for (int i = 0; i < 12; ++i) {
    const auto port = static_cast<std::uint16_t>(41822 + 7 * i);
    picture.sockets.push_back(
        failed_exchange(port, 811 + static_cast<std::uint32_t>(i) % 3, 163.114 + 202.97 * i, 30.0));
    report.findings[0].sockets.push_back(static_cast<std::size_t>(i));
  }
  for (int i = 0; i < 3; ++i) {
    const auto port = static_cast<std::uint16_t>(42010 + i);
    picture.sockets.push_back(failed_connect(port, 815, 545.386 + 675.8 * i, 60.0));
    report.findings[1].sockets.push_back(static_cast<std::size_t>(12 + i));
  }
  picture.sockets[11].socket.cookie = std::nullopt;
  picture.sockets[11].opened_at = std::nullopt;
  picture.sockets[11].timeline[0].at = at(-12.5);
  picture.sockets[0].owner->shared = true;
  picture.sockets_omitted = 16;
  picture.netns = {netns(4026531840, {{"RetransSegs", 41}, {"TCPSynRetrans", 30}, {"OutRsts", 2}})};
  for (model::Totals* totals : {&picture.totals, &picture.endpoints[0].totals}) {
    totals->exchanges = 1189;
    totals->exchanges_failed = 12;
    totals->connects = 310;
    totals->connect_outcomes = {307, 0, 0, 0, 0, 3, 0, 0};
    totals->resets.received = 12;
    totals->retransmits = {27, 0, 0, 0, 0, 0};
    totals->retransmitted_segments = 27;
    totals->reset_phases[1] = 12;
  }
  picture.totals.listen_overflows = picture.totals.listen_drops = 0;
  model::EndpointPicture& api = picture.endpoints[0];
  api.outcomes = {{"reset", 12, 1412, 1'300'000, 20'000, 9, std::nullopt, std::nullopt},
                  {"no_answer", 3, {}, {}, 21'000, 0, {}, {}},
                  {"good", 1189, 1398, 1'100'000, 20'000, 885, 410'000, 2'900'000}};
  api.histograms[model::Measure::kResetReceivedWait] = histogram({{30'000'000, 12}});
  api.histograms[model::Measure::kRetransmitSyn] = histogram({{1'000'000, 3}, {3'000'000, 3}, {7'000'000, 21}});
  api.histograms[model::Measure::kAppGap] = histogram({{20'000, 1100}, {150'000, 22}});
  api.app_gap.calls = 1204;
  api.app_gap.with_gap = 1122;
  api.app_gap.ambiguous = 7;
  api.app_gap.threads = 15;
  return described(std::move(report));
}

Report lossy() {
  Report report = api_resets();
  report.verdict = model::Verdict::kNotTrustworthy;
  report.picture.loss.ring_full = 1500;
  report.picture.loss.processes_full = 46;
  report.picture.window.partial = true;
  report.picture.window.ended_by = model::EndedBy::kError;
  report.picture.cost.bpf_cpu_s = std::nullopt;
  report.picture.start.filters.remote = {*model::Cidr::parse("203.0.113.0/24"), *model::Cidr::parse("2001:db8::/32")};
  report.findings[0].confidence = model::Confidence::kMedium;
  report.findings[0].confidence_reasons = {"3.0 % of the events that this rests on were lost.",
                                           "12 of 12 connections were open before the trace began."};
  Finding lost;
  lost.code = "events-lost";
  lost.severity = model::Severity::kWarning;
  lost.confidence = model::Confidence::kHigh;
  lost.first_at = at(12);
  lost.last_at = at(900);
  lost.count = 1500;
  lost.ongoing = true;
  lost.title = "1500 events were lost";
  lost.explanation = "1500 events were lost because the ring buffer was full. Counts are lower than they should be.";
  lost.evidence = {{"cause", "ring_full"},
                   {"lost", n(1500)},
                   {"seen", n(50'000)},
                   {"lost_pct", 2.91},
                   {"first_at", "2026-11-21T02:31:19.004Z"},
                   {"measures_affected", std::vector<std::string>{"resets", "connects"}}};
  lost.next_steps = {{"trace less, or give the ring more room", "tcpdiag trace --ring-size 64MiB", model::Whose::kUs}};
  report.findings.push_back(lost);
  return described(std::move(report));
}

Report hostile() {
  Report report = api_resets();
  model::Picture& picture = report.picture;
  const std::string evil = "\x1b]0;owned\x07\xff\xfe\u202eevil\n";
  picture.start.filters.comms = {evil};
  picture.start.filters.cgroups = {{"/" + evil, 1, {}}};
  picture.start.filters.expression = model::Expression{"port 443 " + evil, {}};
  picture.start.host.hostname = "\x1b[2Jhost-with-a-name-that-is-much-longer-than-anyone-would-think.example.com";
  picture.start.host.utc_offset_name = "\x1b[31m";
  picture.start.command.push_back(evil);
  picture.start.netns[0].name = evil;
  picture.start.host.instance_type = evil;
  picture.start.host.instance_type_source = "imds";
  picture.nics = {nic("lo\x1b[2J\xff\n|", evil, {{"bw_out", 18'446'744'073'709'551'615ULL}}),
                  nic(std::string(300, 'n'), evil, {{"pps", 1}})};
  picture.nics[0].limits[0].max_per_s = picture.nics[0].limits[0].max_per_minute = 18'446'744'073'709'551'615ULL;
  for (std::size_t i = 0; i < picture.sockets.size(); ++i) {
    SocketStory& story = picture.sockets[i];
    story.owner->comm = i % 2 == 0 ? evil : "\u30d7\u30ed\u30bb\u30b9\u540d";
    story.owner->pid = 4'194'304 - static_cast<std::uint32_t>(i);
    story.cgroup_path = "/kubepods.slice/" + std::string(200, 'x') + "/" + evil + "/" + std::string(100, 'y');
    const auto reason = static_cast<std::uint32_t>(i);
    picture.start.reset_reasons[reason] = i == 0 ? "42" : evil;  // the one text of a timeline that others choose
    story.timeline[0].body = mark::ResetSent{.reason = reason};
    story.bytes_sent = story.bytes_received = 18'446'744'073'709'551'615ULL;
  }
  SocketStory& behind_a_name = picture.sockets[0];
  behind_a_name.look_up =
      model::LookUpBefore{.first_at = behind_a_name.timeline[0].at, .name = evil + std::string(300, 'd')};
  behind_a_name.timeline.insert(behind_a_name.timeline.begin(),
                                {behind_a_name.timeline[0].at, mark::LookUp{.queries = 1, .took = s(5)}});
  const std::uint64_t most = 18'446'744'073'709'551'615ULL;
  picture.endpoints[0].processes = {{evil, evil, {4'194'303, 4'194'304}, most, most, most, most, most},
                                    {evil, "/" + std::string(300, 'c') + evil, {1}, 1, 1, 1, 1, 1}};
  picture.endpoints[0].outcomes[0].outcome = "an_outcome_of_a_later_version";
  report.findings[0].explanation = evil + std::string(300, 'w') + " " + evil;
  report.findings[0].app_messages = {"\"" + evil + "\""};
  report.findings[0].next_steps[1].command = "tcpdump " + std::string(200, 'z');
  report.findings[0].evidence.push_back({"a_key_that_nobody_has_ever_heard_of_bytes", n(123'456'789)});
  report.findings[0].evidence.push_back({"sources", std::vector<std::string>(40, evil)});
  report.findings[0].rows.push_back({"a key that nobody has ever heard of", "118 MiB"});
  report.findings[0].rows.push_back({"sources", join(std::vector<std::string>(6, evil), ", ") + " and 34 more"});
  report.findings[1].code = "a-code-of-a-later-version-whose-name-is-rather-long";
  report.not_visible.push_back(evil);
  report.summary = evil;
  return report;
}

Report ipv6() {
  Report report = base();
  report.verdict = model::Verdict::kSymptomsOnly;
  report.recording = {"ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d", 88'000};
  report.view.emplace();
  report.view->filters.local_ports = {50051};
  report.view->from = model::WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) + s(10'000);
  model::Picture& picture = report.picture;
  const auto ours = address("2001:db8:1234:5678:9abc:def0:1234:5678", 50051);
  const auto theirs = address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 61234);
  picture.start.host.hostname = "ip-172-31-255-255.ap-northeast-1.compute.internal";
  picture.start.host.utc_offset_s = -(3 * 3600 + 30 * 60);
  picture.start.host.utc_offset_name = "-0330";
  picture.start.filters = {};
  picture.start.netns = {{4026531840, "", true, true, 4096}, {4026532999, "blue", false, true, 4096}};
  picture.window.end = at(80'000);
  picture.start.host.instance_type = "u-12tb1.112xlarge";
  picture.start.host.instance_type_source = "imds";
  picture.nics = {nic("enp0s31f6", "ena", {{"bw_in", 3}, {"linklocal", 14}}), nic("eth0", "", {})};
  picture.nics[0].netns_inode = 4026532999;
  model::EndpointPicture there = endpoint(model::Role::kInbound, ours);
  there.key.netns_inode = 4026532999;
  there.totals.sockets_seen = 2;
  there.totals.exchanges = 10;
  there.totals.exchanges_failed = 1;
  there.totals.resets.sent = 1;
  there.totals.reset_reasons_known = true;
  there.totals.reset_reasons = {{"TCP_ABORT_ON_CLOSE", 1}};
  there.totals.bytes_sent = 123'456'789'012;
  there.peers = {{theirs.address, 2, 1, 1}};
  there.histograms[model::Measure::kFirstByte] = histogram({{52, 9}, {7, 1}});
  picture.totals = there.totals;
  picture.endpoints = {there};
  SocketStory story = failed_exchange(50051, 99, 79'990, 0.25);
  story.socket.role = model::Role::kInbound;
  story.socket.local = ours;
  story.socket.remote = theirs;
  story.owner = std::nullopt;
  story.cgroup_path.clear();
  story.outcome = std::nullopt;
  story.end->kind = EndKind::kResetSent;
  story.end->cause = model::LocalResetCause::kAppClosedUnread;
  picture.sockets = {story};
  Finding f;
  f.code = "peer-reset-awaiting-response";
  f.severity = model::Severity::kWarning;
  f.confidence = model::Confidence::kMedium;
  f.endpoint = 0;
  f.sockets = {0};
  f.first_at = f.last_at = at(79'990);
  f.count = 1;
  f.ongoing = true;
  f.title = "one";
  f.explanation = "[2001:db8:1234:5678:9abc:def0:1234:5678]:50051 reset one connection.";
  f.evidence = {{"reset_count", n(1)}, {"wait_p50_s", 0.25}, {"wait_min_s", 0.25}, {"wait_max_s", 0.25}};
  f.impact = {1, 0, 0, std::nullopt};
  f.next_steps = {{"look at it", "tcpdump -ni any 'host 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff and tcp port 50051'",
                   model::Whose::kUs}};
  report.findings = {f};
  report.summary = f.explanation;
  return described(std::move(report));
}

Report linked() {
  Report report = base();
  report.verdict = model::Verdict::kCauseFound;
  model::Picture& picture = report.picture;
  picture.start.filters.remote_ports = {6379};
  picture.window.end = at(60.403);
  model::EndpointPicture redis = endpoint(model::Role::kOutbound, address("10.77.0.2", 6379));
  redis.totals.sockets_seen = 50;
  redis.totals.exchanges = 14078;
  redis.totals.bytes_sent = 506'808;
  redis.totals.bytes_received = 461'420'000;
  redis.totals.retransmitted_segments = 6;
  redis.processes = {
      {"redis-benchmark", "/user.slice/user-1000.slice/session-3.scope", {4121}, 50, 506'808, 461'420'000, 14078}};
  redis.histograms[model::Measure::kFirstByte] = histogram({{186'000, 12000}, {199'000, 1900}, {905'000, 178}});
  redis.histograms[model::Measure::kLastByte] = histogram({{197'000, 14000}, {918'000, 78}});
  redis.histograms[model::Measure::kConnect] = histogram({{50, 49}, {120, 1}});
  picture.endpoints = {redis};
  for (int i = 0; i < 11; ++i) {
    model::EndpointPicture other =
        endpoint(model::Role::kInbound, address("10.0.0.1", static_cast<std::uint16_t>(3000 + i)));
    other.totals.sockets_seen = 1;
    picture.endpoints.push_back(other);
  }
  picture.totals = redis.totals;
  Finding root;
  root.code = "throughput-ceiling";
  root.severity = model::Severity::kCritical;
  root.confidence = model::Confidence::kHigh;
  root.endpoint = 0;
  root.first_at = at(1);
  root.last_at = at(60);
  root.count = 58;
  root.title = "10.77.0.2:6379 sends at most 64 Mbit/s";
  root.explanation = "10.77.0.2:6379 sends at most 64 Mbit/s. Its 32 KiB responses wait about 0.19 s in a queue.";
  root.evidence = {{"ceiling_wire_bit_per_s", n(63'900'000)},
                   {"spread_pct", 1.8},
                   {"exchanges_per_s", 233.0},
                   {"mean_response_bytes", n(32'778)},
                   {"possible_exchanges_per_s", 233.25}};
  root.impact = {0, 0, 14078, 100.0};
  root.next_steps = {{"CloudWatch of that node: NetworkBandwidthOutAllowanceExceeded", "", model::Whose::kCloud}};
  Finding effect = root;
  effect.code = "path-queueing";
  effect.title = "responses wait 186 ms on the path";
  effect.caused_by = {0};
  Finding further = root;
  further.code = "retransmit-loss";
  further.severity = model::Severity::kWarning;
  further.title = "6 segments were retransmitted";
  further.caused_by = {1};
  Finding notice;
  notice.code = "delay-unattributed";
  notice.endpoint = 1;
  notice.first_at = notice.last_at = at(10);
  notice.title = "a delay";
  notice.explanation = "Delays rose, but a long path cannot be told from a standing queue.";
  notice.evidence = {{"rtt_floor_us", n(10)}, {"rtt_floor_source", "window"}, {"path_queue_p50_us", n(186'000)}};
  report.findings = {root, effect, further, notice};
  report.summary = root.explanation;
  return described(std::move(report));
}

Report by_name(std::string_view name) {
  if (name == "incident_b") return incident_b();
  if (name == "slow_reader") return slow_reader();
  if (name == "local_queueing") return local_queueing();
  if (name == "zero_window") return zero_window();
  if (name == "packet_loss") return packet_loss();
  if (name == "queueing_ipv6") return queueing_ipv6();
  if (name == "busy_server") return busy_server();
  if (name == "throttled_node") return throttled_node();
  if (name == "nothing_found") return nothing_found();
  if (name == "nothing_matched") return nothing_matched();
  if (name == "nothing_seen") return nothing_seen();
  if (name == "api_resets") return api_resets();
  if (name == "lossy") return lossy();
  if (name == "hostile") return hostile();
  if (name == "ipv6") return ipv6();
  return linked();
}

}  // namespace tcpdiag::report::samples
