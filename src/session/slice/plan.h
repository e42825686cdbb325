// SPDX-License-Identifier: Apache-2.0
// What is decided between the two passes: which connections are emitted, and how they stood at the ends of the part.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "session/slice/index.h"

namespace tcpdiag::session {

// An endpoint's sums are of all its sockets, so they hold only where all of them are wanted.
enum class Sums : std::uint8_t { kKept, kWithheld, kNotWanted };

struct Plan {
  Selection selection;
  Part part;

  struct Chosen {
    bool is_wanted = false;
    bool is_older = false;                    // than the part
    bool was_over = false;                    // before the part began; a late reset may follow
    std::unique_ptr<const model::Flow> base;  // of an older one: its counts when the part began
  };
  std::vector<Chosen> connections;  // by number
  // Of a number that the first pass did not have: not wanted.
  const Chosen& chosen(ConnectionNumber number) const;
  std::vector<model::SocketSnapshot> open_at_from;
  std::vector<std::pair<ConnectionNumber, model::SocketSnapshot>> open_at_to;
  std::set<std::uint32_t> pids;  // that own what is wanted
  Processes processes;

  std::map<model::EndpointKey, Sums> sums;
  std::size_t withheld = 0;        // endpoints
  std::size_t without_counts = 0;  // connections whose counts at an end of the part are not known

  std::uint64_t filtered_out = 0;                         // connections
  std::vector<model::BusyEndpoint> busiest_filtered_out;  // only when nothing matched
};

Plan make_plan(const Index& index, Selection selection, const Part& part);

}  // namespace tcpdiag::session
