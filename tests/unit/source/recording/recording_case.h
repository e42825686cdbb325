// SPDX-License-Identifier: Apache-2.0
// A test with a directory of its own, and what writes and reads recordings in it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/recording/reader.h"
#include "source/recording/writer.h"
#include "unit/source/recording/made_up_records.h"
#include "unit/source/recording/reseal.h"

namespace tcpdiag::recording::testing {

namespace fs = std::filesystem;

constexpr model::MonoTime at_ms(std::int64_t ms) {
  return model::MonoTime(std::chrono::seconds(5000) + std::chrono::milliseconds(ms));
}

inline model::TraceStart trace_start() {
  model::TraceStart start;
  start.clock = {at_ms(0), model::WallTime(std::chrono::milliseconds(1'795'228'267'250))};
  start.recording_id = "00000000-0000-4000-8000-000000000000";
  start.tool_version = "0.1.0";
  start.command = {"tcpdiag", "trace", "-w", "x.tcpdiag"};
  start.host.hostname = "web-1";
  start.host.cpus = 2;
  return start;
}

inline model::TraceEnd trace_end(std::int64_t ms) {
  model::TraceEnd end;
  end.at = at_ms(ms);
  end.ended_by = model::EndedBy::kDuration;
  return end;
}

// As the live source emits it: a connection's end, with most of its figures.
inline model::Event realistic_event(std::uint64_t number) {
  model::Event event;
  const auto ms = static_cast<std::int64_t>(number);
  event.at = at_ms(ms);
  event.socket.id = {number};
  event.socket.cookie = number;
  event.socket.role = model::Role::kOutbound;
  event.socket.role_source = model::RoleSource::kConnect;
  event.socket.local = {*model::Address::parse("10.0.12.34"), static_cast<std::uint16_t>(32768 + number % 20000)};
  event.socket.remote = {*model::Address::parse("10.0.201.7"), 6379};
  event.socket.netns_inode = 4026531840;
  event.flow.state = model::TcpState::kEstablished;
  event.flow.opened_at = at_ms(ms - 900);
  event.flow.syn_at = at_ms(ms - 900);
  event.flow.established_at = at_ms(ms - 899);
  event.flow.last_sent_at = at_ms(ms - 3);
  event.flow.last_received_at = at_ms(ms - 2);
  event.flow.request_first_at = at_ms(ms - 3);
  event.flow.request_last_at = at_ms(ms - 3);
  event.flow.response_first_at = at_ms(ms - 2);
  event.flow.in_response = true;
  event.flow.request_bytes = 120;
  event.flow.response_bytes = 32800;
  event.flow.exchanges = 17;
  event.flow.bytes_sent = event.flow.bytes_sent_total = 2040;
  event.flow.bytes_received = event.flow.bytes_received_total = 557600;
  event.flow.segments_sent = 402;
  event.flow.segments_received = 410;
  event.flow.srtt_us = 812;
  event.flow.rtt_us = 790;
  event.flow.rtt_min_us = 402;
  event.flow.mss = 1448;
  event.flow.first_byte_max_us = 1900;
  event.owner = model::Owner{.pid = 4711,
                             .tid = 4713,
                             .ns_pid = 12,
                             .comm = "puma: worker",
                             .cgroup_id = 8123,
                             .source = model::OwnerSource::kOwner,
                             .shared = false};
  event.body = model::StateChanged{
      .from = model::TcpState::kEstablished, .to = model::TcpState::kFinWait1, .by_application = true};
  return event;
}

inline model::EndpointKey endpoint(std::uint16_t port = 6379) {
  return {model::Role::kOutbound, {*model::Address::parse("10.0.201.7"), port}, 4026531840};
}

// The sample of second n of an endpoint with `rate` exchanges a second, whose delays spread over a factor of 30.
class RealisticEndpoint {
 public:
  explicit RealisticEndpoint(std::uint16_t port = 6379, std::uint32_t generation = 0) {
    sample_.key = endpoint(port);
    sample_.generation = generation;
  }

  const model::EndpointSample& second(std::int64_t n, int rate) {
    sample_.at = at_ms(1000 * n);
    sample_.exchanges += static_cast<std::uint64_t>(rate);
    sample_.bytes_sent += 120 * static_cast<std::uint64_t>(rate);
    sample_.bytes_received += 32800 * static_cast<std::uint64_t>(rate);
    sample_.segments_sent += 24 * static_cast<std::uint64_t>(rate);
    sample_.segments_received += 24 * static_cast<std::uint64_t>(rate);
    sample_.device = "eth0";
    constexpr std::array kUsed{model::Measure::kFirstByte, model::Measure::kLastByte,    model::Measure::kRtt,
                               model::Measure::kPathQueue, model::Measure::kPathQueueIn, model::Measure::kHostQueue};
    for (int i = 0; i < rate; ++i) {
      random_ = random_ * 6364136223846793005U + 1442695040888963407U;
      const double spread = static_cast<double>(random_ >> 33U) / 2147483648.0;
      std::uint64_t base = 300;
      for (const model::Measure measure : kUsed) {
        sample_.of(measure).add(
            static_cast<std::uint64_t>(static_cast<double>(base) * std::pow(30.0, spread * spread)));
        base = base * 2 / 3;
      }
    }
    return sample_;
  }

 private:
  model::EndpointSample sample_;
  std::uint64_t random_ = 1;
};

inline std::string bytes_of_file(const fs::path& path) {
  std::string bytes(fs::file_size(path), '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}
inline void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class RecordingCase : public ::testing::Test {
 protected:
  RecordingCase() {
    std::string name = (fs::temp_directory_path() / "tcpdiag-test-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~RecordingCase() override { fs::remove_all(directory_); }

  fs::path directory() const { return directory_; }
  std::string path(const std::string& name = "x.tcpdiag") const { return (directory_ / name).string(); }

  std::unique_ptr<Writer> create(WriterOptions options) const {
    auto writer = Writer::create(options);
    if (!writer) {
      ADD_FAILURE() << writer.error().what;
      return nullptr;
    }
    return std::move(*writer);
  }
  std::unique_ptr<Writer> create() const { return create({.path = path(), .force = false, .max_bytes = {}}); }
  static std::string why_not(const Result<std::unique_ptr<Writer>>& writer) {
    return writer ? "" : writer.error().what + "; " + writer.error().hint;
  }

  // Opens and replays. What went wrong, or nothing.
  static std::optional<Error> read(const std::string& file, model::Sink& sink) {
    auto reader = Reader::open(file);
    if (!reader) return reader.error();
    const Result<> emitted = (*reader)->replay(sink);
    return emitted ? std::nullopt : std::optional(emitted.error());
  }
  static std::string error_of(const std::string& file) {
    Collector collector;
    const std::optional<Error> error = read(file, collector);
    return error ? error->what : "";
  }
  static std::vector<Record> records_of(const std::string& file) {
    Collector collector;
    const std::optional<Error> error = read(file, collector);
    if (error) ADD_FAILURE() << error->what;
    return collector.records;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory_)) found.push_back(entry.path().filename().string());
    std::ranges::sort(found);
    return found;
  }
  // A whole recording with some of everything.
  std::vector<Record> write_realistic(const std::string& file, int seconds = 20) const {
    std::vector<Record> emitted{model::Sample(trace_start())};
    MadeUp made_up;
    RealisticEndpoint first(6379);
    RealisticEndpoint second(443);
    emitted.emplace_back(model::Sample(made_up.make<model::ProcessInfo>()));
    for (int n = 0; n < seconds; ++n) {
      for (int i = 0; i < 5; ++i) emitted.emplace_back(realistic_event(static_cast<std::uint64_t>(1000 * n + i)));
      emitted.emplace_back(model::Sample(first.second(n, 40)));
      emitted.emplace_back(model::Sample(second.second(n, n % 4 == 0 ? 3 : 0)));
      model::NetnsSample netns;
      netns.at = at_ms(1000 * n);
      netns.netns_inode = 4026531840;
      for (const char* name : model::kKernelCounters) netns.counters[name] = static_cast<std::uint64_t>(n);
      emitted.emplace_back(model::Sample(netns));
    }
    emitted.emplace_back(model::Sample(trace_end(1000 * seconds)));
    const auto writer = create({.path = file, .force = true, .max_bytes = {}});
    for (const Record& record : emitted) emit(*writer, record);
    if (const auto finished = writer->finish(); !finished) ADD_FAILURE() << finished.error().what;
    return emitted;
  }

 private:
  fs::path directory_;
};

}  // namespace tcpdiag::recording::testing
