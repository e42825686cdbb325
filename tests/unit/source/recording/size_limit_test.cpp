// SPDX-License-Identifier: Apache-2.0
// A recording that has reached its size: samples go, totals and events stay.
#include <gmock/gmock.h>

#include "correlate/correlator.h"
#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording::testing {
namespace {

using ::testing::HasSubstr;

class SizeLimit : public RecordingCase {
 protected:
  static constexpr std::uint64_t kLimit = 2 * 1024 * 1024;

  std::unique_ptr<Writer> create_limited() const {
    auto writer = create({.path = path(), .force = true, .max_bytes = kLimit});
    writer->on_sample(trace_start());
    return writer;
  }
  void finish(Writer& writer, std::int64_t ms) const {
    model::TraceEnd end = trace_end(ms);
    writer.commit();
    end.loss.disk_full = writer.disk_full();
    end.loss.samples_thinned = writer.samples_thinned();
    writer.on_sample(end);
    const auto finished = writer.finish();
    ASSERT_TRUE(finished) << finished.error().what;
    EXPECT_EQ(end.loss.disk_full, writer.disk_full());
    EXPECT_EQ(end.loss.samples_thinned, writer.samples_thinned());
    EXPECT_LE(finished->bytes, kLimit);
  }
  static model::NetnsSample netns(int second) {
    model::NetnsSample sample;
    sample.at = at_ms(1000 * second);
    sample.netns_inode = 4026531840;
    for (const char* name : model::kKernelCounters) sample.counters[name] = static_cast<std::uint64_t>(second);
    return sample;
  }
  static model::NicSample nic(int second) {
    model::NicSample sample;
    sample.at = at_ms(1000 * second);
    sample.device = "eth0";
    sample.exceeded["bw_out"] = static_cast<std::uint64_t>(second);
    return sample;
  }
};

TEST_F(SizeLimit, old_samples_are_thinned_and_those_left_are_as_they_were_emitted) {
  const auto writer = create_limited();
  constexpr int kSeconds = 1200;
  std::vector<RealisticEndpoint> endpoints;
  for (std::uint16_t i = 0; i < 5; ++i) endpoints.emplace_back(static_cast<std::uint16_t>(i + 1));
  std::map<model::EndpointKey, std::vector<model::EndpointSample>> emitted;
  std::uint64_t all = 0;
  for (int n = 0; n < kSeconds; ++n) {
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      if (i == 4 && n > 10) continue;                                  // seen no more after a while
      if (i == 2 && n == 300) endpoints[i] = RealisticEndpoint(3, 1);  // gave its place away, and has one again
      const model::EndpointSample& sample = endpoints[i].second(n, i == 3 ? n % 2 : 10);
      emitted[sample.key].push_back(sample);
      writer->on_sample(sample);
      ++all;
    }
    writer->commit();
  }
  EXPECT_GT(writer->samples_thinned(), all / 4);
  EXPECT_EQ(writer->disk_full(), 0U);
  finish(*writer, 1000 * kSeconds);

  Collector collector;
  ASSERT_EQ(read(path(), collector), std::nullopt);
  std::map<model::EndpointKey, std::vector<model::EndpointSample>> left;
  for (const model::EndpointSample& sample : collector.all<model::EndpointSample>()) left[sample.key].push_back(sample);
  EXPECT_EQ(collector.all<model::EndpointSample>().size() + writer->samples_thinned(), all);
  for (const auto& [key, samples] : emitted) {
    ASSERT_GE(left[key].size(), 2U) << key.to_string();
    EXPECT_EQ(difference(left[key].front(), samples.front()), "") << "the first stays";
    EXPECT_EQ(difference(left[key].back(), samples.back()), "") << "the last stays";
    for (const model::EndpointSample& sample : left[key]) {
      const auto second = static_cast<std::size_t>((sample.at - at_ms(0)) / std::chrono::seconds(1));
      EXPECT_EQ(difference(sample, samples.at(second)), "");
    }
  }
  // The oldest are the sparsest, never the newest alone.
  const auto& busy = left[endpoint(1)];
  const auto old = std::ranges::count_if(busy, [](const auto& sample) { return sample.at < at_ms(500 * kSeconds); });
  EXPECT_LE(old, static_cast<std::ptrdiff_t>(busy.size()) - old + 1);
  EXPECT_GE(old, static_cast<std::ptrdiff_t>(busy.size()) / 9);
}

TEST_F(SizeLimit, totals_are_those_of_the_whole_trace) {
  const auto writer = create_limited();
  correlate::Correlator live;
  live.on_sample(trace_start());
  RealisticEndpoint busy;
  constexpr int kSeconds = 2500;
  for (int n = 0; n < kSeconds; ++n) {
    const model::EndpointSample& sample = busy.second(n, 10);
    writer->on_sample(sample);
    live.on_sample(sample);
    writer->commit();
  }
  EXPECT_GT(writer->samples_thinned(), 0U);
  finish(*writer, 1000 * kSeconds);
  live.on_sample(trace_end(1000 * kSeconds));
  correlate::Correlator recorded;
  ASSERT_EQ(read(path(), recorded), std::nullopt);
  const model::Picture a = live.finish();
  const model::Picture b = recorded.finish();
  EXPECT_EQ(a.totals.exchanges, b.totals.exchanges);
  EXPECT_EQ(a.totals.bytes_received, b.totals.bytes_received);
  EXPECT_GT(a.totals.exchanges, 0U);
}

TEST_F(SizeLimit, samples_of_namespaces_and_devices_are_thinned_too) {
  const auto writer = create_limited();
  constexpr int kSeconds = 4000;
  for (int n = 0; n < kSeconds; ++n) {
    writer->on_sample(netns(n));
    writer->on_sample(nic(n));
    writer->commit();
  }
  EXPECT_EQ(writer->disk_full(), 0U);
  finish(*writer, 1000 * kSeconds);
  Collector collector;
  ASSERT_EQ(read(path(), collector), std::nullopt);
  const auto namespaces = collector.all<model::NetnsSample>();
  const auto devices = collector.all<model::NicSample>();
  EXPECT_EQ(namespaces.size() + devices.size() + writer->samples_thinned(), 2U * kSeconds);
  EXPECT_LT(namespaces.size(), static_cast<std::size_t>(kSeconds));
  EXPECT_EQ(difference(namespaces.front(), netns(0)), "");
  EXPECT_EQ(difference(namespaces.back(), netns(kSeconds - 1)), "");
  EXPECT_EQ(difference(devices.back(), nic(kSeconds - 1)), "");
}

TEST_F(SizeLimit, events_stay_and_what_no_longer_fits_is_counted) {
  const auto writer = create_limited();
  RealisticEndpoint busy;
  std::uint64_t emitted = 0;
  model::EndpointSample last;
  for (int n = 0; n < 100; ++n) {
    for (int i = 0; i < 100; ++i) writer->on_event(realistic_event(++emitted));
    last = busy.second(n, 10);
    writer->on_sample(last);
    writer->commit();
  }
  EXPECT_GT(writer->disk_full(), 1000U);
  const auto problem = writer->take_problem();
  ASSERT_TRUE(problem);
  EXPECT_THAT(problem->what, HasSubstr("has reached its size of 2 MiB"));
  EXPECT_THAT(problem->hint, HasSubstr("--max-size"));
  finish(*writer, 100'000);
  Collector collector;
  ASSERT_EQ(read(path(), collector), std::nullopt);
  EXPECT_EQ(collector.events() + writer->disk_full(), emitted);
  // The first ones, without a gap, and the totals nevertheless.
  std::uint64_t expected = 0;
  for (const Record& record : collector.records) {
    const auto* event = std::get_if<model::Event>(&record);
    if (event == nullptr || expected > collector.events() - 100) continue;
    EXPECT_EQ(event->socket.id.value, ++expected);
  }
  EXPECT_EQ(difference(collector.all<model::EndpointSample>().back(), last), "");
}

TEST_F(SizeLimit, much_in_one_second_stays_within_it) {
  const auto writer = create_limited();
  for (std::uint64_t i = 0; i < 20'000; ++i) writer->on_event(realistic_event(i));
  EXPECT_LE(fs::file_size(path()), kLimit);
  EXPECT_GT(writer->disk_full(), 10'000U);
  finish(*writer, 1000);
}

TEST_F(SizeLimit, least_size_holds_a_trace) {
  const auto writer = create({.path = path(), .force = true, .max_bytes = 1});
  writer->on_sample(trace_start());
  for (std::uint64_t i = 0; i < 1000; ++i) writer->on_event(realistic_event(i));
  writer->on_sample(trace_end(1000));
  ASSERT_TRUE(writer->finish());
  EXPECT_EQ(writer->disk_full(), 0U);
  EXPECT_LE(fs::file_size(path()), kLeastBytes);
}

}  // namespace
}  // namespace tcpdiag::recording::testing
