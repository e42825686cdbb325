// SPDX-License-Identifier: Apache-2.0
// What the rules need to know of a picture beside the single socket: worked out once, before any rule is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "diagnose/loss.h"
#include "model/picture.h"

namespace tcpdiag::diagnose {

struct EndpointFacts {
  std::size_t index = 0;  // into Picture::endpoints
  const model::EndpointPicture* picture = nullptr;
  std::uint64_t exchange_attempts = 0;  // answered, failed and still waiting, each counted once
  std::uint64_t good_exchanges = 0;     // answered and not cut short by a reset or close
  // From here on a wait is a timeout: max(1 s, 3 x p99 of first_byte), or the shortest of the waits that form a timer.
  model::Duration gave_up_after{};
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
  // It is one of several of its endpoint that stopped getting ACKs within a second, and nothing of the endpoint has
  // answered since.
  bool peer_vanished = false;
};

struct Facts {
  explicit Facts(const model::Picture& of);

  const model::Picture& picture;
  std::vector<EndpointFacts> endpoints;
  std::vector<bool> served_elsewhere;  // by socket
  std::vector<bool> peer_vanished;     // by socket
  std::vector<LossShare> losses;       // those above 0, in the order of the table

  Case case_of(std::size_t socket) const;
  // Whole seconds of UTC, for links.
  std::int64_t utc_second(model::MonoTime t) const;
};

// Adds the seconds of UTC from `first` to `last`: all, where `samples` of one a second, or `lasted`, show that it went
// on all the time.
void add_seconds_of(const Facts& facts, std::set<std::int64_t>& seconds, model::MonoTime first, model::MonoTime last,
                    std::uint64_t samples, bool lasted);

// Did the endpoint answer anything in the whole seconds between?
bool answered_between(const model::Picture& picture, const model::EndpointPicture& endpoint, model::MonoTime from,
                      model::MonoTime to);

// --- readings of one socket's end that more than one rule needs ---

// When it failed: its end, or for a request or connect that still waits its start.
model::MonoTime moment_of(const model::SocketStory& story);

// Connected: when, and how long before the end; nullopt: before the trace, or not seen.
std::optional<model::MonoTime> connected_at(const model::SocketStory& story);
std::optional<model::Duration> connected_to_end(const model::SocketStory& story);

// The newest request has not one byte acknowledged, and timeouts repeated it: answered or not, over or not.
bool request_meets_silence(const model::SocketStory& story);

// No SYN of a failed connect ever left this host.
bool no_syn_left(const model::SocketStory& story);

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
