// SPDX-License-Identifier: Apache-2.0
// Every number that decides whether something is a difference, with the reason for its value. Nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tcpdiag::diff {

// --- chance ---

// Of all tests of one comparison together (Bonferroni: each gets its part): one healthy pair of runs in a hundred may
// show a difference of confidence medium by chance, one in a thousand one of confidence high.
constexpr double kFamilyMedium = 0.01;
constexpr double kFamilyHigh = 0.001;
// Of one test alone. What passes only this is reported with confidence low and does not count for the verdict.
constexpr double kSingleLow = 0.01;
// Fewer values than this on one side cannot reach any of them: no test is made, and none is counted.
constexpr double kFewestValues = 4;

// --- values that hang together ---

// Correlation of two values of the same second where no series tells it. One in a hundred is little; it makes 10,000
// values of one second worth 99.
constexpr double kLeastCorrelation = 0.01;
constexpr double kAssumedCorrelation = 0.05;
// A series of fewer seconds shows neither spread nor correlation.
constexpr std::size_t kFewestSeconds = 8;
// Blocks of 1, 2, 4, ... seconds are tried as long as this many remain.
constexpr std::size_t kFewestBlocks = 6;
// Counts in a run too short for its own dispersion: failures and losses come in twos and threes.
constexpr double kAssumedDispersion = 3;
// Where slow values have no series: all those that fit in one span of this length may be one incident (a start, a pause
// of a minute's cron job) and show nothing about the run.
constexpr double kOneSpanS = 5;

// Slow seconds of one incident are no chance either if there are so many of them, they are such a part of the run, and
// the other run has so many times fewer.
constexpr double kLastedS = 10;
constexpr double kLastedShare = 0.25;
constexpr double kLastedRatio = 10;

// --- delays: what matters to people ---

// A quarter is somewhat more than what people tell apart in durations (a tenth or two: docs/diff.md),
constexpr double kP50Ratio = 1.25;
// and below a millisecond nobody can, nor does it exceed the scheduler's noise.
constexpr double kP50LeastUs = 1'000;
// Tails are noisier: a thread that loses its CPU waits for one slice of each other runnable one (3 ms, EEVDF).
constexpr double kTailRatio = 1.5;
constexpr double kTailLeastUs = 5'000;
// The histogram's own error: a percentile is within 7 %, half of a bucket. Two buckets cannot be that.
constexpr std::size_t kLeastBuckets = 2;

// --- failures ---

// One or two happen to everybody (a deploy, a lost packet); as diagnose has it for "critical".
constexpr std::uint64_t kFewestFailures = 3;
// Percentage points: 1 in 1000 attempts, below which most services stay within their own error budget.
constexpr double kFailurePoints = 0.1;
constexpr double kFailureRatio = 1.25;

// --- loss ---

// Percentage points of all segments. TCP's throughput falls with the root of the loss (Mathis 1997); at 0.1 % and 10 ms
// one connection still carries 40 Mbit/s.
constexpr double kLossPoints = 0.1;
constexpr double kLossRatio = 1.5;
constexpr std::uint64_t kFewestLost = 10;
// Percentage points of the time that a window was closed, summed over all sockets.
constexpr double kZeroWindowPoints = 1;
// Packets in a run above an allowance: single microbursts are harmless (docs/findings.md, allowance-exceeded).
constexpr std::uint64_t kFewestExceeded = 100;
constexpr std::uint64_t kFewestExceededSeconds = 3;

// --- traffic ---

// Load is never twice the same, and it does nobody harm by itself.
constexpr double kRateRatio = 1.5;
constexpr std::uint64_t kFewestEvents = 20;
constexpr double kLeastBytesPerSecond = 1'000;
constexpr double kSizeRatio = 1.25;
constexpr double kLeastSizeBytes = 64;
constexpr double kOpenRatio = 2;
constexpr std::uint64_t kLeastOpen = 10;
// An endpoint or process of one run only is a difference in traffic when it has this part of the run's exchanges or
// bytes; smaller ones come and go, and are only listed.
constexpr double kNewShare = 0.1;

// --- failed against good, of one run ---

constexpr double kOutcomeRatio = 2;
constexpr double kOutcomeLeastUs = 100'000;  // 0.1 s feels instantaneous (Nielsen)
constexpr double kOutcomeShareRatio = 2;     // failing so many times as often as the rest
// Failures that happened together: half of them in a tenth of the time that the good exchanges took.
constexpr double kTogetherShare = 0.5;
constexpr double kTogetherLeastRatio = 5;

// --- the runs ---

// Lengths that differ by more: rare things may be missing from the shorter.
constexpr double kLengthRatio = 3;
// Events lost of those seen; as diagnose has it for "not trustworthy".
constexpr double kLossSpoilsPct = 1;

}  // namespace tcpdiag::diff
