// SPDX-License-Identifier: Apache-2.0
// Sources: ruby/net-http lib/net/http.rb and ruby/net-protocol; lostisland/faraday-net_http lib/faraday/adapter/net_http.rb
// (which errors become ConnectionFailed and which TimeoutError; it also switches Net::HTTP's silent retry off);
// redis/redis-py connection.py; redis/lettuce ExceptionFactory.java; redis/ioredis lib/redis; redis-rb/redis-client.
// The errno texts are glibc's.
#include "knowledge/client_messages.h"

#include <fmt/format.h>

#include <array>

namespace tcpdiag::knowledge {
namespace {

using enum CallFailure;

// In the order in which they are shown.
constexpr std::array kMessages = {
    // Only the TCP connect (and DNS) runs under Net::HTTP's open timeout, but any Timeout.timeout block around the call
    // gives the same text: the class tells them apart.
    ClientMessage{kConnectGaveUp, "execution expired", "Ruby", "Faraday::ConnectionFailed, Net::OpenTimeout"},
    ClientMessage{kConnectGaveUp, "Timeout connecting to server", "redis-py", "TimeoutError"},
    ClientMessage{kConnectGaveUp, "connect ETIMEDOUT", "ioredis", ""},
    ClientMessage{kConnectTimedOut, "Connection timed out", "Ruby", "Faraday::TimeoutError, Errno::ETIMEDOUT"},
    ClientMessage{kConnectTimedOut, "Connection timed out", "errno", "ETIMEDOUT"},
    ClientMessage{kConnectRefused, "Connection refused", "Ruby", "Faraday::ConnectionFailed, Errno::ECONNREFUSED"},
    ClientMessage{kConnectRefused, "Connection refused", "errno", "ECONNREFUSED"},
    ClientMessage{kConnectUnreachable, "No route to host", "Ruby", "Faraday::ConnectionFailed, Errno::EHOSTUNREACH"},
    ClientMessage{kConnectUnreachable, "No route to host", "errno", "EHOSTUNREACH"},
    ClientMessage{kConnectLocal, "Cannot assign requested address", "Ruby",
                  "Faraday::ConnectionFailed, Errno::EADDRNOTAVAIL"},
    ClientMessage{kConnectLocal, "Cannot assign requested address", "errno", "EADDRNOTAVAIL"},
    ClientMessage{kReset, "Connection reset by peer", "Ruby", "Faraday::ConnectionFailed, Errno::ECONNRESET"},
    ClientMessage{kReset, "Connection reset by peer", "errno", "ECONNRESET"},
    ClientMessage{kReset, "Error 104 while writing to socket. Connection reset by peer.", "redis-py",
                  "ConnectionError"},
    ClientMessage{kWriteAfterClose, "end of file reached", "Ruby", "Faraday::ConnectionFailed, EOFError"},
    ClientMessage{kWriteAfterClose, "Broken pipe", "Ruby", "Faraday::ConnectionFailed, Errno::EPIPE"},
    ClientMessage{kWriteAfterClose, "Connection reset by peer", "errno", "ECONNRESET, then EPIPE"},
    ClientMessage{kWriteAfterClose, "Connection closed by server.", "redis-py", "ConnectionError"},
    ClientMessage{kEndOfFile, "end of file reached", "Ruby", "Faraday::ConnectionFailed, EOFError"},
    ClientMessage{kEndOfFile, "Connection closed by server.", "redis-py", "ConnectionError"},
    ClientMessage{kReadGaveUp, "Net::ReadTimeout with #<TCPSocket:(closed)>", "Ruby",
                  "Faraday::TimeoutError, Net::ReadTimeout"},
    ClientMessage{kReadGaveUp, "Timeout reading from <host:port>", "redis-py", "TimeoutError"},
    ClientMessage{kReadGaveUp, "Waited <n> seconds", "redis-client (Ruby)", "RedisClient::ReadTimeoutError"},
    ClientMessage{kReadGaveUp, "Command timed out after <time>", "lettuce", ""},
    ClientMessage{kReadGaveUp, "Command timed out", "ioredis", ""},
    ClientMessage{kHandshakeGaveUp, "Net::OpenTimeout", "Ruby", "Faraday::ConnectionFailed, Net::OpenTimeout"},
    ClientMessage{kHandshakeGaveUp, "Timeout reading from <host:port>", "redis-py", "TimeoutError"},
    ClientMessage{kKernelTimedOut, "Connection timed out", "Ruby", "Faraday::TimeoutError, Errno::ETIMEDOUT"},
    ClientMessage{kKernelTimedOut, "Connection timed out", "errno", "ETIMEDOUT"},
    ClientMessage{kAborted, "Software caused connection abort", "Ruby",
                  "Faraday::ConnectionFailed, Errno::ECONNABORTED"},
    ClientMessage{kAborted, "Software caused connection abort", "errno", "ECONNABORTED"},
};

}  // namespace

std::span<const ClientMessage> client_message_table() { return kMessages; }

std::vector<std::string> client_messages(CallFailure failure) {
  std::vector<std::string> lines;
  for (const ClientMessage& row : kMessages) {
    if (row.failure != failure) continue;
    lines.push_back(row.exception.empty() ? fmt::format("\"{}\" ({})", row.text, row.client)
                                          : fmt::format("\"{}\" ({}: {})", row.text, row.client, row.exception));
  }
  return lines;
}

}  // namespace tcpdiag::knowledge
