// SPDX-License-Identifier: Apache-2.0
#include "diagnose/delay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "diagnose/thresholds.h"
#include "diagnose/words.h"
#include "knowledge/ports.h"
#include "util/format.h"

namespace tcpdiag::diagnose {

std::optional<std::uint64_t> percentile(const model::EndpointPicture& picture, model::Measure measure, double q) {
  const model::Histogram* found = picture.measured(measure);
  return found != nullptr ? found->percentile(q) : std::nullopt;
}

std::uint64_t at_least(const model::Histogram& histogram, std::uint64_t us) {
  std::uint64_t n = 0;
  for (std::size_t i = histogram.first_bucket(); i < histogram.end_bucket(); ++i) {
    if (model::Histogram::low_of(i) >= us) n += histogram.count_in(i);
  }
  return n;
}

std::uint64_t delayed_from_us(const model::EndpointPicture& picture) {
  const auto least = static_cast<std::uint64_t>(model::microseconds(kDelayed));
  return std::max(least, kDelayedFloors * picture.rtt_floor_us.value_or(0));
}

std::uint64_t delayed_exchanges(const Seconds& seconds, const Marks& marks) {
  const model::Histogram* first_byte = seconds.picture.measured(model::Measure::kFirstByte);
  if (first_byte == nullptr) return 0;
  // Slower than 5 x the floor: a value of just that is not.
  const std::uint64_t slow = at_least(*first_byte, delayed_from_us(seconds.picture) + 1);
  return std::min(slow, seconds.sum(marks, &model::Second::exchanges));
}

void add_handshake_step(model::Finding& finding, const Seconds& seconds, const Marks& marks) {
  const model::EndpointKey& key = seconds.picture.key;
  if (key.role != model::Role::kOutbound || seconds.p50(marks, &model::Second::connect_p50_us)) return;
  add_step(finding, model::Whose::kUs,
           "open a new connection while a trace runs (--probe does): the peer's kernel answers it, through the same "
           "queue; if the handshake is as late it is the path, if it is fast the peer's application",
           fmt::format("nc -z {} {}", key.at.address.to_string(), key.at.port));
}

std::uint64_t delayed_by_loss(const model::EndpointPicture& picture, Way way, std::uint64_t lost) {
  if (way == Way::kOut && picture.key.role == model::Role::kInbound) {
    const model::Histogram* repairs = picture.measured(model::Measure::kRecovery);
    const std::uint64_t late =
        repairs != nullptr ? at_least(*repairs, static_cast<std::uint64_t>(model::microseconds(kDelayed))) : 0;
    return std::min({late, lost, picture.totals.exchanges});
  }
  const model::Histogram* took = picture.measured(model::Measure::kLastByte);
  const auto p50 = took != nullptr ? took->percentile(0.5) : std::nullopt;
  if (!p50) return 0;
  return std::min(at_least(*took, *p50 + static_cast<std::uint64_t>(model::microseconds(kDelayed))), lost);
}

bool in_container(const model::Picture& picture, const model::EndpointPicture& endpoint) {
  const model::NetnsInfo* own = picture.start.netns_of(endpoint.key.netns_inode);
  return own != nullptr && !own->is_initial;
}

double mss_of(const Facts& facts, const EndpointFacts& endpoint) {
  constexpr double kUsual = 1448;  // 1500 less IPv4, TCP and timestamps
  std::uint32_t mss = 0;
  for (const model::SocketStory& story : facts.picture.sockets) {
    if (story.endpoint == endpoint.index && story.end) mss = std::max(mss, story.end->mss);
  }
  return mss > 0 ? mss : kUsual;
}

OnlyProcess only_process(const model::EndpointPicture& picture) {
  OnlyProcess result;
  if (picture.processes.size() != 1) return result;
  const model::ProcessShare& process = picture.processes.front();
  result.comm = process.comm;
  if (process.pids.size() == 1) result.pid = process.pids.front();
  return result;
}

void add_comm(model::Finding& finding, const OnlyProcess& process) {
  if (process.comm.empty()) return add_null(finding, kComm);
  add(finding, kComm, process.comm);
}

std::string pidstat_command(const OnlyProcess& process) {
  return process.pid ? fmt::format("pidstat -p {} 1", *process.pid) : std::string();
}

bool is_bulk(const model::EndpointPicture& picture) {
  const double bytes = static_cast<double>(std::max(picture.totals.bytes_sent, picture.totals.bytes_received));
  const double mean = std::max(picture.mean_request_bytes.value_or(0), picture.mean_response_bytes.value_or(0));
  const double exchanges = static_cast<double>(std::max<std::uint64_t>(picture.totals.exchanges, 1));
  return mean >= kBulkBytes || bytes / exchanges >= kBulkBytes;
}

Judged start_delay(const char* code, const EndpointFacts& endpoint, const Seconds& seconds, const Marks& marks) {
  Judged judged;
  judged.finding.code = code;
  judged.finding.endpoint = endpoint.index;
  judged.finding.device = endpoint.picture->device;
  judged.finding.count = std::max<std::uint64_t>(seconds.seconds_in(marks), 1);
  seconds.place(judged, marks);
  return judged;
}

void set_delayed(Judged& judged, const EndpointFacts& endpoint, std::uint64_t delayed) {
  judged.delayed = delayed;
  judged.finding.impact.exchanges_delayed = delayed;
  if (delayed == 0) return;
  judged.finding.share_pct = share_pct(delayed, attempts_of(endpoint, Of::kExchanges, delayed));
  judged.finding.impact.share_pct = judged.finding.share_pct;
}

bool users_wait(const Seconds& seconds, const Marks& waited, std::uint64_t delayed) {
  if (static_cast<double>(seconds.seconds_in(waited)) < kDelayedForSeconds) return false;
  const std::uint64_t exchanges = seconds.sum(waited, &model::Second::exchanges);
  return exchanges > 0 && static_cast<double>(delayed) >= kDelayedShare * static_cast<double>(exchanges);
}

std::uint64_t failures_in(const Facts& facts, const EndpointFacts& endpoint, const std::vector<std::int64_t>& seconds) {
  return static_cast<std::uint64_t>(
      std::count_if(facts.picture.sockets.begin(), facts.picture.sockets.end(), [&](const model::SocketStory& story) {
        if (story.endpoint != endpoint.index || !lost_exchange(story)) return false;
        const std::int64_t at = facts.utc_second(moment_of(story));
        const auto next = std::lower_bound(seconds.begin(), seconds.end(), at - kLinkSeconds);
        return next != seconds.end() && *next <= at + kLinkSeconds;
      }));
}

void delay_steps(Grade& grade, const Facts& facts, std::uint64_t observations, const char* what) {
  common_steps(grade, facts, Feed::kDelays, kEnoughObservations);
  if (observations < kEnoughObservations) {
    grade.step_down(
        fmt::format("Only {} {}; {} would show whether they are alike.", observations, what, kEnoughObservations));
  }
  if (facts.picture.window.length() < kShortWindow) {
    grade.step_down(fmt::format("The trace lasted only {}; {} would show whether it lasts.",
                                duration(facts.picture.window.length()), duration(kShortWindow)));
  }
}

void floor_step(Grade& grade, const model::EndpointPicture& picture) {
  if (!picture.rtt_floor_us) {
    grade.step_down("The round-trip time of the empty path is not known.");
  } else if (picture.rtt_floor_source == "window") {
    grade.step_down("The round-trip time of the empty path is only the smallest one of this trace.");
  }
}

bool near_connection_limit(const model::EndpointPicture& picture) {
  return knowledge::is_redis_port(picture.key.at.port) &&
         static_cast<double>(picture.totals.sockets_open_peak) >=
             kNearConnectionLimit * static_cast<double>(knowledge::kElastiCacheConnections);
}

void add_connection_limit_step(model::Finding& finding, const model::EndpointPicture& picture) {
  add_step(finding, model::Whose::kCloud,
           fmt::format("this host alone had {} connections open to it; an ElastiCache node takes {} (CloudWatch: "
                       "CurrConnections)",
                       picture.totals.sockets_open_peak, knowledge::kElastiCacheConnections));
}

}  // namespace tcpdiag::diagnose
