// SPDX-License-Identifier: Apache-2.0
#include "model/retransmit.h"

#include <cerrno>

#include "engine/retransmit.h"

namespace tcpdiag::model {

RetransmitFailure retransmit_failure(const Retransmitted& event) {
  if (!tcpd_sent_nothing(event.error)) return RetransmitFailure::kNone;
  return event.error == -EBUSY ? RetransmitFailure::kBusy : RetransmitFailure::kOther;
}

RetransmitKind retransmit_kind(const Retransmitted& event) {
  if (event.is_syn) return RetransmitKind::kSyn;
  if (tcpd_is_rto(event.timer_pending, event.ca_state)) return RetransmitKind::kRto;
  if (event.ca_state == TCPD_CA_RECOVERY) return RetransmitKind::kFast;
  if (event.ca_state < TCPD_CA_RECOVERY && event.timer_pending == TCPD_TIMER_LOSS_PROBE) return RetransmitKind::kTlp;
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
