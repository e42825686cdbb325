// SPDX-License-Identifier: Apache-2.0
#include "model/retransmit.h"

#include <cerrno>

namespace tcpdiag::model {
namespace {

// icsk_pending
constexpr std::uint8_t kNoTimer = 0;
constexpr std::uint8_t kLossProbeTimer = 5;
// icsk_ca_state
constexpr std::uint8_t kRecovery = 3;
constexpr std::uint8_t kLoss = 4;

}  // namespace

RetransmitFailure retransmit_failure(const Retransmitted& event) {
  // The four early returns of __tcp_retransmit_skb(), before a segment is made. Any other error (own qdisc dropped it,
  // a netfilter rule refused it) comes after the kernel has counted the segments, so it is a retransmission.
  switch (event.error) {
    case -EBUSY:
      return RetransmitFailure::kBusy;
    case -EAGAIN:
    case -EHOSTUNREACH:
    case -ENOMEM:
      return RetransmitFailure::kOther;
    default:
      return RetransmitFailure::kNone;
  }
}

RetransmitKind retransmit_kind(const Retransmitted& event) {
  if (event.is_syn) return RetransmitKind::kSyn;
  if (event.ca_state == kLoss && event.timer_pending == kNoTimer) return RetransmitKind::kRto;
  if (event.ca_state == kRecovery) return RetransmitKind::kFast;
  if (event.ca_state < kRecovery && event.timer_pending == kLossProbeTimer) return RetransmitKind::kTlp;
  return RetransmitKind::kOther;
}

Measure delay_of(RetransmitKind kind) {
  switch (kind) {
    case RetransmitKind::kSyn:
      return Measure::kRetransmitSyn;
    case RetransmitKind::kSynAck:
      return Measure::kRetransmitSynAck;
    case RetransmitKind::kRto:
      return Measure::kRetransmitRto;
    case RetransmitKind::kFast:
      return Measure::kRetransmitFast;
    case RetransmitKind::kTlp:
      return Measure::kRetransmitTlp;
    case RetransmitKind::kOther:
      break;
  }
  return Measure::kRetransmitOther;
}

}  // namespace tcpdiag::model
