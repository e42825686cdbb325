// SPDX-License-Identifier: Apache-2.0
#include "unit/diff/samples.h"

#include <algorithm>
#include <chrono>

#include "diagnose/registry.h"

namespace tcpdiag::diff::samples {
namespace {

constexpr auto kStart = model::MonoTime(std::chrono::hours(5));
constexpr std::uint32_t kNetns = 4026531840;

using Values = std::vector<std::optional<std::int64_t>>;

model::ProcessShare process(std::string comm, std::string cgroup, std::uint64_t exchanges) {
  model::ProcessShare out;
  out.comm = std::move(comm);
  out.cgroup = std::move(cgroup);
  out.pids = {811};
  out.sockets_seen = 10;
  out.exchanges = exchanges;
  out.bytes_sent = exchanges * 300;
  out.bytes_received = exchanges * 5000;
  return out;
}

}  // namespace

model::SocketAddress address(const char* text, std::uint16_t port) { return {*model::Address::parse(text), port}; }

model::Histogram histogram(std::initializer_list<std::pair<std::uint64_t, int>> values) {
  model::Histogram out;
  for (const auto& [value, times] : values) {
    for (int i = 0; i < times; ++i) out.add(value);
  }
  return out;
}

model::Finding finding(std::string code, std::size_t endpoint, model::Severity severity) {
  model::Finding out;
  out.title = "title of " + code;
  out.family = diagnose::find_rule(code)->family;
  out.code = std::move(code);
  out.endpoint = endpoint;
  out.severity = severity;
  out.count = 5;
  return out;
}

model::Report base(std::size_t seconds) {
  model::Report report;
  model::Picture& picture = report.picture;
  picture.start.clock = {kStart, model::WallTime(std::chrono::seconds(1'795'228'267))};
  picture.start.recording_id = "7e0c1a52-7d5b-4a7e-9a53-000000000001";
  picture.start.tool_version = "0.1.0";
  picture.start.host.hostname = "web-1";
  picture.start.host.kernel = "6.18.5-amd64";
  picture.start.host.arch = "x86_64";
  picture.start.host.cpus = 2;
  picture.start.netns = {{.inode = kNetns, .name = {}, .is_self = true, .somaxconn = 4096}};
  picture.start.netns.front().sysctls.syn_retries = 6;
  picture.start.host.instance_type = "m7g.large";
  picture.window = {kStart, kStart + std::chrono::seconds(seconds), model::EndedBy::kDuration, false};
  picture.events_seen = 1000;
  return report;
}

model::EndpointPicture endpoint(model::Role role, model::SocketAddress at, std::size_t seconds,
                                std::uint64_t per_second) {
  model::EndpointPicture out;
  out.key = {role, at, kNetns};
  out.rtt_floor_us = 300;
  out.rtt_floor_source = "handshake";
  model::Totals& totals = out.totals;
  totals.exchanges = seconds * per_second;
  totals.sockets_seen = 20;
  totals.sockets_open_peak = 10;
  totals.bytes_sent = totals.exchanges * 300;
  totals.bytes_received = totals.exchanges * 5000;
  totals.segments_sent = totals.exchanges * 5;
  totals.segments_received = totals.exchanges * 5;
  totals.out_of_order_segments = 0;
  out.mean_request_bytes = 300;
  out.mean_response_bytes = 5000;
  out.series.n = seconds;
  const auto of = [&](std::uint64_t each) { return Values(seconds, static_cast<std::int64_t>(each)); };
  out.series.arrays = {{model::SeriesId::kExchanges, of(per_second)},
                       {model::SeriesId::kConnects, of(0)},
                       {model::SeriesId::kConnectFailures, of(0)},
                       {model::SeriesId::kResets, of(0)},
                       {model::SeriesId::kRetransmits, of(0)},
                       {model::SeriesId::kOutOfOrder, of(0)},
                       {model::SeriesId::kBytesSent, of(per_second * 300)},
                       {model::SeriesId::kBytesReceived, of(per_second * 5000)}};
  model::Second second;
  second.exchanges = per_second;
  second.segments_sent = second.segments_received = per_second * 5;
  out.seconds.assign(seconds, second);
  out.processes = {process("ruby", "/system.slice/puma.service", totals.exchanges)};
  return out;
}

void fail(model::Report& report, std::size_t index, std::uint64_t failures, std::uint64_t each, std::string comm) {
  model::EndpointPicture& at = report.picture.endpoints[index];
  for (std::uint64_t i = 0; i < failures; ++i) {
    const auto second = static_cast<std::int64_t>(2 + i / each * 3);
    model::SocketStory story;
    story.socket.id = {40'000 + i};
    story.socket.role = at.key.role;
    story.socket.local = address("10.0.3.17", static_cast<std::uint16_t>(40'000 + i * 7));
    story.socket.remote = at.key.at;
    story.socket.netns_inode = kNetns;
    story.endpoint = index;
    story.owner = model::Owner{.pid = 811, .comm = comm};
    story.cgroup_path = "/system.slice/" + comm + ".service";
    story.first_seen_at = kStart + std::chrono::seconds(second - 1);
    story.closed_at = kStart + std::chrono::seconds(second);
    story.exchanges_failed = 1;
    model::SocketEnd end;
    end.kind = model::EndKind::kResetReceived;
    end.at = *story.closed_at;
    end.outstanding = true;
    end.request_bytes = 1412;
    end.idle_before_request = std::chrono::seconds(31);
    story.end = end;
    report.picture.sockets.push_back(std::move(story));
    auto& resets = at.series.arrays[model::SeriesId::kResets];
    auto& value = resets[std::min<std::size_t>(static_cast<std::size_t>(second), resets.size() - 1)];
    value = value.value_or(0) + 1;
  }
  at.totals.exchanges_failed += failures;
  at.totals.resets.received += failures;
}

model::Report api_good() {
  model::Report report = base(60);
  model::EndpointPicture api = endpoint(model::Role::kOutbound, address("203.0.113.10", 443), 60, 20);
  api.histograms = {
      {model::Measure::kFirstByte, histogram({{42'000, 500}, {51'000, 500}, {70'000, 190}, {160'000, 10}})},
      {model::Measure::kConnect, histogram({{9'000, 60}, {11'000, 60}})},
      {model::Measure::kRtt, histogram({{9'000, 1500}, {11'000, 1500}})}};
  api.totals.connect_outcomes[0] = 120;
  model::EndpointPicture cache = endpoint(model::Role::kOutbound, address("10.0.3.40", 6379), 60, 100);
  cache.histograms = {{model::Measure::kFirstByte, histogram({{300, 4000}, {420, 1900}, {900, 100}})}};
  cache.processes.front().comm = "sidekiq";
  report.picture.endpoints = {api, cache};
  report.findings = {finding("app-gap", 0, model::Severity::kWarning)};
  return report;
}

model::Report api_bad() {
  model::Report report = base(90);
  report.picture.start.recording_id = "7e0c1a52-7d5b-4a7e-9a53-000000000002";
  report.picture.start.host.kernel = "6.1.0-39-amd64";
  report.picture.start.netns.front().sysctls.syn_retries = 3;
  report.picture.start.filters.remote_ports = {443, 6379, 5432};
  report.picture.loss.ring_full = 40;
  model::EndpointPicture api = endpoint(model::Role::kOutbound, address("203.0.113.77", 443), 90, 20);
  api.histograms = {
      {model::Measure::kFirstByte, histogram({{42'000, 300}, {98'000, 1000}, {190'000, 380}, {900'000, 120}})},
      {model::Measure::kRtt, histogram({{9'000, 2200}, {11'000, 2300}})}};
  api.totals.connect_outcomes[0] = 180;
  model::EndpointPicture cache = endpoint(model::Role::kOutbound, address("10.0.3.40", 6379), 90, 180);
  cache.histograms = {{model::Measure::kFirstByte, histogram({{300, 10'000}, {420, 6000}, {900, 200}})}};
  cache.totals.retransmitted_segments = 1200;
  for (auto& n : cache.series.arrays[model::SeriesId::kRetransmits]) n = 13;
  cache.processes.front().comm = "sidekiq";
  cache.processes.push_back(process("export.rb", "/system.slice/cron.service", 7000));
  model::EndpointPicture database = endpoint(model::Role::kOutbound, address("10.0.3.41", 5432), 90, 30);
  database.histograms = {{model::Measure::kFirstByte, histogram({{1200, 2700}})}};
  report.picture.endpoints = {api, cache, database};
  fail(report, 0, 96, 4, "ruby");
  report.findings = {finding("peer-reset-awaiting-response", 0, model::Severity::kCritical),
                     finding("retransmit-loss", 1, model::Severity::kWarning)};
  return report;
}

model::Report steady() {
  model::Report report = base(60);
  report.picture.endpoints = {endpoint(model::Role::kInbound, address("10.0.3.17", 8080), 60, 50)};
  report.picture.endpoints.front().histograms = {
      {model::Measure::kFirstByte, histogram({{7'000, 1500}, {9'000, 1500}})}};
  return report;
}

model::Report one_pause() {
  model::Report report = steady();
  report.picture.endpoints.front().histograms = {
      {model::Measure::kFirstByte, histogram({{7'000, 1480}, {9'000, 1480}, {300'000, 40}})}};
  return report;
}

model::Report hostile() {
  model::Report report = api_bad();
  model::Picture& picture = report.picture;
  picture.start.host.hostname = "evil\x1b[2Jhost\xff";
  picture.start.tool_version =
      "\xe2\x80\xae"
      "0.1";
  for (model::EndpointPicture& each : picture.endpoints) {
    each.processes.front().comm = "a\nb\x1b]0;x\x07";
    each.processes.front().cgroup = "/system.slice/\xe2\x80\xae" + std::string(300, 'x');
  }
  for (model::Finding& each : report.findings) each.title = "\x1b[31mred\x1b[0m \xc3\x28";
  return report;
}

model::Report some_failed() {
  model::Report report = base(60);
  model::EndpointPicture api = endpoint(model::Role::kOutbound, address("203.0.113.10", 443), 60, 50);
  api.histograms = {{model::Measure::kFirstByte, histogram({{42'000, 3000}})}};
  api.processes.push_back(process("sidekiq", "/system.slice/sidekiq.service", 300));
  model::OutcomeGroup reset;
  reset.outcome = "reset";
  reset.count = 38;
  reset.reused = 38;
  reset.request_p50_bytes = 1412;
  reset.idle_before_request_p50_us = 31'000'000;
  model::OutcomeGroup good;
  good.outcome = "good";
  good.count = 3000;
  good.reused = 900;
  good.request_p50_bytes = 300;
  good.idle_before_request_p50_us = 40'000;
  api.outcomes = {reset, good};
  api.app_gap.good_us = histogram({{2'000, 1500}, {4'000, 1500}});
  api.app_gap.failed_us = histogram({{900'000, 20}, {1'500'000, 18}});
  model::EndpointPicture other = endpoint(model::Role::kOutbound, address("203.0.113.11", 443), 60, 50);
  report.picture.endpoints = {api, other};
  fail(report, 0, 38, 2, "sidekiq");
  report.findings = {finding("peer-reset-after-idle", 0, model::Severity::kCritical)};
  return report;
}

}  // namespace tcpdiag::diff::samples
