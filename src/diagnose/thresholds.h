// SPDX-License-Identifier: Apache-2.0
// Every number that decides whether and how loudly a finding speaks, with the reason for its value. Nowhere else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "model/time.h"

namespace tcpdiag::diagnose {

using model::Duration;

// --- common: severity and confidence ---

// One or two failures happen to everybody (a deploy, a lost packet): a warning. From three on it is an incident,
constexpr std::uint64_t kCriticalFailures = 3;
// provided that it is more than 1 in 1000 attempts, below which most services stay within their own error budget.
constexpr double kCriticalSharePct = 0.1;
// Fewer observations than this cannot show a spread: one step of confidence down.
constexpr std::size_t kEnoughObservations = 3;
// Above 1 lost in 1000 events a finding may have missed what contradicts it: one step of confidence down.
constexpr double kLossLowersConfidencePct = 0.1;
// Above 1 in 100 the picture itself is doubtful: the report's verdict says so.
constexpr double kLossSpoilsVerdictPct = 1.0;
// When more of the observations than this rest on a derived value, one step of confidence down. The complement of the
// share that a timer or a link must cover.
constexpr double kDerivedShare = 0.2;

// --- timers: values that cluster ---

// Fewer than three equal values are a coincidence.
constexpr std::size_t kTimerMinValues = 3;
// A few failures for other reasons must not hide a timer; a cluster of less than this is no explanation of the group.
constexpr double kTimerMinShare = 0.8;
// Timers of user space fire on a grid (Go, Java, event loops: 1 to 100 ms); the RST adds its way here.
constexpr Duration kTimerMaxSpread = std::chrono::milliseconds(100);
// Coarse timers of long duration (minute wheels) scatter in proportion.
constexpr double kTimerMaxSpreadShare = 0.01;
// Below one second round trips and load make values alike that no timer made.
constexpr Duration kTimerMinMedian = std::chrono::seconds(1);

// --- resets and closes by the peer ---

// A RST within two round trips of a write answers that write: it says that the connection was already dead there.
// Later, the peer held the request for a while and then reset it.
constexpr double kAnswerToWriteSrtts = 2.0;
// ... but never less than this: schedulers, batching network cards and small RTTs make two srtt too fine a measure.
constexpr Duration kAnswerToWriteAtLeast = std::chrono::milliseconds(50);
// Silence that counts as "the connection was idle". Idle timers of servers and middleboxes start at 1 s and more.
constexpr Duration kIdle = std::chrono::seconds(1);
// The application had this long to see the peer's FIN before it wrote. Less: FIN and write crossed on the wire or
// between two wake-ups, and no client can avoid that. Also the tolerance when times around the FIN are compared.
constexpr Duration kFinSeenBeforeWrite = std::chrono::milliseconds(1);

// --- waiting for an answer ---

// A client that gives up below one second has tight timeouts by choice; below that nothing is claimed but what it sent.
constexpr Duration kGaveUpAfter = std::chrono::seconds(1);
// An answer is late when it takes three times what 99 of 100 good ones took.
constexpr double kGaveUpP99Factor = 3.0;
// The request was waiting behind two timeouts of ours: the path lost it at least twice, a single loss is everyday.
constexpr std::uint32_t kPathRtos = 2;
// An RTT up to this above its floor may be the peer's delayed ACK (40 ms on Linux) and says nothing of the path.
constexpr Duration kFlatRttRise = std::chrono::milliseconds(45);
// On long paths the same in proportion (the size of a standing queue in docs/findings.md).
constexpr double kFlatRttFloorFactor = 2.0;
// So many must agree before the side (peer or path) is named.
constexpr double kSideAgreement = 0.9;
// Segments larger than this are what a path with a smaller MTU swallows: 1280 (the smallest IPv6 MTU, RFC 8200) less
// headers is 1220.
constexpr std::uint32_t kMtuSuspectBytes = 1200;

// --- connects ---

// A connect without an answer after this long has lost its SYN at least twice (retransmitted at 1 s and, on kernels
// without linear SYN timeouts, at 3 s): counted as failing although it still tries.
constexpr Duration kConnectPending = std::chrono::seconds(3);
// A SYN that was retransmitted was not merely abandoned by a client that tries two addresses at once (RFC 8305: 250
// ms).
constexpr std::uint32_t kConnectMinSyns = 2;
// RFC 8305 (happy eyeballs): the other address is tried within 250 ms, so within a second the user is served.
constexpr Duration kHappyEyeballs = std::chrono::seconds(1);

// --- resets by this host ---

// Unread data up to this size at a close may be a TLS close_notify alert or a session ticket's tail: no loss.
constexpr std::uint32_t kHarmlessUnreadBytes = 128;
// Port scans and late packets cause some RSTs on every host; from here on something keeps knocking.
constexpr double kResetStormPerSecond = 10.0;

// --- links ---

// An effect may appear up to this many whole seconds before or after its cause,
constexpr std::int64_t kLinkSeconds = 1;
// and so much of it must, or the two merely happened on one day.
constexpr double kLinkShare = 0.8;

}  // namespace tcpdiag::diagnose
