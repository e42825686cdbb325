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
  kNoAttempt,           // nothing left this host: the name did not resolve, or no connection came free, in time
};

// Which clients may have written it. A port is a hint: 6379 and its neighbours are Redis, the rest may be HTTP.
enum class Client : std::uint8_t { kAny, kHttp, kRedis };

struct ClientMessage {
  CallFailure failure;
  Client kind;
  std::string_view text;       // as in the log, placeholders in <>
  std::string_view client;     // "Ruby", "redis-py"
  std::string_view exception;  // class or code by which to search, empty: none
};

std::span<const ClientMessage> client_message_table();

// Lines for a finding about connections to `remote_port`, Ruby first:
// "\"Connection reset by peer\" (Ruby: Faraday::ConnectionFailed, Errno::ECONNRESET)".
std::vector<std::string> client_messages(CallFailure failure, std::uint16_t remote_port);

}  // namespace tcpdiag::knowledge
