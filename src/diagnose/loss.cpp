// SPDX-License-Identifier: Apache-2.0
#include "diagnose/loss.h"

#include <array>
#include <numeric>

namespace tcpdiag::diagnose {
namespace {

using model::Loss;
using model::Picture;

// What the lost things are counted against.
enum class Against : std::uint8_t { kEvents, kSockets, kEndpoints, kRetransmits, kResets, kConnects, kUnknown };

struct LossCause {
  std::string_view name;
  std::string_view words;
  std::uint64_t Loss::*lost;
  Against against;
  bool feeds_sockets;
  bool feeds_delays;
  bool feeds_coverage;
  std::string_view affected;  // separated by spaces
};

constexpr std::array kCauses = {
    LossCause{"ring_full", "events did not fit into the ring buffer", &Loss::ring_full, Against::kEvents, true, true,
              true, "connects resets retransmits exchanges_failed timelines"},
    LossCause{"sockets_full", "sockets were not followed, because the table was full", &Loss::sockets_full,
              Against::kSockets, true, true, true, "connects resets retransmits exchanges_failed timelines"},
    LossCause{"endpoints_full", "endpoints were not counted, because the table was full", &Loss::endpoints_full,
              Against::kEndpoints, false, false, true, "endpoints exchanges first_byte"},
    LossCause{"processes_full", "processes were not named, because the table was full", &Loss::processes_full,
              Against::kUnknown, false, false, false, "processes"},
    LossCause{"undecodable", "events could not be decoded", &Loss::undecodable, Against::kEvents, true, true, true,
              "connects resets retransmits timelines"},
    LossCause{"rate_limited", "events were left out by the limit of events per second", &Loss::rate_limited,
              Against::kEvents, true, true, true, "connects resets retransmits exchanges_failed timelines"},
    LossCause{"samples_thinned", "samples were left out", &Loss::samples_thinned, Against::kUnknown, false, true, false,
              "series histograms"},
    LossCause{"disk_full", "records were not written, because the disk was full", &Loss::disk_full, Against::kEvents,
              true, true, true, "recording"},
    LossCause{"unseen_retransmits", "retransmissions are counted by the kernel and were not seen",
              &Loss::unseen_retransmits, Against::kRetransmits, false, true, true, "retransmits timelines"},
    LossCause{"unseen_resets", "resets that this host sent are counted by the kernel and were not seen",
              &Loss::unseen_resets, Against::kResets, true, false, true, "resets"},
    LossCause{"unseen_connects", "connects are counted by the kernel and were not seen", &Loss::unseen_connects,
              Against::kConnects, true, false, true, "connects"},
    LossCause{"unseen_reset_ends", "ends of connections by a reset are counted by the kernel and were not seen",
              &Loss::unseen_reset_ends, Against::kResets, true, false, true, "resets exchanges_failed"},
};

// Of what the kernel counted so few may be missing in any trace (a counter is read a moment before or after the last
// event) without spoiling anything.
constexpr std::uint64_t kUnseenThatMatter = 10;

std::optional<std::uint64_t> seen_of(Against against, const Picture& picture) {
  switch (against) {
    case Against::kEvents:
      return picture.events_seen;
    case Against::kSockets:
      return picture.totals.sockets_seen;
    case Against::kEndpoints:
      return picture.endpoints.size();
    case Against::kRetransmits:
      return std::accumulate(picture.totals.retransmits.begin(), picture.totals.retransmits.end(), std::uint64_t{0});
    case Against::kResets:
      return picture.totals.resets.sent + picture.totals.resets.received;
    case Against::kConnects:
      return picture.totals.connects;
    case Against::kUnknown:
      return std::nullopt;
  }
  return std::nullopt;
}

std::vector<std::string> split(std::string_view words) {
  std::vector<std::string> result;
  while (!words.empty()) {
    const std::size_t end = words.find(' ');
    result.emplace_back(words.substr(0, end));
    words = end == std::string_view::npos ? std::string_view{} : words.substr(end + 1);
  }
  return result;
}

}  // namespace

bool LossShare::feeds(Feed feed) const {
  switch (feed) {
    case Feed::kSockets:
      return feeds_sockets;
    case Feed::kDelays:
      return feeds_delays;
    case Feed::kCounters:
      return false;
    case Feed::kCoverage:
      return feeds_coverage;
  }
  return false;
}

std::vector<LossShare> loss_shares(const Picture& picture) {
  std::vector<LossShare> shares;
  for (const LossCause& cause : kCauses) {
    LossShare share;
    share.cause = cause.name;
    share.words = cause.words;
    share.lost = picture.loss.*cause.lost;
    if (share.lost == 0) continue;
    share.seen = seen_of(cause.against, picture);
    const bool is_kernels = cause.name.starts_with("unseen_");
    if (share.seen && (!is_kernels || share.lost >= kUnseenThatMatter))
      share.pct = 100.0 * static_cast<double>(share.lost) / static_cast<double>(share.lost + *share.seen);
    share.measures_affected = split(cause.affected);
    share.feeds_sockets = cause.feeds_sockets;
    share.feeds_delays = cause.feeds_delays;
    share.feeds_coverage = cause.feeds_coverage;
    shares.push_back(std::move(share));
  }
  return shares;
}

}  // namespace tcpdiag::diagnose
