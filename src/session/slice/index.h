// SPDX-License-Identifier: Apache-2.0
// The first of two passes: which connections a recording holds, all that is known of each, and how each stood at the
// two ends of the wanted part.
//
// Memory grows with the number of connections in the recording (about 200 bytes each) and of those open at an end
// (about 2 kB).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/sink.h"
#include "session/slice/part.h"
#include "session/slice/selection.h"

namespace tcpdiag::session {

using ConnectionNumber = std::size_t;

// Numbers the connections in the order in which they are met: a second connect() on one socket is another connection.
// Two passes over one recording give the same numbers.
class Numbering {
 public:
  ConnectionNumber of(const model::Event& event);
  ConnectionNumber of(const model::SocketSnapshot& snapshot);

 private:
  ConnectionNumber of(model::SocketId id, bool begins);

  std::unordered_map<std::uint64_t, ConnectionNumber> newest_;
  ConnectionNumber count_ = 0;
};

// An event of a connection of this host; else it is of a packet for none, or of a listener.
bool has_connection(const model::Event& event);

// How a connection stood at one moment.
struct Standing {
  model::Flow before;
  model::TcpState state = model::TcpState::kUnknown;  // that `before` led to
  std::optional<model::Owner> owner;
  std::optional<model::Flow> after;  // the next figures
};

struct Connection {
  model::SocketRef socket;            // all that was ever reported of it
  std::vector<std::uint32_t> owners;  // indexes into Index::owners
  model::MonoTime first_at{};
  model::MonoTime last_at{};
  std::optional<model::MonoTime> over_at;
  std::optional<model::MonoTime> last_snapshot_at;  // SnapshotMoment::kEnd
  std::uint64_t bytes = 0;                          // both ways, in its whole life
  std::unique_ptr<Standing> newest;                 // while the part has not ended
  std::unique_ptr<Standing> at_from;                // of those that were open
  std::unique_ptr<Standing> at_to;
};

class Index : public model::Sink {
 public:
  explicit Index(const model::View& view) : view_(view) {}

  void on_event(const model::Event& event) override;
  void on_sample(const model::Sample& sample) override;

  std::optional<model::TraceStart> start;
  std::optional<model::TraceEnd> end;
  std::vector<Connection> connections;  // by number
  std::vector<model::Owner> owners;     // each once, as far as filters can tell them apart
  Processes processes;
  std::map<std::uint32_t, model::DnsMessage> asked;  // a query of each process that sent some

  bool was_open_at(const Connection& connection, model::MonoTime t) const;

 private:
  struct Observation {
    model::MonoTime at;
    const model::SocketRef& socket;
    const model::Flow& flow;
    const std::optional<model::Owner>& owner;
    model::TcpState state_after;
    bool is_over;
  };

  void observe(ConnectionNumber number, const Observation& observed);
  void note_owner(Connection& connection, const model::Owner& owner);
  void note_standing(Connection& connection, const Observation& observed);

  const model::View& view_;
  Numbering numbering_;
  Part part_;  // as far as it is known before the end of the recording is
  std::map<std::string, std::uint32_t> owner_index_;
};

}  // namespace tcpdiag::session
