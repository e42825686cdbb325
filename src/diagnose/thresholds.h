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
// Equal times show a timer when they began at different times: so many spreads of theirs,
constexpr int kTimerStartSpread = 3;
// and more than what one wake-up of many threads takes.
constexpr Duration kTimerStartsApart = std::chrono::milliseconds(10);
// A known timer fits within its own grid and the way of what it sends (a quarter of a second: select loops, timer
// wheels, a RST over a queue),
constexpr Duration kTimerMatch = std::chrono::milliseconds(250);
// or within 2 %: long timers are often checked only now and then.
constexpr double kTimerMatchShare = 0.02;

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

// --- a peer that is gone ---

// Several connections that lose their peer within a second lost it together: one path, one host, one failover.
constexpr Duration kVanishedWithin = std::chrono::seconds(1);
constexpr std::size_t kVanishedConnections = 2;
// A RST this soon after the handshake refuses the connection: no request can have been worked on, let alone an idle
// timer have passed.
constexpr Duration kRefusesWithin = std::chrono::seconds(1);
// What a server says before it turns a client away: "-ERR max number of clients reached", a "421" or a "503" with some
// headers.
constexpr std::uint64_t kRefusalBytes = 512;

// --- connects ---

// A connect without an answer after this long has lost its SYN at least twice (retransmitted at 1 s and, on kernels
// without linear SYN timeouts, at 3 s): counted as failing although it still tries.
constexpr Duration kConnectPending = std::chrono::seconds(3);
// A SYN that was retransmitted was not merely abandoned by a client that tries two addresses at once (RFC 8305: 250
// ms).
constexpr std::uint32_t kConnectMinSyns = 2;
// Or waited as long as happy eyeballs waits for its first address (RFC 8305 section 8), and nothing served it
// elsewhere.
constexpr Duration kConnectGivenUp = std::chrono::milliseconds(250);
// From this share of an endpoint's connects on late ones are no chance (verdict: users slow are never without harm).
constexpr double kSlowConnectPct = 5.0;
// RFC 8305 (happy eyeballs): the other address is tried within 250 ms, so within a second the user is served.
constexpr Duration kHappyEyeballs = std::chrono::seconds(1);

// --- look-ups of names ---

// From this share of a resolver's answers on late ones are no chance (as slow users); model::kSlowLookUp says what is
// late.
constexpr double kSlowLookUpsShare = 0.05;
// However slow the resolver always is: a name takes milliseconds, a second is felt and is the least wait that
// resolv.conf(5) knows.
constexpr Duration kSlowLookUpAnyway = std::chrono::seconds(1);
// resolv.conf(5) takes three resolvers, and containers have their own. From more on a resolver of this host asks the
// servers of the names: then only those with so large a part of the queries are judged.
constexpr std::size_t kResolversOfHost = 8;
constexpr double kResolverShare = 0.05;
// A name was what a request waited for if it took at least this part of the wait.
constexpr double kLookUpShareOfWait = 0.5;

// --- resets by this host ---

// Unread data up to this size at a close may be a TLS close_notify alert or a session ticket's tail: no loss.
constexpr std::uint32_t kHarmlessUnreadBytes = 128;
// A connection whose peer was reset meets that within a few timeouts of its own.
constexpr Duration kStrayKills = std::chrono::seconds(10);
// Port scans and late packets cause some RSTs on every host; from here on something keeps knocking.
constexpr double kResetStormPerSecond = 10.0;

// --- this host's application ---

// A second between the user's request and the call that it needs is felt as a pause (Nielsen: the flow of thought is
// interrupted). Templates, database and cache of a web request take tens to some hundred milliseconds.
constexpr Duration kLongAppGap = std::chrono::seconds(1);
// The p90 of fewer calls than this is the single worst of them.
constexpr std::uint64_t kAppGapCalls = 5;
// When at least this part of the failed calls' time, counted from the user's request, had passed before the call,
// shortening the call's own timeout helps less than finding what came before it.
constexpr double kAppGapShareOfFailed = 0.5;
// Failed calls were made so many times later than good ones: the gap has to do with their failing. Less is load.
constexpr double kAppGapDiffers = 5.0;
// So many of the calls must be known to follow a user's request before they stand for all.
constexpr double kAppGapCoveragePct = 80.0;
// From this part on, threads that hold several requests at once make the gaps: which request a call belongs to is then
// a guess.
constexpr double kAppGapAmbiguous = 0.2;
// The time since the user's request is told when it is known of so many of the cases (as for timers and links).
constexpr double kSinceInboundShare = 0.8;

// Of more endpoints of one service with the same finding one stands for all.
constexpr std::size_t kManyEndpoints = 10;

// --- this host's listening sockets ---

// The source looks once a second; what was last seen this long before the end still goes on.
constexpr Duration kListenOngoing = std::chrono::seconds(2);
// So much of a time must be covered by samples at which it overflowed or was full before all of it counts for links: a
// client repeats its SYN after 1, 2, 4 s, so not every second drops one.
constexpr double kListenDense = 0.5;
// So many cookies that did not come back are no burst of clients: those answer.
constexpr std::uint64_t kFloodCookies = 100;

// --- a storm of connects ---

// Ten times the usual rate: doubling and tripling are the load of a day.
constexpr double kStormFactor = 10.0;
// Pools open some connections a second by themselves; against a median of 0 any connect would be a storm.
constexpr double kStormConnectsPerSecond = 10.0;
// At least every second exchange pays for a new connection: they are not reused.
constexpr double kStormConnectsPerExchange = 0.5;
// So many calls had timed out before, else it is the start of a program or of load.
constexpr std::uint64_t kStormTimeouts = 3;
// So many calm seconds before the first of these timeouts give the usual rate; with fewer, the whole trace does.
constexpr std::size_t kStormCalmSeconds = 5;
// One wave of reconnects follows every restart of a server.
constexpr double kStormSecondsForWarning = 3.0;

// --- delays: seconds ---

// A second speaks when this much happened in it: fewer exchanges, or fewer round trips, give a median that one slow
// call makes.
constexpr double kBusyExchangesPerSecond = 5.0;
constexpr double kBusyRttSamplesPerSecond = 20.0;
// Fewer samples of one measure than this in a second have no median to speak of.
constexpr std::uint64_t kSamplesInSecond = 3;
// A trace shorter than this cannot show that a delay lasts: one step of confidence down.
constexpr Duration kShortWindow = std::chrono::seconds(10);

// --- delays: who is hurt ---

// An exchange is delayed when it takes more than five times what the empty path takes,
constexpr std::uint64_t kDelayedFloors = 5;
// and at least as long as people notice (Nielsen: 0.1 s feels instantaneous).
constexpr Duration kDelayed = std::chrono::milliseconds(100);
// From this part on (1 in 20) many users meet it, whatever the cause.
constexpr double kSlowUsersShare = 0.05;
// Or all of them: of the open connections so many were still waiting for an answer when the trace ended.
constexpr double kAllWaitShare = 0.5;
// When at least this part of the exchanges is delayed,
constexpr double kDelayedShare = 0.5;
// for at least this long, users stand before a slow page again and again: critical without a single failure.
constexpr double kDelayedForSeconds = 10.0;
// From this many bytes an exchange is a bulk transfer. TCP fills the queue of its bottleneck on purpose; nobody waits
// for the single segment, so nothing that a bulk transfer does to itself is more than a notice.
constexpr double kBulkBytes = 1024.0 * 1024.0;

// --- delays: the network path ---

// Below 10 ms scheduling, interrupts and Wi-Fi look like queues, and no user notices.
constexpr Duration kQueueAtLeast = std::chrono::milliseconds(10);
// On long paths routes and their load vary in proportion: twice the floor above the floor.
constexpr double kQueueFloors = 2.0;
// Queued seconds: fewer are a microburst, which is harmless without timeouts or failures.
constexpr double kQueuedForWarning = 3.0;
// So many queued seconds in a row, or so large a part of the busy ones, are no burst any more.
constexpr double kSustainedRun = 5.0;
constexpr double kSustainedShare = 0.5;
// An ACK without data may be a delayed one: 40 ms on Linux, rounded up to ticks of up to 10 ms (CONFIG_HZ=100), and
// the softirq's own delay. A rise beyond this is not the delayed ACK of a Linux peer.
constexpr Duration kDelayedAckMost = std::chrono::milliseconds(60);
// No Linux peer delays an ACK for more than 200 ms (TCP_DELACK_MAX), plus one tick. An ACK that rode on a response and
// took longer did not wait for the application.
constexpr Duration kNoDelayedAck = std::chrono::milliseconds(210);
// Absent ACKs: so many must have been awaited in a second, at least half of its samples,
constexpr std::uint64_t kAwaitedInSecond = 5;
constexpr double kAwaitedShare = 0.5;
// and at most so large a part may have come apart from an answer. Measured: a server that thinks 172 ms acknowledges
// every request apart, 40 that wait for one lock of 84 ms most of them; behind a queue of 170 ms none of 24,000 came.
constexpr double kApartShare = 0.05;
// In all; and so many to be sure, of a peer that is known as Linux by the clock of its timestamps.
constexpr std::uint64_t kAwaitedAtLeast = 20;
constexpr std::uint64_t kAwaitedToBeSure = 100;
// "Risen alike": two rises within a factor of 2, the resolution of a second's median under changing load.
constexpr double kAlike = 2.0;
// So large a part of a second's samples must be clean (their ACK carried no data), where 9 of 10 samples have risen:
// then at least half of the clean ones have risen, wherever the rest are.
constexpr double kCleanShare = 0.2;
// The same where only half of the samples have risen.
constexpr double kCleanShareOfHalf = 1.0;
// Seconds with proof speak for those without when they are so many for each of these (a short burst must not turn an
// hour of a slow server into a network),
constexpr double kProvenShare = 0.2;
// or so many at all where the rise is beyond a delayed ACK (few new connections show that they were delayed, too),
constexpr std::size_t kProvenSeconds = 3;
// and so large a part of the seconds that can tell says the same.
constexpr double kProofAgreement = 0.8;
// Loss rose with the delay when seconds with the delay have so many times the loss of those without,
constexpr double kLossRise = 3.0;
// and so large a part of them has any. Chance loss on a bad path comes in all seconds alike.
constexpr double kLossSeconds = 0.5;
// Trains (bpf/engine/train.h): so many in a second speak for it. Sent at once, they came over three times what the
// peer's ticks say on average: one tick may hide as much again.
constexpr std::uint64_t kTrainsInSecond = 5;
constexpr double kTrainStretch = 3.0;
// A full path carries in a train what it carries in all, less its idle moments and other endpoints' traffic; of the
// seconds that have trains so many must agree. Measured: 91.5 Mbit/s in trains and 91.5 in all where a shaper of 96
// Mbit/s was full, thousands where it was not.
constexpr double kTrainExcess = 1.3;
constexpr double kTrainSeconds = 0.9;
// A short queue that is full stands still and drops: by the peer's clock half of what comes has waited for more than
// its tick of 1 ms can pretend, and for so large a part of the floor (the routes of a long path vary), and as much is
// lost as a policer loses.
constexpr Duration kStandingQueue = std::chrono::microseconds(1500);
constexpr double kStandingFloors = 0.5;
// A rise over a full pipe that also loses segments: it must be this many floors, so that it is no variation of a
// long path (a queue of 200 ms on a path within a region is 100 floors and more).
constexpr double kPipeRiseFloors = 10.0;
// Nothing else proves it: it must be steady for longer than a ceiling over a path that is known to be queued.
constexpr double kFullPipeSeconds = 10.0;
// So many sockets must have risen like the endpoint: a shared queue delays everybody.
constexpr double kFlowsAgreePct = 80.0;

// --- delays: a ceiling ---

// A token bucket passes the same bytes every second; shorter than this, chance does too.
constexpr double kCeilingSeconds = 5.0;
// (p90 - p10) / p50. A shaper measured second by second scatters within 1 to 2 %; load of people by 10 % and more.
constexpr double kCeilingSpread = 0.05;
// A ceiling is never exceeded, but for what the sampling moves from one second to the next.
constexpr double kCeilingExcess = 1.05;
// A second counted late leaves its bytes to the next one: two neighbours together must not exceed it by more than this.
constexpr double kCeilingPairExcess = 1.02;
// Fewer exchanges a second than this show the rhythm of a caller, not the limit of a path.
constexpr double kCeilingExchangesPerSecond = 5.0;
// A policer: with so many seconds a variance is below a ninth of the true one by chance once in 500.
constexpr double kPolicedSeconds = 8.0;
constexpr double kPolicedVariance = 1.0 / 9;
// Of two seconds together. More than of a queue: a policer has nothing to send while all calls wait for timers.
// Measured: 2.4 to 6 % behind policers, 9 to 11 % with random loss.
constexpr double kPolicedSpread = 0.08;
// Nobody waits for the peer's application when a quarter of the calls has its first byte within so much of a mean call.
constexpr double kPolicedFirstByte = 0.02;
// There is demand left where so many of the connections are in a call at any time.
constexpr double kPolicedBusyShare = 0.8;
// The ceiling is measured with headers, as a cloud counts; a baseline within 3 % of it fits. Neighbours in the table
// differ by 4 % and more.
constexpr double kBaselineTolerance = 0.03;
// A baseline holds for minutes and hours; this much of it must have been seen to be sure of more than the rate.
constexpr double kCeilingSecondsForBaseline = 20.0;

// --- this host's allowances ---

// As for a queue: seconds with an exceeded allowance that are no burst any more,
constexpr std::uint64_t kAllowanceSeconds = 5;
// or packets in any 60 s: CloudWatch's finest period, in which fewer are lost in the noise of retransmissions.
constexpr std::uint64_t kAllowancePacketsPerMinute = 100;
// The source looks once a second; what last rose this long before the end still goes on.
constexpr Duration kAllowanceOngoing = std::chrono::seconds(2);
// Open connections from this part of an ElastiCache node's limit on are worth a look.
constexpr double kNearConnectionLimit = 0.8;

// --- delays: this host ---

// A qdisc or driver that works holds a segment for microseconds (up to 1 or 2 ms with offloads at 1 Gbit/s).
constexpr Duration kHostQueue = std::chrono::milliseconds(5);
constexpr double kHostQueueSeconds = 3.0;
// Retransmissions that found their first copy still in this host: one or two happen when a device restarts.
constexpr std::uint64_t kBusyFailures = 3;
// 100 ms of unread data is a stopped, collecting or overloaded process: event loops turn in a few milliseconds.
constexpr Duration kReadWait = std::chrono::milliseconds(100);
// The p99 of fewer reads than this is the single worst of them,
constexpr std::uint64_t kReads = 20;
// and one or two late reads happen to every process.
constexpr std::uint64_t kLateReads = 3;
// A pause of this length is felt by everybody who waited, also if it was the only one.
constexpr Duration kLongPause = std::chrono::seconds(1);
// A closed window opens within a round trip where the receiver merely paces its sender. In total, over a trace.
constexpr Duration kZeroWindow = std::chrono::milliseconds(200);
constexpr double kZeroWindowShare = 0.01;
// Stalls that each end within this, or within two round trips, are flow control at work.
constexpr Duration kShortStall = std::chrono::milliseconds(10);

// --- what keeps a sender back ---

// Of the time in which sockets had data to send, and of a mean exchange: less is lost among the other reasons.
constexpr double kLimitedShare = 0.2;
// From this part of a mean exchange on it is the reason for the late ones.
constexpr double kLimitedMost = 0.5;
// In total, over a trace: a jiffy is up to 10 ms, and short limits are flow control at work.
constexpr Duration kLimitedAtLeast = std::chrono::seconds(1);
// What an exchange loses by it, at least: below, no user notices (as for a queue).
constexpr Duration kLimitedPerExchange = std::chrono::milliseconds(10);

// --- loss ---

// Ten segments and 1 %: below that TCP repairs without anybody's notice.
constexpr std::uint64_t kLostSegments = 10;
constexpr double kLossPct = 1.0;
// A timeout stops the connection for 200 ms or more; three of them are a pattern.
constexpr std::uint64_t kTimeoutsOfLoss = 3;
// When half of the retransmitted segments had arrived after all (DSACK), the path reorders or delays, and loses little.
constexpr double kSpuriousShare = 0.5;
// Late segments alone: senders adapt to a few (RFC 8985 section 6.2).
constexpr double kReorderedPctLeast = 0.1;
// A hole that stays for so long: a repair would have come, also after a second timeout (RFC 6298).
constexpr Duration kHoleStays = std::chrono::seconds(1);
// Waits for a delayed ACK: fewer may be writes that were that far apart.
constexpr std::uint64_t kNagleWaits = 10;

// Loss of bursts: were loss a matter of chance, as large a part would be lost of what is sent again as of what is sent
// first. At least so many would be then, and at most half of them was (chance: once in 3000).
constexpr double kBurstLossExpected = 40.0;
constexpr double kBurstLossShare = 0.5;
// A timeout so much later than the usual probe, both since the first transmission, is the second time that it was lost:
// the timer is at least doubled.
constexpr double kSecondTimeout = 1.5;
// So much of what was sent again was by timers: else what is lost twice shows in other ways.
constexpr double kBurstLossByTimers = 0.8;

// --- links ---

// An effect may appear up to this many whole seconds before or after its cause,
constexpr std::int64_t kLinkSeconds = 1;
// and so much of it must, or the two merely happened on one day.
constexpr double kLinkShare = 0.8;
// A drop that explains less of what was sent again is not why: the rest was lost elsewhere.
constexpr double kDropsMatterShare = 0.2;

}  // namespace tcpdiag::diagnose
