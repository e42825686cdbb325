// SPDX-License-Identifier: Apache-2.0
// Kinds of retransmissions, from the facts at the tracepoint.
#include "model/retransmit.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace tcpdiag::model {
namespace {

RetransmitKind kind(std::uint8_t timer, std::uint8_t ca_state, bool syn = false) {
  return retransmit_kind(Retransmitted{.timer_pending = timer, .ca_state = ca_state, .is_syn = syn});
}

TEST(RetransmitKind, FollowsTheOrderOfTests) {
  EXPECT_EQ(kind(0, 4, true), RetransmitKind::kSyn);
  EXPECT_EQ(kind(0, 4), RetransmitKind::kRto);
  EXPECT_EQ(kind(1, 3), RetransmitKind::kFast);
  EXPECT_EQ(kind(5, 3), RetransmitKind::kFast);  // the loss probe timer is still armed
  EXPECT_EQ(kind(0, 3), RetransmitKind::kFast);
  EXPECT_EQ(kind(5, 0), RetransmitKind::kTlp);
  EXPECT_EQ(kind(5, 1), RetransmitKind::kTlp);
  EXPECT_EQ(kind(5, 2), RetransmitKind::kTlp);
  EXPECT_EQ(kind(1, 4), RetransmitKind::kOther);  // ACK-clocked repair after a timeout
  EXPECT_EQ(kind(5, 4), RetransmitKind::kOther);
  EXPECT_EQ(kind(1, 0), RetransmitKind::kOther);
}

TEST(RetransmitFailure, AreTheEarlyReturnsOnly) {
  const auto failure = [](int error) { return retransmit_failure(Retransmitted{.error = error}); };
  EXPECT_EQ(failure(0), RetransmitFailure::kNone);
  EXPECT_EQ(failure(-EBUSY), RetransmitFailure::kBusy);
  EXPECT_EQ(failure(-EAGAIN), RetransmitFailure::kOther);
  EXPECT_EQ(failure(-EHOSTUNREACH), RetransmitFailure::kOther);
  EXPECT_EQ(failure(-ENOMEM), RetransmitFailure::kOther);
  EXPECT_EQ(failure(1), RetransmitFailure::kNone);       // NET_XMIT_DROP: counted by the kernel
  EXPECT_EQ(failure(-EPERM), RetransmitFailure::kNone);  // netfilter: counted by the kernel
}

}  // namespace
}  // namespace tcpdiag::model
