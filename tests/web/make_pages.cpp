// SPDX-License-Identifier: Apache-2.0
// make_pages DIRECTORY: writes the HTML reports that the browser tests open, NAME.html each: all samples of the unit
// tests, and some that only a browser can be wrong about.
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "report/render.h"
#include "unit/report/samples.h"
#include "unit/report/samples_parts.h"

namespace {

using tcpdiag::model::Report;
using tcpdiag::model::RetransmitKind;
using tcpdiag::model::SocketStory;
namespace model = tcpdiag::model;
namespace mark = tcpdiag::model::mark;
namespace report = tcpdiag::report;
namespace samples = tcpdiag::report::samples;

using Values = std::vector<std::optional<std::int64_t>>;

Values wave(std::size_t n, double middle, double swing, std::size_t period) {
  Values values(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double phase = 6.28318 * static_cast<double>(i % period) / static_cast<double>(period);
    values[i] = static_cast<std::int64_t>(std::llround(middle + swing * std::sin(phase)));
  }
  return values;
}

// `height` in a few intervals, 0 in the others.
Values spikes(std::size_t n, std::size_t every, std::int64_t height) {
  Values values(n, 0);
  for (std::size_t i = every / 2; i < n; i += every) values[i] = height;
  return values;
}

tcpdiag::model::Series busy_series(std::size_t n, double interval_s) {
  tcpdiag::model::Series series{-4000, interval_s, n, {}};
  series.arrays[model::SeriesId::kBytesSent] = wave(n, 90'000, 40'000, 61);
  series.arrays[model::SeriesId::kBytesReceived] = wave(n, 2'400'000, 900'000, 97);
  series.arrays[model::SeriesId::kExchanges] = wave(n, 70, 25, 97);
  series.arrays[model::SeriesId::kConnects] = wave(n, 12, 4, 31);
  series.arrays[model::SeriesId::kConnectFailures] = spikes(n, 400, 1);
  series.arrays[model::SeriesId::kRetransmits] = spikes(n, 90, 3);
  series.arrays[model::SeriesId::kResets] = spikes(n, 101, 1);
  series.arrays[model::SeriesId::kRttP50] = wave(n, 900, 150, 53);
  series.arrays[model::SeriesId::kPathQueueInP50] = wave(n, 400, 300, 200);
  series.arrays[model::SeriesId::kPathQueueInP99] = wave(n, 2'500, 1'500, 200);
  // Not always measured: a gap, and one value alone in it.
  Values& gap = series.arrays[model::SeriesId::kReadWaitP99] = wave(n, 180, 60, 41);
  for (std::size_t i = n / 4; i < n / 3; ++i) {
    if (i != n * 7 / 24) gap[i].reset();
  }
  return series;
}

// Incident A with everything that happens to a connection, and measured over time.
Report story() {
  Report out = samples::api_resets();
  auto& picture = out.picture;
  picture.endpoints[0].series = busy_series(1237, 2);
  picture.endpoints[0].histograms[model::Measure::kRtt] =
      samples::histogram({{700, 500}, {900, 800}, {1'500, 90}, {9'000, 3}});
  out.findings[0].sockets = {0, 1, 2, 3};
  SocketStory& reset = picture.sockets[0];
  reset.timeline = {
      {samples::at(131.114), mark::Connect{samples::s(41e-6)}},
      {samples::at(132.118), mark::SynRetransmit{.retry = 1, .delay = samples::s(1.004)}},
      {samples::at(132.119), mark::Established{samples::s(1.0049)}},
      {samples::at(133.114), mark::Request{1412}},
      {samples::at(133.321),
       mark::Retransmit{.kind = RetransmitKind::kRto, .bound_us = 12, .delay = samples::s(0.207)}},
      {samples::at(133.322), mark::RequestAcked{samples::s(0.208)}},
      {samples::at(163.114), mark::ResetReceived{model::Phase::kEstablished}},
      {samples::at(163.115), mark::Closed{104}},
  };
  SocketStory& inbound = picture.sockets[1];
  inbound.socket.role = tcpdiag::model::Role::kInbound;
  inbound.timeline = {
      {samples::at(300), mark::Accepted{}},
      {samples::at(301), mark::Request{512}},
      {samples::at(301.25), mark::Retransmit{RetransmitKind::kFast, true, 2, -16}},
      {samples::at(308), mark::SlowAnswer{samples::s(7), std::uint8_t{0}}},
      {samples::at(308.5), mark::FinReceived{}},
      {samples::at(308.6), mark::FinSent{}},
      {samples::at(308.7), mark::ResetSent{model::Phase::kAfterLocalFin, model::LocalResetCause::kAppClosedUnread, 1}},
      {samples::at(308.8), mark::Error{110}},
  };
  picture.start.reset_reasons[1] = "SK_RST_REASON_TCP_ABORT_ON_CLOSE";
  return out;
}

// The slow link of incident B, over an hour that ends on the next day.
Report queueing() {
  Report out = samples::incident_b();
  auto& picture = out.picture;
  picture.start.clock.wall_at += samples::s(20.4 * 3600);
  picture.window.end = samples::at(3600);
  picture.endpoints[0].series = busy_series(1800, 2);
  picture.endpoints[0].series.arrays[model::SeriesId::kPathQueueP50] = wave(1800, 120'000, 90'000, 600);
  return out;
}

// Names that would be markup, script, a link, or the end of what holds them.
Report markup() {
  const std::string image = "<img src=x onerror=\"window.__pwned=1\">";
  const std::string script = "</script><script>window.__pwned=1</script>";
  const std::string quotes = "\"'><svg onload=window.__pwned=1>&lt;&#60;";
  const std::string bytes = "\xff\xc0\xaf\u202etxt.exe\u2028\u0007<!--";
  Report out = story();
  auto& picture = out.picture;
  picture.start.host.hostname = image + script;
  picture.start.command = {"tcpdiag", "trace", "--comm", script, quotes, bytes};
  picture.start.filters.comms = {script, quotes};
  picture.start.tool_version = quotes;
  picture.start.netns = {{4026531840, script, true, true, 4096}, {1, quotes, false, true, 4096}};
  picture.nics = {samples::nic(script, quotes, {{"bw_out", 7}}), samples::nic(bytes, image, {{"pps", 1}})};
  const std::vector<std::string> evil = {image, script, quotes, bytes};
  for (std::size_t i = 0; i < picture.sockets.size(); ++i) {
    picture.sockets[i].owner->comm = evil[i % 4];
    picture.sockets[i].cgroup_path = "/" + evil[(i + 1) % 4];
    const auto reason = static_cast<std::uint32_t>(i % 4);
    picture.start.reset_reasons[reason] = evil[reason];
    picture.sockets[i].timeline[0].body = mark::ResetSent{.reason = reason};
  }
  picture.endpoints[0].processes = {{image, script, {1}, 1, 1, 1, 1, 1}, {quotes, bytes, {2}, 1, 1, 1, 1, 1}};
  for (auto& finding : out.findings) {
    finding.title += image + script;
    finding.explanation += script + quotes;
    finding.app_messages.push_back(image + bytes);
    finding.next_steps.push_back({quotes, "echo " + script, tcpdiag::model::Whose::kUs});
    finding.confidence_reasons.push_back(script);
    finding.disproved_by += quotes;
    finding.evidence.push_back({script, image});
  }
  out.summary = script + image;
  out.not_visible.push_back(script);
  return out;
}

// As much of everything as a correlator may keep.
Report large() {
  Report out = story();
  auto& picture = out.picture;
  const auto endpoint = picture.endpoints[0];
  const auto socket = picture.sockets[0];
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    auto& added = picture.endpoints.emplace_back(endpoint);
    added.key.at = samples::address("198.51.100.7", static_cast<std::uint16_t>(1 + i));
    if (i > 300) added.series = {-4000, 2, 0, {}};
  }
  for (std::uint32_t i = 0; i < 21'000; ++i) {
    picture.sockets.push_back(socket);
    out.findings[0].sockets.push_back(picture.sockets.size() - 1);
  }
  auto finding = out.findings[0];
  finding.sockets.resize(100);
  for (std::size_t i = 0; i < 2000; ++i) out.findings.push_back(finding);
  picture.nics.assign(64, samples::nic("ens5", "ena", {{"bw_in", 1}, {"bw_out", 2}, {"pps", 3}}));
  return out;
}

bool write(const std::filesystem::path& path, const Report& of) {
  std::ofstream file(path, std::ios::binary);
  file << report::render_html(of, {});
  return static_cast<bool>(file.flush());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_pages DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::vector<std::pair<std::string, Report>> pages = {
      {"story", story()}, {"queueing", queueing()}, {"markup", markup()}, {"large", large()}};
  for (const char* name : samples::kNames) pages.emplace_back(name, samples::by_name(name));
  for (const auto& [name, page] : pages) {
    if (!write(directory / (name + ".html"), page)) {
      std::cerr << "make_pages: cannot write " << (directory / name) << ".html\n";
      return 1;
    }
  }
  return 0;
}
