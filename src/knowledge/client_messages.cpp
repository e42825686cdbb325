// SPDX-License-Identifier: Apache-2.0
// Sources: ruby/net-http lib/net/http.rb and ruby/net-protocol; lostisland/faraday-net_http
// lib/faraday/adapter/net_http.rb (which errors become ConnectionFailed and which TimeoutError; it also switches
// Net::HTTP's silent retry off); redis/redis-py connection.py; redis/lettuce ExceptionFactory.java; redis/ioredis
// lib/redis; redis-rb/redis-client. The errno and
// getaddrinfo texts are glibc's.
#include "knowledge/client_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tcpdiag::knowledge {
namespace {

using enum CallFailure;

// In the order in which they are shown.
constexpr std::array kMessages = {
    // Only the TCP connect (and DNS) runs under Net::HTTP's open timeout, but any Timeout.timeout block around the call
    // gives the same text: the class tells them apart.
    ClientMessage{kConnectGaveUp, Client::kHttp, "execution expired", "Ruby",
                  "Faraday::ConnectionFailed, Net::OpenTimeout"},
    ClientMessage{kConnectGaveUp, Client::kRedis, "Timeout connecting to server", "redis-py", "TimeoutError"},
    ClientMessage{kConnectGaveUp, Client::kRedis, "connect ETIMEDOUT", "ioredis", ""},
    ClientMessage{kConnectTimedOut, Client::kHttp, "Connection timed out", "Ruby",
                  "Faraday::TimeoutError, Errno::ETIMEDOUT"},
    ClientMessage{kConnectTimedOut, Client::kAny, "Connection timed out", "errno", "ETIMEDOUT"},
    ClientMessage{kConnectRefused, Client::kHttp, "Connection refused", "Ruby",
                  "Faraday::ConnectionFailed, Errno::ECONNREFUSED"},
    ClientMessage{kConnectRefused, Client::kAny, "Connection refused", "errno", "ECONNREFUSED"},
    ClientMessage{kConnectUnreachable, Client::kHttp, "No route to host", "Ruby",
                  "Faraday::ConnectionFailed, Errno::EHOSTUNREACH"},
    ClientMessage{kConnectUnreachable, Client::kAny, "No route to host", "errno", "EHOSTUNREACH"},
    ClientMessage{kConnectLocal, Client::kHttp, "Cannot assign requested address", "Ruby",
                  "Faraday::ConnectionFailed, Errno::EADDRNOTAVAIL"},
    ClientMessage{kConnectLocal, Client::kAny, "Cannot assign requested address", "errno", "EADDRNOTAVAIL"},
    ClientMessage{kReset, Client::kHttp, "Connection reset by peer", "Ruby",
                  "Faraday::ConnectionFailed, Errno::ECONNRESET"},
    ClientMessage{kReset, Client::kAny, "Connection reset by peer", "errno", "ECONNRESET"},
    ClientMessage{kReset, Client::kRedis, "Error 104 while writing to socket. Connection reset by peer.", "redis-py",
                  "ConnectionError"},
    ClientMessage{kWriteAfterClose, Client::kHttp, "end of file reached", "Ruby",
                  "Faraday::ConnectionFailed, EOFError"},
    ClientMessage{kWriteAfterClose, Client::kHttp, "Broken pipe", "Ruby", "Faraday::ConnectionFailed, Errno::EPIPE"},
    ClientMessage{kWriteAfterClose, Client::kAny, "Connection reset by peer", "errno", "ECONNRESET, then EPIPE"},
    ClientMessage{kWriteAfterClose, Client::kRedis, "Connection closed by server.", "redis-py", "ConnectionError"},
    ClientMessage{kEndOfFile, Client::kHttp, "end of file reached", "Ruby", "Faraday::ConnectionFailed, EOFError"},
    ClientMessage{kEndOfFile, Client::kRedis, "Connection closed by server.", "redis-py", "ConnectionError"},
    ClientMessage{kReadGaveUp, Client::kHttp, "Net::ReadTimeout with #<TCPSocket:(closed)>", "Ruby",
                  "Faraday::TimeoutError, Net::ReadTimeout"},
    ClientMessage{kReadGaveUp, Client::kRedis, "Timeout reading from <host:port>", "redis-py", "TimeoutError"},
    ClientMessage{kReadGaveUp, Client::kRedis, "Waited <n> seconds", "redis-client (Ruby)",
                  "RedisClient::ReadTimeoutError"},
    ClientMessage{kReadGaveUp, Client::kRedis, "Command timed out after <time>", "lettuce", ""},
    ClientMessage{kReadGaveUp, Client::kRedis, "Command timed out", "ioredis", ""},
    ClientMessage{kHandshakeGaveUp, Client::kHttp, "Net::OpenTimeout", "Ruby",
                  "Faraday::ConnectionFailed, Net::OpenTimeout"},
    ClientMessage{kHandshakeGaveUp, Client::kRedis, "Timeout reading from <host:port>", "redis-py", "TimeoutError"},
    ClientMessage{kKernelTimedOut, Client::kHttp, "Connection timed out", "Ruby",
                  "Faraday::TimeoutError, Errno::ETIMEDOUT"},
    ClientMessage{kKernelTimedOut, Client::kAny, "Connection timed out", "errno", "ETIMEDOUT"},
    ClientMessage{kAborted, Client::kHttp, "Software caused connection abort", "Ruby",
                  "Faraday::ConnectionFailed, Errno::ECONNABORTED"},
    ClientMessage{kAborted, Client::kAny, "Software caused connection abort", "errno", "ECONNABORTED"},
    // Net::HTTP resolves the name under its open timeout, too.
    ClientMessage{kNoAttempt, Client::kHttp, "execution expired", "Ruby",
                  "Faraday::ConnectionFailed, Net::OpenTimeout"},
    ClientMessage{kNoAttempt, Client::kAny, "Temporary failure in name resolution", "getaddrinfo", "EAI_AGAIN"},
};

// Redis and its TLS port (by use), Sentinel (redis.conf, sentinel.conf).
bool is_redis_port(std::uint16_t port) { return port == 6379 || port == 6380 || port == 26379; }

}  // namespace

std::span<const ClientMessage> client_message_table() { return kMessages; }

std::vector<std::string> client_messages(CallFailure failure, std::uint16_t remote_port) {
  const Client absent = is_redis_port(remote_port) ? Client::kHttp : Client::kRedis;
  std::vector<std::string> lines;
  for (const ClientMessage& row : kMessages) {
    if (row.failure != failure || row.kind == absent) continue;
    // the bare errno adds nothing where a client's line with the same words stands already
    const auto same_words = [&row](const std::string& line) {
      return line.starts_with(fmt::format("\"{}\"", row.text));
    };
    if (row.kind == Client::kAny && std::any_of(lines.begin(), lines.end(), same_words)) continue;
    lines.push_back(row.exception.empty() ? fmt::format("\"{}\" ({})", row.text, row.client)
                                          : fmt::format("\"{}\" ({}: {})", row.text, row.client, row.exception));
  }
  return lines;
}

}  // namespace tcpdiag::knowledge
