// SPDX-License-Identifier: Apache-2.0
// Recorded traces to be sliced, and what is left of them. Times are milliseconds after the start of the trace.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "session/slice/slice.h"
#include "unit/correlate/event_builder.h"
#include "unit/correlate/sample_builder.h"
#include "unit/session/slice/recorded_stream.h"

namespace tcpdiag::session::testing {

using correlate::testing::Conversation;
using correlate::testing::ms;
using correlate::testing::Sampled;
using correlate::testing::turn;
using model::Role;
using tcpdiag::testing::Stream;

inline constexpr std::uint32_t kNetns = 4026531840;

// Begins with TraceStart; end() completes it.
class Trace : public Stream {
 public:
  explicit Trace(model::TraceStart start = correlate::testing::trace_start()) {
    if (start.netns.empty()) start.netns = {{.inode = kNetns, .name = ""}};
    on_sample(start);
  }

  Conversation outbound(std::uint64_t id, std::uint16_t port = 443) {
    return {[this](const model::Event& e) { on_event(e); }, id, Role::kOutbound, port};
  }
  Conversation inbound(std::uint64_t id) {
    return {[this](const model::Event& e) { on_event(e); }, id, Role::kInbound};
  }
  void process(std::uint32_t pid, const std::string& cgroup_path) {
    on_sample(model::ProcessInfo{pid, "ruby", 100 + pid, cgroup_path});
  }
  Trace& end(double at, model::TraceEnd end = {}) {
    end.at = ms(at);
    on_sample(end);
    return *this;
  }
};

inline model::WallTime wall(double at) { return correlate::testing::trace_start().clock.to_wall(ms(at)); }

inline model::View part(double from, double to) {
  model::View view;
  view.from = wall(from);
  view.to = wall(to);
  return view;
}
inline model::View part_from(double from) {
  model::View view;
  view.from = wall(from);
  return view;
}
inline model::View part_to(double to) {
  model::View view;
  view.to = wall(to);
  return view;
}

inline Stream sliced(Stream& stream, const model::View& view) {
  Stream out;
  const Result<> done = slice(stream, view, out);
  EXPECT_TRUE(done) << (done ? "" : done.error().what);
  return out;
}

inline std::string refusal(Stream& stream, const model::View& view) {
  Stream out;
  const Result<> done = slice(stream, view, out);
  EXPECT_TRUE(out.records.empty());
  if (done) return "accepted";
  EXPECT_EQ(done.error().exit_code, ExitCode::kUsage);
  return done.error().what + "; " + done.error().hint;
}

// Sockets of which anything was reported.
inline std::set<std::uint64_t> sockets_in(const Stream& stream) {
  std::set<std::uint64_t> ids;
  for (const model::Event& event : stream.events()) ids.insert(event.socket.id.value);
  for (const auto& snapshot : stream.all<model::SocketSnapshot>()) ids.insert(snapshot.socket.id.value);
  return ids;
}

inline const model::Feature* feature(const Stream& stream, const std::string& name) {
  static model::TraceStart start;
  start = stream.all<model::TraceStart>().front();
  for (const model::Feature& one : start.abilities) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

}  // namespace tcpdiag::session::testing
