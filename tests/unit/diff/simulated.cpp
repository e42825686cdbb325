// SPDX-License-Identifier: Apache-2.0
#include "unit/diff/simulated.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <utility>
#include <vector>

#include "unit/diff/samples.h"

namespace tcpdiag::diff::testing {
namespace {

using model::EndpointPicture;
using model::Histogram;
using samples::address;

constexpr auto kStart = model::MonoTime(std::chrono::hours(7));
constexpr double kSegmentsPerExchange = 6;

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : engine_(seed) {}

  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  double normal() {  // Box and Muller
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }
  std::uint64_t poisson(double mean) {
    if (mean > 500) return static_cast<std::uint64_t>(std::llround(std::max(0.0, mean + std::sqrt(mean) * normal())));
    const double limit = std::exp(-mean);
    std::uint64_t n = 0;
    for (double product = uniform(); product > limit; product *= uniform()) ++n;
    return n;
  }

 private:
  std::mt19937_64 engine_;
};

std::uint64_t whole(double value) { return static_cast<std::uint64_t>(std::max(0.0, value)); }

using Values = std::vector<std::optional<std::int64_t>>;

struct Arrays {
  Values exchanges, connects, connect_failures, resets, retransmits, out_of_order, bytes_sent, bytes_received;
  Values rtt_p50, path_p50, path_p99;
};

void add_failure(model::Picture& picture, const EndpointPicture& endpoint, model::MonoTime at, std::uint16_t port) {
  model::SocketStory story;
  story.socket.id = {port};
  story.socket.role = model::Role::kOutbound;
  story.socket.local = address("10.0.3.17", port);
  story.socket.remote = endpoint.key.at;
  story.socket.netns_inode = endpoint.key.netns_inode;
  story.first_seen_at = at - std::chrono::seconds(1);
  story.closed_at = at;
  story.exchanges_failed = 1;
  model::SocketEnd end;
  end.kind = model::EndKind::kResetReceived;
  end.at = at;
  end.outstanding = true;
  end.request_bytes = 300;
  story.end = end;
  picture.sockets.push_back(std::move(story));
}

}  // namespace

model::Report run_of(const Load& load, std::uint64_t seed) {
  Generator random(seed);
  model::Report report;
  model::Picture& picture = report.picture;
  picture.start.clock = {kStart, model::WallTime(std::chrono::seconds(1'790'000'000))};
  picture.start.recording_id = "7e0c1a52-0000-4000-8000-000000000000";
  picture.start.tool_version = "0.0.0";
  picture.start.host.hostname = "web-1";
  picture.start.host.kernel = "6.18.5";
  picture.start.host.arch = "x86_64";
  picture.start.host.cpus = 2;
  const auto inode = static_cast<std::uint32_t>(4'026'531'840 + seed % 1000);
  picture.start.netns = {{.inode = inode, .name = {}, .is_self = true}};
  const int all_seconds = load.idle_before_s + load.seconds + load.idle_after_s;
  picture.window.start = kStart;
  picture.window.end = kStart + std::chrono::seconds(all_seconds);
  EndpointPicture endpoint;
  endpoint.key = {model::Role::kOutbound, address("10.0.0.1", 443), inode};
  endpoint.rtt_floor_us = 300;
  endpoint.rtt_floor_source = "handshake";
  Histogram first_byte;
  Histogram rtt;
  Histogram path;
  Arrays arrays;
  std::vector<int> paused(static_cast<std::size_t>(load.seconds), 0);
  for (int i = 0; i < load.pauses; ++i) {
    paused[whole(random.uniform() * static_cast<double>(load.seconds))] = 1;
  }
  double drift = 0;
  for (int i = 0; i < all_seconds; ++i) {
    const int second = i - load.idle_before_s;
    model::Second cell;
    const bool idle = second < 0 || second >= load.seconds;
    constexpr double kMemory = 0.7;  // of a second's factor
    drift = kMemory * drift + std::sqrt(1 - kMemory * kMemory) * load.second_spread * random.normal();
    const double slowed = second < load.slow_start_s ? 4 : second >= load.seconds - load.slow_end_s ? 10 : 1;
    const double factor = std::exp(drift) * slowed;
    Histogram second_path;
    Histogram second_rtt;
    std::uint64_t failures = 0;
    const std::uint64_t requests = idle ? 0 : random.poisson(load.per_second);
    for (std::uint64_t n = 0; n < requests; ++n) {
      if (random.uniform() < load.failed_share) {
        ++failures;
        add_failure(picture, endpoint, kStart + std::chrono::milliseconds(1000 * i + 500),
                    static_cast<std::uint16_t>(32768 + random.uniform() * 20000));
        continue;
      }
      double us = load.median_us * factor * std::exp(load.spread * random.normal());
      if (random.uniform() < load.slow_share) us += load.slow_us;
      // Who comes during the pause waits for its end.
      if (paused[static_cast<std::size_t>(std::max(second, 0))] == 1 && random.uniform() < 0.5) {
        us += random.uniform() * 500'000;
      }
      first_byte.add(whole(us));
      second_rtt.add(whole(us));
      second_path.add(whole(us));
      ++cell.exchanges;
    }
    cell.rtt_samples = cell.path_samples = cell.exchanges;
    cell.path_rtt_p50_us = second_path.percentile(0.5);
    cell.segments_sent = cell.exchanges * whole(kSegmentsPerExchange);
    cell.segments_received = cell.segments_sent;
    const std::uint64_t lost =
        random.poisson(static_cast<double>(cell.segments_sent) * std::max(load.lost_share, 0.0001));
    cell.bytes_sent = cell.exchanges * 300;
    cell.bytes_received = whole(static_cast<double>(cell.exchanges) * 5000 * (1 + 0.1 * random.normal()));
    const auto push = [](Values& values, std::uint64_t n) { values.emplace_back(static_cast<std::int64_t>(n)); };
    push(arrays.exchanges, cell.exchanges);
    push(arrays.connects, failures);
    push(arrays.connect_failures, 0);
    push(arrays.resets, failures);
    push(arrays.retransmits, lost);
    push(arrays.out_of_order, 0);
    push(arrays.bytes_sent, cell.bytes_sent);
    push(arrays.bytes_received, cell.bytes_received);
    const auto median = [](Values& values, const Histogram& of, double q) {
      const auto us = of.percentile(q);
      values.push_back(us ? std::optional(static_cast<std::int64_t>(*us)) : std::nullopt);
    };
    median(arrays.rtt_p50, second_rtt, 0.5);
    median(arrays.path_p50, second_path, 0.5);
    median(arrays.path_p99, second_path, 0.99);
    model::Totals& totals = endpoint.totals;
    totals.exchanges += cell.exchanges;
    totals.exchanges_failed += failures;
    totals.retransmitted_segments += lost;
    totals.bytes_sent += cell.bytes_sent;
    totals.bytes_received += cell.bytes_received;
    totals.segments_sent = totals.segments_sent.value_or(0) + cell.segments_sent + lost;
    totals.segments_received = totals.segments_received.value_or(0) + cell.segments_received;
    totals.out_of_order_segments = 0;
    rtt.merge(second_rtt);
    path.merge(second_path);
    endpoint.seconds.push_back(cell);
  }
  endpoint.totals.sockets_seen = 20 + endpoint.totals.exchanges_failed;
  endpoint.totals.sockets_open_peak = 20;
  endpoint.mean_request_bytes = 300;
  endpoint.mean_response_bytes = endpoint.totals.exchanges == 0
                                     ? std::nullopt
                                     : std::optional(static_cast<double>(endpoint.totals.bytes_received) /
                                                     static_cast<double>(endpoint.totals.exchanges));
  endpoint.histograms = {
      {model::Measure::kFirstByte, first_byte}, {model::Measure::kRtt, rtt}, {model::Measure::kPathQueue, path}};
  model::ProcessShare process;
  process.comm = "ruby";
  process.cgroup = "/system.slice/session-" + std::to_string(seed) + ".scope";
  process.pids = {static_cast<std::uint32_t>(1000 + seed % 1000)};
  process.exchanges = endpoint.totals.exchanges;
  process.sockets_seen = endpoint.totals.sockets_seen;
  process.bytes_sent = endpoint.totals.bytes_sent;
  process.bytes_received = endpoint.totals.bytes_received;
  endpoint.processes.push_back(std::move(process));
  endpoint.series.n = static_cast<std::size_t>(all_seconds);
  endpoint.series.arrays = {{model::SeriesId::kExchanges, arrays.exchanges},
                            {model::SeriesId::kConnects, arrays.connects},
                            {model::SeriesId::kConnectFailures, arrays.connect_failures},
                            {model::SeriesId::kResets, arrays.resets},
                            {model::SeriesId::kRetransmits, arrays.retransmits},
                            {model::SeriesId::kOutOfOrder, arrays.out_of_order},
                            {model::SeriesId::kBytesSent, arrays.bytes_sent},
                            {model::SeriesId::kBytesReceived, arrays.bytes_received},
                            {model::SeriesId::kRttP50, arrays.rtt_p50},
                            {model::SeriesId::kPathQueueP50, arrays.path_p50},
                            {model::SeriesId::kPathQueueP99, arrays.path_p99}};
  picture.totals = endpoint.totals;
  picture.endpoints.push_back(std::move(endpoint));
  return report;
}

}  // namespace tcpdiag::diff::testing
