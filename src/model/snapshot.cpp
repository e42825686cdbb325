// SPDX-License-Identifier: Apache-2.0
#include "model/snapshot.h"

namespace tcpdiag::model {

Activity& Activity::operator+=(const Activity& other) {
  connects += other.connects;
  for (std::size_t i = 0; i < kConnectOutcomes; ++i) connect_outcomes[i] += other.connect_outcomes[i];
  exchanges += other.exchanges;
  exchanges_failed += other.exchanges_failed;
  retransmits += other.retransmits;
  retransmits_rto += other.retransmits_rto;
  resets += other.resets;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  return *this;
}

}  // namespace tcpdiag::model
