// SPDX-License-Identifier: Apache-2.0
// Sources: ruby/net-http lib/net/http.rb and ruby/net-protocol; lostisland/faraday-net_http
// lib/faraday/adapter/net_http.rb (which errors become ConnectionFailed and which TimeoutError; it also switches
// Net::HTTP's silent retry off); redis/redis-py connection.py; redis/lettuce ExceptionFactory.java; redis/ioredis
// lib/redis; redis-rb/redis-client; urllib3 connection.py and connectionpool.py with CPython's http/client.py (what
// requests wraps); JDK sun.nio.ch.NioSocketImpl and java.net.http (jdk.internal.net.http); Node.js lib/_http_client.js
// and libuv's names of errors; Go net and net/http (transport.go, client.go). The errno and getaddrinfo texts are
// glibc's.
#include "knowledge/client_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "knowledge/ports.h"

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
    ClientMessage{kConnectGaveUp, Client::kHttp, "Connection to <host> timed out. (connect timeout=<n>)",
                  "Python requests", "ConnectTimeout"},
    ClientMessage{kConnectGaveUp, Client::kHttp, "Connect timed out", "Java", "java.net.SocketTimeoutException"},
    ClientMessage{kConnectGaveUp, Client::kHttp, "HTTP connect timed out", "Java HttpClient",
                  "java.net.http.HttpConnectTimeoutException"},
    ClientMessage{kConnectGaveUp, Client::kHttp, "dial tcp <host:port>: i/o timeout", "Go", "net.OpError"},
    ClientMessage{kConnectGaveUp, Client::kRedis, "dial tcp <host:port>: i/o timeout", "go-redis", "net.OpError"},
    ClientMessage{kConnectGaveUp, Client::kRedis, "connection timed out: <host:port>", "lettuce",
                  "io.netty.channel.ConnectTimeoutException"},
    ClientMessage{kConnectTimedOut, Client::kHttp, "Connection timed out", "Ruby",
                  "Faraday::TimeoutError, Errno::ETIMEDOUT"},
    ClientMessage{kConnectTimedOut, Client::kAny, "Connection timed out", "errno", "ETIMEDOUT"},
    ClientMessage{kConnectTimedOut, Client::kHttp, "connect ETIMEDOUT <host:port>", "Node.js", "ETIMEDOUT"},
    ClientMessage{kConnectTimedOut, Client::kHttp, "dial tcp <host:port>: connect: connection timed out", "Go",
                  "syscall.ETIMEDOUT"},
    ClientMessage{kConnectRefused, Client::kHttp, "Connection refused", "Ruby",
                  "Faraday::ConnectionFailed, Errno::ECONNREFUSED"},
    ClientMessage{kConnectRefused, Client::kAny, "Connection refused", "errno", "ECONNREFUSED"},
    ClientMessage{kConnectRefused, Client::kHttp, "connect ECONNREFUSED <host:port>", "Node.js", "ECONNREFUSED"},
    ClientMessage{kConnectRefused, Client::kHttp, "dial tcp <host:port>: connect: connection refused", "Go",
                  "syscall.ECONNREFUSED"},
    ClientMessage{kConnectRefused, Client::kRedis, "Error 111 connecting to <host:port>. Connection refused.",
                  "redis-py", "ConnectionError"},
    ClientMessage{kConnectRefused, Client::kRedis, "connect ECONNREFUSED <host:port>", "ioredis", "ECONNREFUSED"},
    ClientMessage{kConnectUnreachable, Client::kHttp, "No route to host", "Ruby",
                  "Faraday::ConnectionFailed, Errno::EHOSTUNREACH"},
    ClientMessage{kConnectUnreachable, Client::kAny, "No route to host", "errno", "EHOSTUNREACH"},
    ClientMessage{kConnectUnreachable, Client::kHttp, "connect EHOSTUNREACH <host:port>", "Node.js", "EHOSTUNREACH"},
    ClientMessage{kConnectUnreachable, Client::kHttp, "dial tcp <host:port>: connect: no route to host", "Go",
                  "syscall.EHOSTUNREACH"},
    ClientMessage{kConnectLocal, Client::kHttp, "Cannot assign requested address", "Ruby",
                  "Faraday::ConnectionFailed, Errno::EADDRNOTAVAIL"},
    ClientMessage{kConnectLocal, Client::kAny, "Cannot assign requested address", "errno", "EADDRNOTAVAIL"},
    ClientMessage{kConnectLocal, Client::kHttp, "connect EADDRNOTAVAIL <host:port>", "Node.js", "EADDRNOTAVAIL"},
    ClientMessage{kConnectLocal, Client::kHttp, "dial tcp <host:port>: connect: cannot assign requested address", "Go",
                  "syscall.EADDRNOTAVAIL"},
    ClientMessage{kReset, Client::kHttp, "Connection reset by peer", "Ruby",
                  "Faraday::ConnectionFailed, Errno::ECONNRESET"},
    ClientMessage{kReset, Client::kAny, "Connection reset by peer", "errno", "ECONNRESET"},
    ClientMessage{kReset, Client::kRedis, "Error 104 while writing to socket. Connection reset by peer.", "redis-py",
                  "ConnectionError"},
    ClientMessage{kReset, Client::kHttp,
                  "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))", "Python requests",
                  "ConnectionError"},
    ClientMessage{kReset, Client::kHttp, "Connection reset", "Java", "java.net.SocketException"},
    ClientMessage{kReset, Client::kHttp, "read ECONNRESET", "Node.js", "ECONNRESET"},
    ClientMessage{kReset, Client::kHttp, "read: connection reset by peer", "Go", "syscall.ECONNRESET"},
    ClientMessage{kReset, Client::kRedis, "read ECONNRESET", "ioredis", "ECONNRESET"},
    ClientMessage{kReset, Client::kRedis, "read: connection reset by peer", "go-redis", "syscall.ECONNRESET"},
    ClientMessage{kWriteAfterClose, Client::kHttp, "end of file reached", "Ruby",
                  "Faraday::ConnectionFailed, EOFError"},
    ClientMessage{kWriteAfterClose, Client::kHttp, "Broken pipe", "Ruby", "Faraday::ConnectionFailed, Errno::EPIPE"},
    ClientMessage{kWriteAfterClose, Client::kAny, "Connection reset by peer", "errno", "ECONNRESET, then EPIPE"},
    ClientMessage{kWriteAfterClose, Client::kRedis, "Connection closed by server.", "redis-py", "ConnectionError"},
    ClientMessage{kWriteAfterClose, Client::kHttp,
                  "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
                  "Python requests", "ConnectionError"},
    ClientMessage{kWriteAfterClose, Client::kHttp, "Broken pipe", "Java", "java.net.SocketException"},
    ClientMessage{kWriteAfterClose, Client::kHttp, "write EPIPE", "Node.js", "EPIPE"},
    ClientMessage{kWriteAfterClose, Client::kHttp, "write: broken pipe", "Go", "syscall.EPIPE"},
    ClientMessage{kEndOfFile, Client::kHttp, "end of file reached", "Ruby", "Faraday::ConnectionFailed, EOFError"},
    ClientMessage{kEndOfFile, Client::kRedis, "Connection closed by server.", "redis-py", "ConnectionError"},
    ClientMessage{kEndOfFile, Client::kHttp,
                  "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
                  "Python requests", "ConnectionError"},
    ClientMessage{kEndOfFile, Client::kHttp, "HTTP/1.1 header parser received no bytes", "Java HttpClient",
                  "java.io.IOException"},
    ClientMessage{kEndOfFile, Client::kHttp, "socket hang up", "Node.js", "ECONNRESET"},
    ClientMessage{kEndOfFile, Client::kHttp, "EOF", "Go", "io.EOF"},
    ClientMessage{kEndOfFile, Client::kRedis, "EOF", "go-redis", "io.EOF"},
    ClientMessage{kReadGaveUp, Client::kHttp, "Net::ReadTimeout with #<TCPSocket:(closed)>", "Ruby",
                  "Faraday::TimeoutError, Net::ReadTimeout"},
    ClientMessage{kReadGaveUp, Client::kRedis, "Timeout reading from <host:port>", "redis-py", "TimeoutError"},
    ClientMessage{kReadGaveUp, Client::kRedis, "Waited <n> seconds", "redis-client (Ruby)",
                  "RedisClient::ReadTimeoutError"},
    ClientMessage{kReadGaveUp, Client::kRedis, "Command timed out after <time>", "lettuce", ""},
    ClientMessage{kReadGaveUp, Client::kRedis, "Command timed out", "ioredis", ""},
    ClientMessage{kReadGaveUp, Client::kHttp, "Read timed out. (read timeout=<n>)", "Python requests", "ReadTimeout"},
    ClientMessage{kReadGaveUp, Client::kHttp, "Read timed out", "Java", "java.net.SocketTimeoutException"},
    ClientMessage{kReadGaveUp, Client::kHttp, "request timed out", "Java HttpClient",
                  "java.net.http.HttpTimeoutException"},
    ClientMessage{kReadGaveUp, Client::kHttp,
                  "context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "Go",
                  "http.Client.Timeout"},
    ClientMessage{kReadGaveUp, Client::kRedis, "read: i/o timeout", "go-redis", "net.OpError"},
    ClientMessage{kHandshakeGaveUp, Client::kHttp, "Net::OpenTimeout", "Ruby",
                  "Faraday::ConnectionFailed, Net::OpenTimeout"},
    ClientMessage{kHandshakeGaveUp, Client::kRedis, "Timeout reading from <host:port>", "redis-py", "TimeoutError"},
    ClientMessage{kHandshakeGaveUp, Client::kHttp, "net/http: TLS handshake timeout", "Go", ""},
    ClientMessage{kKernelTimedOut, Client::kHttp, "Connection timed out", "Ruby",
                  "Faraday::TimeoutError, Errno::ETIMEDOUT"},
    ClientMessage{kKernelTimedOut, Client::kAny, "Connection timed out", "errno", "ETIMEDOUT"},
    ClientMessage{kKernelTimedOut, Client::kHttp, "read ETIMEDOUT", "Node.js", "ETIMEDOUT"},
    ClientMessage{kKernelTimedOut, Client::kHttp, "read: connection timed out", "Go", "syscall.ETIMEDOUT"},
    ClientMessage{kAborted, Client::kHttp, "Software caused connection abort", "Ruby",
                  "Faraday::ConnectionFailed, Errno::ECONNABORTED"},
    ClientMessage{kAborted, Client::kAny, "Software caused connection abort", "errno", "ECONNABORTED"},
    // Net::HTTP resolves the name under its open timeout, too.
    ClientMessage{kNoAttempt, Client::kHttp, "execution expired", "Ruby",
                  "Faraday::ConnectionFailed, Net::OpenTimeout"},
    ClientMessage{kNoAttempt, Client::kAny, "Temporary failure in name resolution", "getaddrinfo", "EAI_AGAIN"},
    ClientMessage{kNoAttempt, Client::kHttp, "getaddrinfo EAI_AGAIN <host>", "Node.js", "EAI_AGAIN"},
};

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
