// SPDX-License-Identifier: Apache-2.0
#include "session/slice/plan.h"

#include <algorithm>
#include <optional>

#include "session/slice/flow_at.h"

namespace tcpdiag::session {
namespace {

constexpr std::size_t kBusiestShown = 5;

class Planner {
 public:
  Planner(const Index& index, Plan& plan) : index_(index), plan_(plan), part_(plan.part) {}

  void make() {
    plan_.connections.resize(index_.connections.size());
    for (ConnectionNumber number = 0; number < index_.connections.size(); ++number) choose(number);
    for (const auto& [key, kinds] : kinds_) {
      const Sums sums = kinds.left_out == 0 ? Sums::kKept : kinds.wanted == 0 ? Sums::kNotWanted : Sums::kWithheld;
      plan_.sums[key] = sums;
      if (sums == Sums::kWithheld) ++plan_.withheld;
    }
    if (!has_any_) rank_left_out();
  }

 private:
  struct Kinds {  // of one endpoint's connections
    std::uint64_t wanted = 0;
    std::uint64_t left_out = 0;
    std::uint64_t bytes_left_out = 0;
  };

  void choose(ConnectionNumber number) {
    const Connection& connection = index_.connections[number];
    Plan::Chosen& chosen = plan_.connections[number];
    std::vector<model::Owner> owners;
    for (const std::uint32_t index : connection.owners) owners.push_back(index_.owners[index]);
    chosen.is_wanted = plan_.selection.wants(connection.socket, owners, index_.processes);
    chosen.is_older = part_.is_before(connection.first_at);
    chosen.was_over = chosen.is_older && !index_.was_open_at(connection, *part_.from);
    if (chosen.was_over || part_.is_after(connection.first_at)) return;

    Kinds& kinds = kinds_[model::endpoint_of(connection.socket)];
    if (!chosen.is_wanted) {
      ++kinds.left_out;
      kinds.bytes_left_out += connection.bytes;
      ++plan_.filtered_out;
      return;
    }
    ++kinds.wanted;
    has_any_ = true;
    for (const model::Owner& owner : owners) plan_.pids.insert(owner.pid);
    const bool from_known = !chosen.is_older || stand_at_from(connection, chosen);
    const bool to_known = !part_.to || !index_.was_open_at(connection, *part_.to) || stand_at_to(number, connection);
    if (!from_known || !to_known) ++plan_.without_counts;
  }

  // Of these, false: the counts at that moment are not known.
  bool stand_at_from(const Connection& connection, Plan::Chosen& chosen) {
    const Standing* const standing = connection.at_from ? connection.at_from.get() : connection.newest.get();
    if (standing == nullptr) return true;
    const FlowAt at = at_moment(connection, *standing, *part_.from);
    // Where they are not known it is counted from the next time that they were reported: what is certain.
    model::Flow base = at.has_counts || !standing->after ? at.flow : *standing->after;
    base.retransmitted_segments = standing->before.retransmitted_segments;  // each of them was reported
    chosen.base = std::make_unique<const model::Flow>(base);
    plan_.open_at_from.push_back(
        snapshot_of(connection, *standing, flow_since(at.flow, base, *part_.from), model::SnapshotMoment::kStart));
    return at.has_counts || !standing->after;
  }

  bool stand_at_to(ConnectionNumber number, const Connection& connection) {
    const Standing* const standing = connection.at_to ? connection.at_to.get() : connection.newest.get();
    if (standing == nullptr) return true;
    FlowAt at = at_moment(connection, *standing, *part_.to);
    const Plan::Chosen& chosen = plan_.connections[number];
    if (chosen.base) at.flow = flow_since(at.flow, *chosen.base, *part_.from);
    plan_.open_at_to.emplace_back(number, snapshot_of(connection, *standing, at.flow, model::SnapshotMoment::kEnd));
    return at.has_counts || !standing->after;
  }

  static FlowAt at_moment(const Connection& connection, const Standing& standing, model::MonoTime t) {
    const bool is_inbound = connection.socket.role == model::Role::kInbound;
    return flow_at(standing.before, standing.state, standing.after ? &*standing.after : nullptr, is_inbound, t);
  }

  model::SocketSnapshot snapshot_of(const Connection& connection, const Standing& standing, const model::Flow& flow,
                                    model::SnapshotMoment moment) const {
    const bool is_start = moment == model::SnapshotMoment::kStart;
    model::SocketSnapshot snapshot{is_start ? *part_.from : *part_.to, moment, connection.socket, flow, standing.owner};
    snapshot.socket.older_than_trace = snapshot.socket.older_than_trace || part_.is_before(connection.first_at);
    return snapshot;
  }

  void rank_left_out() {
    std::vector<model::BusyEndpoint>& busiest = plan_.busiest_filtered_out;
    for (const auto& [key, kinds] : kinds_) busiest.push_back({key, kinds.left_out, kinds.bytes_left_out});
    std::ranges::stable_sort(busiest, std::ranges::greater(), &model::BusyEndpoint::bytes);
    if (busiest.size() > kBusiestShown) busiest.resize(kBusiestShown);
  }

  const Index& index_;
  Plan& plan_;
  const Part& part_;
  std::map<model::EndpointKey, Kinds> kinds_;
  bool has_any_ = false;
};

}  // namespace

const Plan::Chosen& Plan::chosen(ConnectionNumber number) const {
  static const Chosen kNotWanted;
  return number < connections.size() ? connections[number] : kNotWanted;
}

Plan make_plan(const Index& index, Selection selection, const Part& part) {
  Plan plan;
  plan.selection = std::move(selection);
  plan.part = part;
  plan.processes = index.processes;
  Planner(index, plan).make();
  for (const auto& [pid, query] : index.asked) {
    if (plan.selection.wants_query(query, index.processes)) plan.pids.insert(pid);
  }
  return plan;
}

}  // namespace tcpdiag::session
