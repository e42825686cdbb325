// SPDX-License-Identifier: Apache-2.0
// What an application's log says for each way in which a connection fails: the bridge from a log line to a finding.
//
// One row a client and way. A row is here only where the text was read in the client's source (or, for errno texts, in
// libc's); versions change texts, so the words are hints for a search and never evidence.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdiag::knowledge {

// What the application's call met.
enum class CallFailure : std::uint8_t {
  kConnectGaveUp,       // its own connect timeout passed, nothing had answered
  kConnectTimedOut,     // the kernel gave up connecting: ETIMEDOUT
  kConnectRefused,      // RST to the SYN
  kConnectUnreachable,  // ICMP or no neighbour: EHOSTUNREACH, ENETUNREACH
  kConnectLocal,        // no local port: EADDRNOTAVAIL
  kReset,               // RST on an established connection: ECONNRESET
  kWriteAfterClose,     // written after the peer's FIN: EPIPE or ECONNRESET, or EOF at the next read
  kEndOfFile,           // the peer's FIN instead of an answer
  kReadGaveUp,          // its own read timeout passed
  kHandshakeGaveUp,     // connected, but the first bytes (TLS) got no answer before its timeout
  kKernelTimedOut,      // the kernel gave up retransmitting: ETIMEDOUT
  kAborted,             // SOCK_DESTROY on this host: ECONNABORTED
};

struct ClientMessage {
  CallFailure failure;
  std::string_view text;       // as in the log, placeholders in <>
  std::string_view client;     // "Ruby", "redis-py"
  std::string_view exception;  // class or code by which to search, empty: none
};

std::span<const ClientMessage> client_message_table();

// Lines for a finding, Ruby first: "\"Connection reset by peer\" (Ruby: Faraday::ConnectionFailed)".
std::vector<std::string> client_messages(CallFailure failure);

}  // namespace tcpdiag::knowledge
