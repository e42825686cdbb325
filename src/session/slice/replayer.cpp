// SPDX-License-Identifier: Apache-2.0
#include "session/slice/replayer.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "model/endpoint_sums.h"
#include "session/slice/flow_at.h"

namespace tcpdiag::session {
namespace {

using model::MonoTime;

std::string counted(std::size_t n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

void add_features(const Plan& plan, std::vector<model::Feature>& features) {
  if (plan.withheld > 0) {
    features.push_back({"endpoint_aggregates", false,
                        fmt::format("{} also had sockets that were left out, and what is summed up by endpoint is of "
                                    "all its sockets: no delays and no figures by the second",
                                    counted(plan.withheld, "endpoint"))});
  }
  if (plan.without_counts > 0) {
    features.push_back(
        {"socket_counts", false,
         fmt::format(
             "{} sent or received while this part of the trace began or ended, and nothing was reported of it at "
             "that moment: bytes and exchanges are at least so many",
             counted(plan.without_counts, "socket"))});
  }
}

}  // namespace

bool Replayer::reach(MonoTime at) {
  has_ended_ = has_ended_ || part_.is_after(at);
  if (part_.is_before(at) || part_.is_after(at)) return false;
  begin();
  return true;
}

void Replayer::begin() {
  if (has_begun_) return;
  has_begun_ = true;
  for (const model::ProcessInfo& process : processes_) to_.on_sample(process);
  for (const model::SocketSnapshot& open : plan_.open_at_from) to_.on_sample(open);
}

void Replayer::place(const Plan::Chosen& chosen, model::SocketRef& socket, model::Flow& flow) const {
  if (!chosen.is_older) return;
  socket.older_than_trace = true;
  flow = flow_since(flow, chosen.base ? *chosen.base : flow, *part_.from);
}

void Replayer::on_event(const model::Event& event) {
  if (!has_connection(event)) {
    if (reach(event.at) && plan_.selection.wants_stray(event)) to_.on_event(event);
    return;
  }
  const Plan::Chosen& chosen = plan_.chosen(numbering_.of(event));
  if (!reach(event.at) || !chosen.is_wanted) return;
  if (chosen.was_over && std::holds_alternative<model::Destroyed>(event.body)) return;  // it would seem to be open
  model::Event emitted = event;
  place(chosen, emitted.socket, emitted.flow);
  to_.on_event(emitted);
}

void Replayer::on_sample(const model::Sample& sample) {
  std::visit([this](const auto& one) { emit(one); }, sample);
}

void Replayer::emit(model::TraceStart start) {
  if (part_.to) {
    start.requested_duration = *part_.to - part_.from.value_or(start.clock.mono_at);
  } else if (part_.from && start.requested_duration) {
    const model::Duration left = *start.requested_duration - (*part_.from - start.clock.mono_at);
    start.requested_duration = std::max(left, model::Duration::zero());
  }
  if (part_.from) start.clock = {*part_.from, start.clock.to_wall(*part_.from)};
  std::erase_if(start.netns, [this](const model::NetnsInfo& one) { return !plan_.selection.wants_netns(one.inode); });
  add_features(plan_, start.abilities);
  to_.on_sample(start);
}

void Replayer::emit(model::SocketSnapshot snapshot) {
  if (snapshot.socket.id.value == 0) return;
  const ConnectionNumber number = numbering_.of(snapshot);
  const Plan::Chosen& chosen = plan_.chosen(number);
  if (!reach(snapshot.at) || !chosen.is_wanted) return;
  place(chosen, snapshot.socket, snapshot.flow);
  if (snapshot.moment == model::SnapshotMoment::kEnd) emitted_at_end_.insert(number);
  to_.on_sample(snapshot);
}

Replayer::Reading Replayer::reading_at(MonoTime& at) {
  if (part_.from && at < *part_.from + kRoundIsLate) return Reading::kBase;
  if (!part_.is_after(at)) return Reading::kOfPart;
  if (at >= *part_.to + kRoundIsLate) return Reading::kTooLate;
  at = *part_.to;
  return Reading::kOfPart;
}

bool Replayer::wants_sums(const model::EndpointKey& key) const {
  if (plan_.selection.is_everything()) return true;
  const auto found = plan_.sums.find(key);
  return found != plan_.sums.end() && found->second == Sums::kKept;
}

void Replayer::emit(model::EndpointSample sample) {
  if (!wants_sums(sample.key)) return;
  const Reading reading = reading_at(sample.at);
  if (reading == Reading::kBase) {
    endpoint_bases_[sample.key] = std::move(sample);
    return;
  }
  if (reading != Reading::kOfPart) return;
  begin();
  const auto base = endpoint_bases_.find(sample.key);
  to_.on_sample(base == endpoint_bases_.end() ? sample : model::since(std::move(sample), base->second));
}

// The correlator takes differences, so the base is emitted too, as if it had been read when the part began.
template <typename Key, typename T>
void Replayer::emit_reading(std::map<Key, T>& bases, const Key& key, T sample) {
  const Reading reading = reading_at(sample.at);
  if (reading == Reading::kBase) {
    sample.at = *part_.from;
    bases[key] = std::move(sample);
  } else if (reading == Reading::kOfPart) {
    begin();
    if (const auto base = bases.extract(key); !base.empty()) to_.on_sample(base.mapped());
    to_.on_sample(sample);
  }
}

void Replayer::emit(model::NetnsSample sample) {
  if (!plan_.selection.wants_netns(sample.netns_inode)) return;
  const std::uint32_t key = sample.netns_inode;
  emit_reading(netns_bases_, key, std::move(sample));
}

void Replayer::emit(model::NicSample sample) {
  if (!plan_.selection.wants_netns(sample.netns_inode)) return;
  const std::pair<std::uint32_t, std::string> key(sample.netns_inode, sample.device);
  emit_reading(nic_bases_, key, std::move(sample));
}

void Replayer::emit(const model::ProcessInfo& process) {
  if (has_ended_ || (!plan_.selection.is_everything() && !plan_.pids.contains(process.pid))) return;
  if (has_begun_) {
    to_.on_sample(process);
  } else if (plan_.pids.contains(process.pid)) {
    processes_.push_back(process);
  }
}

// Who asked stands in the query only.
void Replayer::emit(const model::DnsMessage& message) {
  constexpr std::size_t kMost = 65536;
  bool is_wanted = plan_.selection.wants_netns(message.netns_inode);
  if (is_wanted && plan_.selection.asks_for_owner()) {
    const DnsKey key(message.netns_inode, message.local, message.resolver, message.id);
    if (message.is_answer) {
      is_wanted = asked_.erase(key) > 0;
    } else {
      is_wanted = plan_.selection.wants_query(message, plan_.processes);
      if (asked_.size() >= kMost) asked_.clear();
      if (is_wanted) asked_.insert(key);
    }
  }
  const bool began_before = part_.is_before(message.first_sent_at) && !part_.is_before(message.at);
  if (is_wanted && reach(message.at) && !began_before) to_.on_sample(message);
}

void Replayer::emit(model::TraceEnd end) {
  begin();
  for (const auto& [netns, base] : netns_bases_) to_.on_sample(base);
  for (const auto& [device, base] : nic_bases_) to_.on_sample(base);
  for (const auto& [number, open] : plan_.open_at_to) {
    if (!emitted_at_end_.contains(number)) to_.on_sample(open);
  }
  if (part_.to) {
    end.at = *part_.to;
    end.ended_by = model::EndedBy::kDuration;
    end.partial = false;
  }
  if (!plan_.selection.is_everything()) {
    end.sockets_filtered_out = end.sockets_filtered_out.value_or(0) + plan_.filtered_out;
    if (!plan_.busiest_filtered_out.empty()) end.busiest_filtered_out = plan_.busiest_filtered_out;
  }
  to_.on_sample(end);
}

}  // namespace tcpdiag::session
