// SPDX-License-Identifier: Apache-2.0
// A part of a trace's time is emitted as a trace of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "unit/redact/incident.h"
#include "unit/session/slice/view_builder.h"

namespace tcpdiag::session {
namespace {

using namespace session::testing;
using correlate::testing::owner;
using correlate::testing::to_ms;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const model::SocketStory* story_of(const model::Picture& picture, std::uint64_t id) {
  for (const auto& story : picture.sockets) {
    if (story.socket.id.value == id) return &story;
  }
  return nullptr;
}

// --- the window ---

TEST(Part, OutsideOfTheRecordingIsAnErrorThatNamesItsWindow) {
  Trace trace;
  trace.end(60'000);
  const auto names_the_window = AllOf(HasSubstr("2026-11-21T02:31:07.250Z"), HasSubstr("2026-11-21T02:32:07.250Z"));
  for (const model::View& view : {part_from(-2), part_from(60'000), part_from(1e9), part_to(0), part_to(-1),
                                  part_to(60'001), part(10, 60'001), part(2000, 1000), part(1000, 1000)}) {
    EXPECT_THAT(refusal(trace, view), names_the_window);
  }
}

TEST(Part, AsReportsShowItsEndsIsTheWhole) {  // three digits
  Trace trace;
  Conversation socket = trace.outbound(1);
  socket.open(10);
  trace.end(60'000.7);
  const Stream out = sliced(trace, part(-0.4, 60'000));
  const auto start = out.all<model::TraceStart>()[0];
  EXPECT_EQ(start.clock.mono_at, ms(0));
  EXPECT_EQ(out.all<model::TraceEnd>()[0].at, ms(60'000.7));
  EXPECT_EQ(out.records.size(), trace.records.size());
}

TEST(Part, HasAClockOfItsOwnWithTheSameTimes) {
  Trace trace;
  trace.end(60'000);
  const auto start = sliced(trace, part(10'000, 30'000)).all<model::TraceStart>()[0];
  EXPECT_EQ(start.clock.mono_at, ms(10'000));
  EXPECT_EQ(start.clock.to_wall(ms(12'345)), wall(12'345));
  EXPECT_EQ(start.requested_duration, std::chrono::seconds(20));
}

TEST(Part, FromATimeOnIsSoMuchShorter) {
  model::TraceStart start = correlate::testing::trace_start();
  start.requested_duration = std::chrono::seconds(60);
  Trace trace(start);
  trace.end(60'000, {.ended_by = model::EndedBy::kDuration});
  const Stream out = sliced(trace, part_from(10'000));
  EXPECT_EQ(out.all<model::TraceStart>()[0].requested_duration, std::chrono::seconds(50));
  EXPECT_EQ(out.all<model::TraceEnd>()[0].ended_by, model::EndedBy::kDuration);
  EXPECT_EQ(out.all<model::TraceEnd>()[0].at, ms(60'000));
}

TEST(Part, EndsInOrderAtItsEndWithTheLossOfTheWholeTrace) {
  Trace trace;
  model::TraceEnd end{.ended_by = model::EndedBy::kError, .partial = true};
  end.loss.ring_full = 7;
  end.sockets_filtered_out = 4;
  trace.end(60'000, end);
  const auto reported = sliced(trace, part_to(30'000)).all<model::TraceEnd>()[0];
  EXPECT_EQ(reported.at, ms(30'000));
  EXPECT_EQ(reported.ended_by, model::EndedBy::kDuration);
  EXPECT_FALSE(reported.partial);
  EXPECT_EQ(reported.loss.ring_full, 7U);
  EXPECT_EQ(reported.sockets_filtered_out, 4U);
}

TEST(Part, HoldsWhatHappenedWithin) {
  Trace trace;
  for (std::uint64_t id = 1; id <= 9; ++id) {
    Conversation socket = trace.outbound(id);
    socket.connect(1000 * static_cast<double>(id));
    socket.reset_received(1000 * static_cast<double>(id) + 1);
  }
  trace.end(10'000);
  EXPECT_THAT(sockets_in(sliced(trace, part(3000, 6000))), UnorderedElementsAre(3, 4, 5));  // `to` not included
}

// --- sockets that were open when it began ---

TEST(Part, FindsOpenSocketsWhenItBegins) {
  Trace trace;
  Conversation open = trace.outbound(1);
  open.open(100);
  open.exchange(200);
  Conversation closed = trace.outbound(2);
  closed.open(100);
  closed.close(150);
  closed.gone(160);
  open.close(5000);
  open.gone(5001);
  trace.end(10'000);

  const Stream out = sliced(trace, part_from(1000));
  const auto snapshots = out.all<model::SocketSnapshot>();
  ASSERT_EQ(snapshots.size(), 1U);
  const model::SocketSnapshot& first = snapshots[0];
  EXPECT_EQ(first.at, ms(1000));
  EXPECT_EQ(first.moment, model::SnapshotMoment::kStart);
  EXPECT_EQ(first.socket.id.value, 1U);
  EXPECT_TRUE(first.socket.older_than_trace);
  EXPECT_EQ(first.flow.state, model::TcpState::kEstablished);
  EXPECT_FALSE(first.flow.opened_at);
  EXPECT_EQ(first.flow.exchanges, 0U);
  EXPECT_EQ(first.flow.bytes_sent_total, 100U);
  ASSERT_TRUE(first.owner);
  EXPECT_EQ(first.owner->comm, "ruby");
  ASSERT_EQ(out.events().size(), 2U);
  for (const model::Event& event : out.events()) {
    EXPECT_TRUE(event.socket.older_than_trace);
    EXPECT_FALSE(event.flow.opened_at);
  }
}

TEST(Part, CountsFromItsBeginningWhereThatIsKnown) {
  Trace trace;
  Conversation socket = trace.outbound(1);
  socket.open(100);
  for (int i = 0; i < 10; ++i) socket.exchange(200 + 10 * i);
  socket.emit(400, model::Retransmitted{.ca_state = 3});  // tells of them
  socket.exchange(2000);
  socket.close(3000);
  socket.gone(3001);
  trace.end(10'000);
  Stream out = sliced(trace, part_from(1000));
  EXPECT_EQ(out.events().back().flow.exchanges, 1U);
  EXPECT_EQ(out.events().back().flow.bytes_received, 1000U);
  EXPECT_EQ(out.events().back().flow.bytes_received_total, 11'000U);
  EXPECT_EQ(feature(out, "socket_counts"), nullptr);
}

TEST(Part, NeverCountsWhatMayHaveBeenBefore) {
  Trace trace;
  Conversation busy = trace.outbound(1);
  busy.open(100);
  for (int i = 0; i < 40; ++i) busy.exchange(200 + 100 * i);
  busy.emit(4500, model::Retransmitted{.ca_state = 3});
  busy.exchange(4600);
  busy.exchange(4700);
  busy.close(5000);
  busy.gone(5001);
  trace.end(10'000);
  Stream out = sliced(trace, part_from(1000));
  EXPECT_EQ(out.events().back().flow.exchanges, 2U);  // since 4500
  ASSERT_NE(feature(out, "socket_counts"), nullptr);
  EXPECT_THAT(feature(out, "socket_counts")->reason, HasSubstr("1 socket sent"));
}

TEST(Part, CountsEveryRetransmissionOfItsOwn) {
  Trace trace;
  Conversation socket = trace.outbound(1);
  socket.open(100);
  const auto retransmit = [&socket](double at) {
    ++socket.flow.retransmitted_segments;
    socket.emit(at, model::Retransmitted{.ca_state = 3});
  };
  for (const double at : {200, 300, 2000, 2100, 2200}) retransmit(at);
  trace.end(10'000);
  Stream out = sliced(trace, part_from(1000));
  const model::Picture picture = tcpdiag::testing::picture_of(out);
  EXPECT_EQ(picture.totals.retransmitted_segments, 3U);
  EXPECT_EQ(picture.totals.retransmits[static_cast<std::size_t>(model::RetransmitKind::kFast)], 3U);
}

TEST(Part, TellsLateWordsOfASocketThatWasOverAndNoMore) {
  Trace trace;
  Conversation socket = trace.outbound(1);
  socket.open(100);
  socket.gone(900);
  socket.emit(1100, model::ResetSent{.previous_state = model::TcpState::kEstablished}, model::TcpState::kClose);
  socket.emit(1200, model::Destroyed{});
  trace.end(10'000);
  Stream out = sliced(trace, part_from(1000));
  EXPECT_THAT(out.all<model::SocketSnapshot>(), IsEmpty());
  ASSERT_EQ(out.events().size(), 1U);
  const model::Picture picture = tcpdiag::testing::picture_of(out);
  EXPECT_EQ(picture.totals.resets.sent, 1U);
  EXPECT_EQ(picture.totals.connects, 0U);
  EXPECT_EQ(picture.totals.sockets_open_at_end, 0U);
}

TEST(Part, LeavesOutSocketsWhoseEndWasLost) {
  Trace trace;
  Conversation lost = trace.outbound(1);
  lost.open(100);
  Conversation open = trace.outbound(2);
  open.open(100);
  open.snapshot(trace, 9990, model::SnapshotMoment::kEnd);
  model::TraceEnd end;
  end.loss.ring_full = 1;
  trace.end(10'000, end);
  EXPECT_THAT(sockets_in(sliced(trace, part(1000, 2000))), UnorderedElementsAre(2));
}

TEST(Part, IntroducesTheOwnersOfItsSockets) {
  Trace trace;
  trace.process(811, "/a");
  trace.process(900, "/b");
  trace.outbound(1).open(100);
  Conversation other = trace.outbound(2);
  other.who = owner(900, "python");
  other.connect(200);
  other.reset_received(201);
  trace.end(10'000);
  const auto processes = sliced(trace, part_from(1000)).all<model::ProcessInfo>();
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0].pid, 811U);
}

// --- sockets that are open when it ends ---

TEST(Part, FindsOpenSocketsWhenItEnds) {
  Trace trace;
  Conversation open = trace.outbound(1);
  open.open(100);
  Conversation later = trace.outbound(2);
  later.open(3000);
  open.close(5000);
  trace.end(10'000);
  Stream out = sliced(trace, part_to(2000));
  const auto snapshots = out.all<model::SocketSnapshot>();
  ASSERT_EQ(snapshots.size(), 1U);
  EXPECT_EQ(snapshots[0].at, ms(2000));
  EXPECT_EQ(snapshots[0].moment, model::SnapshotMoment::kEnd);
  EXPECT_EQ(snapshots[0].socket.id.value, 1U);
  EXPECT_FALSE(snapshots[0].socket.older_than_trace);
  EXPECT_EQ(tcpdiag::testing::picture_of(out).totals.sockets_open_at_end, 1U);
}

TEST(Part, DoesNotRepeatTheTracesOwnLastWord) {
  Trace trace;
  Conversation socket = trace.outbound(1);
  socket.open(100);
  socket.snapshot(trace, 1500, model::SnapshotMoment::kEnd);  // its namespace was let go
  socket.close(5000);
  trace.end(10'000);
  EXPECT_EQ(sliced(trace, part_to(2000)).all<model::SocketSnapshot>().size(), 1U);
}

TEST(Part, KnowsWhatWaitedWhenItEnded) {
  Trace trace;
  Conversation waiting = trace.outbound(1);
  waiting.open(100);
  waiting.exchange(200);
  waiting.request(1000);
  waiting.reset_received(8000);  // the first that is reported of the request
  Conversation answered = trace.outbound(2);
  answered.open(100);
  answered.request(1000);
  answered.emit(1100, model::Retransmitted{.ca_state = 4});  // emitted while it waited
  answered.response(1200);
  answered.exchange(3000);
  answered.close(8000);
  trace.end(10'000);
  Stream out = sliced(trace, part_to(2000));
  const model::Picture picture = tcpdiag::testing::picture_of(out);
  EXPECT_EQ(picture.totals.exchanges_pending, 1U);
  const auto* story = story_of(picture, 1);
  ASSERT_NE(story, nullptr);
  EXPECT_TRUE(story->exchange_pending);
  EXPECT_EQ(to_ms(story->pending_wait), 1000);
  const auto* other = story_of(picture, 2);
  ASSERT_NE(other, nullptr);
  EXPECT_FALSE(other->exchange_pending);
}

TEST(Part, SeesARequestFailThatBeganBeforeIt) {
  Trace trace;
  Conversation socket = trace.outbound(1);
  socket.open(100);
  socket.exchange(200);
  socket.request(1000);
  socket.acked(1001);
  socket.reset_received(31'000);
  trace.end(60'000);
  Stream out = sliced(trace, part(20'000, 40'000));
  const model::Report report = tcpdiag::testing::report_of(out);
  ASSERT_EQ(report.picture.sockets.size(), 1U);
  EXPECT_EQ(report.picture.sockets[0].exchanges_failed, 1U);
  EXPECT_EQ(to_ms(report.picture.sockets[0].end->wait), 30'000);
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings[0].code, "peer-reset-awaiting-response");
}

// --- what is summed up ---

TEST(Part, TakesSumsFromItsBeginning) {
  Trace trace;
  Conversation socket = trace.outbound(1);
  socket.open(100);
  Sampled sums;
  sums.now.device = "ens5";
  sums.now.floor_handshake_us = 500;
  for (int n = 1; n <= 9; ++n) {
    sums.exchanges(10);
    sums.add(model::Measure::kFirstByte, 1000 * static_cast<std::uint64_t>(n), 10);
    sums.send(trace, turn(n) + 4);  // rounds are a little late
  }
  socket.snapshot(trace, 9990, model::SnapshotMoment::kEnd);
  trace.end(10'000);

  Stream out = sliced(trace, part(turn(3), turn(6)));
  const auto samples = out.all<model::EndpointSample>();
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples.back().at, ms(turn(6)));  // never beyond the end
  EXPECT_EQ(samples.back().exchanges, 30U);
  EXPECT_EQ(samples.back().bytes_received, 60'000U);
  EXPECT_EQ(samples.back().floor_handshake_us, 500U);
  EXPECT_EQ(samples.back().device, "ens5");
  const model::Picture picture = tcpdiag::testing::picture_of(out);
  ASSERT_EQ(picture.endpoints.size(), 1U);
  EXPECT_EQ(picture.totals.exchanges, 30U);
  EXPECT_EQ(picture.endpoints[0].histograms.at(model::Measure::kFirstByte).count(), 30U);
  EXPECT_GE(*picture.endpoints[0].histograms.at(model::Measure::kFirstByte).min(), 3800U);
  const auto& exchanges = picture.endpoints[0].series.arrays.at(model::SeriesId::kExchanges);
  EXPECT_EQ(exchanges, (std::vector<std::optional<std::int64_t>>{10, 10, 10}));
}

TEST(Part, TakesNothingFromANewGeneration) {
  Trace trace;
  trace.outbound(1).open(100);
  Sampled sums;
  sums.exchanges(10);
  sums.send(trace, turn(1));
  sums.exchanges(2);
  sums.send(trace, turn(3));
  Sampled again;
  again.now.generation = 1;
  again.exchanges(5);
  again.send(trace, turn(4));
  trace.end(10'000);
  const auto samples = sliced(trace, part_from(turn(2))).all<model::EndpointSample>();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].exchanges, 2U);
  EXPECT_EQ(samples[1].exchanges, 5U);
  EXPECT_EQ(samples[1].generation, 1U);
}

TEST(Part, BoundsTheLongestStall) {
  Trace trace;
  trace.outbound(1).open(100);
  Sampled sums;
  sums.now.zero_window_received_us = 5'000'000;
  sums.now.zero_window_longest_us = 4'000'000;
  sums.now.zero_window_stalls = 3;
  sums.send(trace, turn(1));
  sums.now.zero_window_received_us += 200'000;
  ++sums.now.zero_window_stalls;
  sums.send(trace, turn(3));
  trace.end(10'000);
  const auto sample = sliced(trace, part_from(turn(2))).all<model::EndpointSample>()[0];
  EXPECT_EQ(sample.zero_window_received_us, 200'000U);
  EXPECT_EQ(sample.zero_window_longest_us, 200'000U);
  EXPECT_EQ(sample.zero_window_stalls, 1U);
}

TEST(Part, TakesCountersOfNamespacesAndCardsFromItsBeginning) {
  Trace trace;
  for (int n = 1; n <= 9; ++n) {
    const auto i = static_cast<std::uint64_t>(n);
    model::NetnsSample counters{.at = ms(turn(n)), .netns_inode = kNetns, .counters = {{"ListenOverflows", 10 * i}}};
    trace.on_sample(counters);
    model::NicSample nic{.at = ms(turn(n)), .device = "ens5", .netns_inode = kNetns, .counters_supported = true};
    nic.exceeded = {{"bw_out", 100 * i}};
    trace.on_sample(nic);
  }
  trace.end(10'000);
  Stream out = sliced(trace, part(turn(3) + 500, turn(6) + 500));
  ASSERT_EQ(out.all<model::NetnsSample>().size(), 4U);
  EXPECT_EQ(out.all<model::NetnsSample>()[0].at, ms(turn(3) + 500));
  const model::Picture picture = tcpdiag::testing::picture_of(out);
  EXPECT_EQ(picture.totals.listen_overflows, 30U);
  ASSERT_EQ(picture.nics.size(), 1U);
  ASSERT_EQ(picture.nics[0].limits.size(), 1U);
  EXPECT_EQ(picture.nics[0].limits[0].delta, 300U);
}

// --- the whole ---

// What a live source that began at `start` would have emitted: a socket that was open, one that opens, one that fails.
void middle_of_a_trace(Trace& trace, Conversation& old, Sampled& sums) {
  Conversation fresh = trace.outbound(2);
  fresh.open(20'500);
  fresh.exchange(21'000);
  old.request(22'000);
  old.acked(22'001);
  Conversation refused = trace.outbound(3);
  refused.connect(23'000);
  refused.reset_received(23'001);
  old.reset_received(27'000);
  fresh.request(27'500);
  for (int n = 21; n <= 29; ++n) {
    sums.exchanges(1);
    sums.add(model::Measure::kFirstByte, 1000);
    sums.send(trace, turn(n));
  }
  fresh.snapshot(trace, 30'000, model::SnapshotMoment::kEnd);
}

std::string totals_and_sockets(Stream& stream) {
  const std::string json = tcpdiag::testing::json_of(stream);
  return json.substr(json.find("\"totals\""));
}

TEST(Part, IsLikeATraceThatBeganThere) {
  Trace whole;
  Conversation old = whole.outbound(1);
  old.open(100);
  old.exchange(200);
  old.emit(300, model::Retransmitted{.ca_state = 3});
  Sampled sums;
  sums.exchanges(500);
  sums.add(model::Measure::kLastByte, 77, 500);
  sums.send(whole, turn(20));
  middle_of_a_trace(whole, old, sums);
  whole.end(60'000);
  model::View view = part(20'000, 30'000);
  Stream cut = sliced(whole, view);

  model::TraceStart start = correlate::testing::trace_start();
  start.clock = {ms(20'000), wall(20'000)};
  Trace live(start);
  Conversation seeded = live.outbound(1);
  seeded.open(100);  // not emitted
  live.records.resize(1);
  seeded.exchange(200);
  seeded.ref.older_than_trace = true;
  const model::Flow before = seeded.flow;
  seeded.flow = {.state = model::TcpState::kEstablished};
  seeded.flow.last_sent_at = before.last_sent_at;
  seeded.flow.last_received_at = before.last_received_at;
  seeded.flow.bytes_sent_total = before.bytes_sent_total;
  seeded.flow.bytes_received_total = before.bytes_received_total;
  seeded.snapshot(live, 20'000, model::SnapshotMoment::kStart);
  Sampled since;
  middle_of_a_trace(live, seeded, since);
  live.end(30'000, {.ended_by = model::EndedBy::kDuration});

  EXPECT_EQ(totals_and_sockets(cut), totals_and_sockets(live));
  EXPECT_EQ(tcpdiag::testing::report_of(cut).summary, tcpdiag::testing::report_of(live).summary);
}

// However a trace is cut: nothing is lost, nothing is counted twice.
TEST(Part, AddsUpWithTheOthersToTheWhole) {
  Stream whole = redact::testing::incident();
  const model::Totals all = tcpdiag::testing::picture_of(whole).totals;
  ASSERT_GT(all.resets.received, 0U);
  ASSERT_GT(all.exchanges, 0U);
  for (const double length : {2500.0, 1000.0, 333.0, 9999.0}) {
    model::Totals sum;
    for (double from = 0; from < 10'000; from += length) {
      const double to = from + length;
      model::View view = to < 10'000 ? part(from, to) : part_from(from);
      Stream one = sliced(whole, view);
      const model::Totals totals = tcpdiag::testing::picture_of(one).totals;
      sum.connects += totals.connects;
      sum.resets.sent += totals.resets.sent;
      sum.resets.received += totals.resets.received;
      sum.retransmits[0] += totals.retransmits[0];
      sum.exchanges += totals.exchanges;
      sum.exchanges_failed += totals.exchanges_failed;
      EXPECT_LE(totals.sockets_open_at_end, all.sockets_seen);
    }
    EXPECT_EQ(sum.connects, all.connects) << length;
    EXPECT_EQ(sum.resets.sent, all.resets.sent) << length;
    EXPECT_EQ(sum.resets.received, all.resets.received) << length;
    EXPECT_EQ(sum.retransmits[0], all.retransmits[0]) << length;
    EXPECT_EQ(sum.exchanges_failed, all.exchanges_failed) << length;
    // In less than a second there may be no sums: then what the sockets reported counts.
    if (length >= 1000) {
      EXPECT_EQ(sum.exchanges, all.exchanges) << length;
    }
  }
}

TEST(Part, OfAPartIsThatPart) {
  Trace trace;
  Conversation old = trace.outbound(1);
  old.open(100);
  Sampled sums;
  middle_of_a_trace(trace, old, sums);
  trace.end(60'000);
  Stream direct = sliced(trace, part(22'500, 29'000));
  Stream wide = sliced(trace, part(5000, 40'000));
  Stream twice = sliced(wide, part(22'500, 29'000));
  EXPECT_EQ(tcpdiag::testing::json_of(twice), tcpdiag::testing::json_of(direct));
}

}  // namespace
}  // namespace tcpdiag::session
