// SPDX-License-Identifier: Apache-2.0
// What the writer gets is what the reader emits: every field of every record, in the same order.
#include <gmock/gmock.h>

#include "model/expression.h"
#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording::testing {
namespace {

class RoundTrip : public RecordingCase {
 protected:
  // Beginning and end are added.
  void expect_same(const std::vector<Record>& records) {
    model::TraceStart start = trace_start();
    start.clock.mono_at = model::MonoTime(model::Duration(kEarliestNs));
    model::TraceEnd end = trace_end(0);
    end.at = model::MonoTime(model::Duration(kLatestNs - 1));
    std::vector<Record> emitted{model::Sample(start)};
    emitted.insert(emitted.end(), records.begin(), records.end());
    emitted.emplace_back(model::Sample(end));
    expect_same_trace(emitted);
  }
  void expect_same_trace(const std::vector<Record>& emitted) {
    const auto writer = create({.path = path(), .force = true, .max_bytes = {}});
    ASSERT_TRUE(writer);
    for (const Record& record : emitted) emit(*writer, record);
    const auto file = writer->finish();
    ASSERT_TRUE(file) << file.error().what;
    EXPECT_EQ(writer->disk_full(), 0U);
    EXPECT_EQ(difference(emitted, records_of(path())), "");
  }

  template <typename... Bodies>
  static std::vector<Record> every_body(MadeUp& made_up, const std::variant<Bodies...>*) {
    return {Record(made_up.event<Bodies>())...};
  }
  static std::vector<Record> every_event(MadeUp& made_up) {
    return every_body(made_up, static_cast<const model::EventBody*>(nullptr));
  }
  static std::vector<Record> every_sample(MadeUp& made_up) {
    return {Record(model::Sample(made_up.make<model::SocketSnapshot>())),
            Record(model::Sample(made_up.make<model::EndpointSample>())),
            Record(model::Sample(made_up.make<model::NetnsSample>())),
            Record(model::Sample(made_up.make<model::NicSample>())),
            Record(model::Sample(made_up.make<model::ProcessInfo>())),
            Record(model::Sample(made_up.make<model::DnsMessage>()))};
  }
  static constexpr std::size_t kOtherSamples = 6;  // all but the beginning and the end
  static_assert(std::variant_size_v<model::Sample> == kOtherSamples + 2);
};

TEST_F(RoundTrip, every_field_of_every_event_and_sample_comes_back) {
  // Different seeds give each text field each of the hostile texts.
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    MadeUp made_up(Values::kDistinct, seed);
    std::vector<Record> records = every_event(made_up);
    for (Record& sample : every_sample(made_up)) records.push_back(std::move(sample));
    expect_same(records);
  }
}

TEST_F(RoundTrip, largest_values_come_back) {
  MadeUp made_up(Values::kLargest);
  std::vector<Record> records = every_event(made_up);
  for (Record& sample : every_sample(made_up)) records.push_back(std::move(sample));
  expect_same(records);
}

TEST_F(RoundTrip, what_is_absent_stays_absent) {
  std::vector<Record> records{Record(model::Event{}),
                              Record(model::Sample(model::SocketSnapshot{})),
                              Record(model::Sample(model::EndpointSample{})),
                              Record(model::Sample(model::NetnsSample{})),
                              Record(model::Sample(model::NicSample{})),
                              Record(model::Sample(model::ProcessInfo{})),
                              Record(model::Sample(model::DnsMessage{}))};
  expect_same(records);
}

TEST_F(RoundTrip, beginning_and_end_come_back) {
  for (const Values values : {Values::kDistinct, Values::kLargest}) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      MadeUp made_up(values, seed);
      expect_same_trace({Record(model::Sample(made_up.make<model::TraceStart>())),
                         Record(model::Sample(made_up.make<model::TraceEnd>()))});
    }
  }
  expect_same_trace({Record(model::Sample(model::TraceStart{})), Record(model::Sample(model::TraceEnd{}))});
}

TEST_F(RoundTrip, filter_expression_comes_back_as_parsed) {
  model::TraceStart start = trace_start();
  start.filters.expression = *model::parse_expression("not (dst net 10.0.0.0/8 or src portrange 1-1024) and port 443");
  start.filters.remote = {*model::Cidr::parse("fd00::/8"), *model::Cidr::parse("10.1.2.3")};
  expect_same_trace({Record(model::Sample(start)), Record(model::Sample(trace_end(1)))});
}

TEST_F(RoundTrip, order_is_that_of_emission_over_all_tables) {
  std::vector<Record> records;
  MadeUp made_up;
  std::uint64_t random = 3;
  for (int i = 0; i < 3000; ++i) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    std::vector<Record> choice = (random >> 40U) % 2 == 0 ? every_event(made_up) : every_sample(made_up);
    records.push_back(std::move(choice[(random >> 45U) % choice.size()]));
  }
  expect_same(records);
}

TEST_F(RoundTrip, histograms_that_did_not_change_are_stored_once_and_emitted_with_every_sample) {
  RealisticEndpoint busy(1);
  RealisticEndpoint idle(2);
  std::vector<Record> records;
  for (int n = 0; n < 50; ++n) {
    records.emplace_back(model::Sample(busy.second(n, 20)));
    records.emplace_back(model::Sample(idle.second(n, n == 0 ? 20 : 0)));
  }
  model::EndpointSample emptied = busy.second(50, 1);
  emptied.measures = {};  // no source does it, but it would have to come back
  records.emplace_back(model::Sample(emptied));
  records.emplace_back(model::Sample(busy.second(51, 1)));
  expect_same(records);
}

TEST_F(RoundTrip, a_generation_of_an_endpoint_begins_with_empty_histograms) {
  std::vector<Record> records;
  for (const std::uint32_t generation : {0U, 7U}) {
    RealisticEndpoint one(1, generation);
    for (int n = 0; n < 3; ++n) records.emplace_back(model::Sample(one.second(n, generation == 0 ? 20 : 3)));
  }
  expect_same(records);
}

TEST_F(RoundTrip, beginning_is_known_before_anything_is_emitted) {
  write_realistic(path());
  const auto reader = Reader::open(path());
  ASSERT_TRUE(reader);
  const std::vector<Record> known{Record(model::Sample((*reader)->start()))};
  EXPECT_EQ(difference(known, {records_of(path()).front()}), "");
}

TEST_F(RoundTrip, replaying_twice_emits_the_same) {
  write_realistic(path());
  auto reader = Reader::open(path());
  ASSERT_TRUE(reader);
  Collector first;
  Collector second;
  ASSERT_TRUE((*reader)->replay(first));
  ASSERT_TRUE((*reader)->replay(second));
  EXPECT_EQ(difference(first.records, second.records), "");
}

TEST_F(RoundTrip, digest_and_size_are_those_of_the_file) {
  const auto writer = create();
  writer->on_sample(trace_start());
  writer->on_sample(trace_end(1));
  const auto written = writer->finish();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->bytes, fs::file_size(path()));
  const auto reader = Reader::open(path());
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->file().sha256, written->sha256);
  EXPECT_EQ((*reader)->file().bytes, written->bytes);
  EXPECT_THAT(written->sha256, ::testing::MatchesRegex("[0-9a-f]{64}"));
}

TEST_F(RoundTrip, records_outside_of_the_trace_are_ignored) {
  const auto writer = create();
  writer->on_event(realistic_event(1));
  writer->on_sample(trace_start());
  writer->on_event(realistic_event(2));
  writer->on_sample(trace_end(3));
  writer->on_event(realistic_event(3));
  writer->on_sample(trace_end(4));
  ASSERT_TRUE(writer->finish());
  const std::vector<Record> expected{model::Sample(trace_start()), realistic_event(2), model::Sample(trace_end(3))};
  EXPECT_EQ(difference(expected, records_of(path())), "");
}

}  // namespace
}  // namespace tcpdiag::recording::testing
