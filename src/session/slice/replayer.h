// SPDX-License-Identifier: Apache-2.0
// The second of two passes: what is wanted is emitted, as a trace of its own.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "model/sink.h"
#include "session/slice/plan.h"

namespace tcpdiag::session {

class Replayer : public model::Sink {
 public:
  Replayer(const Plan& plan, model::Sink& to) : plan_(plan), part_(plan.part), to_(to), has_begun_(!plan.part.from) {}

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;

 private:
  using DnsKey = std::tuple<std::uint32_t, model::SocketAddress, model::SocketAddress, std::uint16_t>;

  // Counters that are read once a second. kBase: what they were when the part began.
  enum class Reading : std::uint8_t { kBase, kOfPart, kTooLate };

  void emit(model::TraceStart start);
  void emit(model::SocketSnapshot snapshot);
  void emit(model::EndpointSample sample);
  void emit(model::NetnsSample sample);
  void emit(model::NicSample sample);
  void emit(const model::ProcessInfo& process);
  void emit(const model::DnsMessage& message);
  void emit(model::TraceEnd end);

  // False: outside of the part. Otherwise what was open when it began has been emitted.
  bool reach(model::MonoTime at);
  void begin();
  // Moves a reading that comes a little after the end to it.
  Reading reading_at(model::MonoTime& at);
  template <typename Key, typename T>
  void emit_reading(std::map<Key, T>& bases, const Key& key, T sample);
  bool wants_sums(const model::EndpointKey& key) const;
  // As of a trace that began with the part.
  void place(const Plan::Chosen& chosen, model::SocketRef& socket, model::Flow& flow) const;

  const Plan& plan_;
  const Part& part_;
  model::Sink& to_;
  Numbering numbering_;
  bool has_begun_;
  bool has_ended_ = false;
  std::set<ConnectionNumber> emitted_at_end_;
  std::set<DnsKey> asked_;  // queries that are wanted and were not answered yet, where the owner matters
  std::vector<model::ProcessInfo> processes_;  // met before the part began
  std::map<model::EndpointKey, model::EndpointSample> endpoint_bases_;
  std::map<std::uint32_t, model::NetnsSample> netns_bases_;
  std::map<std::pair<std::uint32_t, std::string>, model::NicSample> nic_bases_;
};

}  // namespace tcpdiag::session
