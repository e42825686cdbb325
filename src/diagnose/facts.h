// SPDX-License-Identifier: Apache-2.0
// What the rules need to know of a picture beside the single socket: worked out once, before any rule is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "diagnose/loss.h"
#include "model/picture.h"

namespace tcpdiag::diagnose {

struct EndpointFacts {
  std::size_t index = 0;  // into Picture::endpoints
  const model::EndpointPicture* picture = nullptr;
  std::uint64_t exchange_attempts = 0;  // answered, failed and still waiting, each counted once
  std::uint64_t good_exchanges = 0;     // answered and not cut short by a reset or close
  model::Duration gave_up_after{};      // from here on a wait is a timeout: max(1 s, 3 x p99 of first_byte)
  // There is no good exchange to compare with, but the application's own waits form a timer.
  bool waits_form_timer = false;

  bool outbound() const { return picture->key.role == model::Role::kOutbound; }
  bool has_good_exchange() const { return good_exchanges > 0; }
};

// One socket with its surroundings: what a rule's claim is asked about.
struct Case {
  const model::SocketStory& story;
  const EndpointFacts& endpoint;
  // A connect of the same process to the same port was established within a second (RFC 8305, happy eyeballs).
  bool served_elsewhere = false;
};

struct Facts {
  explicit Facts(const model::Picture& of);

  const model::Picture& picture;
  std::vector<EndpointFacts> endpoints;
  std::vector<bool> served_elsewhere;  // by socket
  std::vector<LossShare> losses;       // those above 0, in the order of the table

  Case case_of(std::size_t socket) const;
  // Whole seconds of UTC, for links.
  std::int64_t utc_second(model::MonoTime t) const;
};

// --- readings of one socket's end that more than one rule needs ---

// When it failed: its end, or for a connect that still tries its start.
model::MonoTime moment_of(const model::SocketStory& story);

// Silence both ways before the first byte of the unanswered request. Where there was no data before: since the
// connection was established, or (older sockets) at least since the trace began. nullopt: no request, or not known.
std::optional<model::Duration> silence_before_request(const model::SocketStory& story);

// A RST that comes within max(2 x srtt, 50 ms) of a write answers that write.
model::Duration answer_to_write_limit(const model::SocketEnd& end);

// The request was written after at least 1 s of silence, and the end came as the answer to that write: the connection
// was dead before it. A socket for which this holds was not "awaiting a response".
bool died_while_idle(const model::SocketStory& story);

// The application gave up, or the kernel did after its last retransmission, with a request unanswered.
bool ended_here_unanswered(const model::SocketStory& story);

// A request is still unanswered at the end of the trace, for longer than any good exchange of the endpoint takes.
bool someone_still_waits(const Facts& facts, const EndpointFacts& endpoint);

// A request was lost by this end: unanswered, or its response cut short (the correlator decides it).
bool lost_exchange(const model::SocketStory& story);

}  // namespace tcpdiag::diagnose
