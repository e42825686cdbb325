// SPDX-License-Identifier: Apache-2.0
// Figures for docs/recording.md. Not run with the others: source_recording_test --gtest_also_run_disabled_tests
// --gtest_filter='*Speed*', in a release build.
#include <fmt/format.h>

#include <ctime>

#include "unit/source/recording/recording_case.h"

namespace tcpdiag::recording::testing {
namespace {

class DISABLED_Speed : public RecordingCase {
 protected:
  // CPU time: the machine may do other things too.
  static double now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
  static double since(double begin) { return now() - begin; }
};

struct Nothing : model::Sink {
  void on_event(const model::Event&) override {}
  void on_sample(const model::Sample&) override {}
};

TEST_F(DISABLED_Speed, events) {
  constexpr std::uint64_t kEvents = 500'000;
  const auto writer = create();
  writer->on_sample(trace_start());
  const auto empty = fs::file_size(path());
  std::vector<model::Event> events;
  for (std::uint64_t i = 0; i < 1000; ++i) events.push_back(realistic_event(i));
  const auto begin = now();
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    writer->on_event(events[i % events.size()]);
    if (i % 10'000 == 0) writer->commit();
  }
  writer->commit();
  const double took = since(begin);
  const auto bytes = fs::file_size(path()) - empty;
  writer->on_sample(trace_end(1'000'000));
  ASSERT_TRUE(writer->finish());
  Nothing nothing;
  const auto read_begin = now();
  ASSERT_EQ(read(path(), nothing), std::nullopt);
  fmt::print("events: {:.0f}/s written, {:.0f} bytes each; {:.0f}/s read; file without records {} bytes\n",
             static_cast<double>(kEvents) / took, static_cast<double>(bytes) / static_cast<double>(kEvents),
             static_cast<double>(kEvents) / since(read_begin), empty);
}

TEST_F(DISABLED_Speed, endpoint_samples) {
  for (const int rate : {0, 1, 100, 1000}) {
    constexpr int kSeconds = 600;
    constexpr std::uint16_t kEndpoints = 20;
    const auto writer = create({.path = path(), .force = true, .max_bytes = {}});
    writer->on_sample(trace_start());
    std::vector<RealisticEndpoint> endpoints;
    for (std::uint16_t i = 0; i < kEndpoints; ++i) endpoints.emplace_back(static_cast<std::uint16_t>(1000 + i));
    for (RealisticEndpoint& one : endpoints) writer->on_sample(one.second(0, 100));
    writer->commit();
    const auto empty = fs::file_size(path());
    double took = 0;
    for (int n = 1; n <= kSeconds; ++n) {
      for (RealisticEndpoint& one : endpoints) {
        const model::EndpointSample& sample = one.second(n, rate);
        const auto begin = now();
        writer->on_sample(sample);
        took += since(begin);
      }
      const auto begin = now();
      writer->commit();
      took += since(begin);
    }
    constexpr double kSamples = kSeconds * kEndpoints;
    const auto bytes = static_cast<double>(fs::file_size(path()) - empty);
    writer->on_sample(trace_end(1'000'000));
    ASSERT_TRUE(writer->finish());
    Nothing nothing;
    const auto read_begin = now();
    ASSERT_EQ(read(path(), nothing), std::nullopt);
    fmt::print("endpoint samples at {} exchanges/s: {:.0f} bytes each, {:.1f} us to write, {:.1f} us to read\n", rate,
               bytes / kSamples, 1e6 * took / kSamples, 1e6 * since(read_begin) / kSamples);
  }
}

TEST_F(DISABLED_Speed, commit_of_one_event) {
  const auto writer = create();
  writer->on_sample(trace_start());
  const auto begin = now();
  constexpr int kCommits = 2000;
  for (std::uint64_t i = 0; i < kCommits; ++i) {
    writer->on_event(realistic_event(i));
    writer->commit();
  }
  fmt::print("a commit of one event: {:.0f} us\n", 1e6 * since(begin) / kCommits);
}

}  // namespace
}  // namespace tcpdiag::recording::testing
