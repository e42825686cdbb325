// SPDX-License-Identifier: Apache-2.0
#include "host/metadata_service.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <optional>
#include <string_view>

#include "host/instance.h"
#include "util/fd.h"
#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestAnswer = 4096;
constexpr std::size_t kLongestToken = 512;  // it has 56 bytes
constexpr std::string_view kEndOfHead = "\r\n\r\n";

auto failed(const std::string& what) { return fail(ExitCode::kFailed, what, "give the type with --instance-type"); }

// 0, or errno; ETIMEDOUT when `until` came first.
int wait_for(int fd, short events, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return ETIMEDOUT;
    pollfd wait{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(left));
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return errno;
  }
}

int connect_to(int fd, const sockaddr_in& to, Clock::time_point until) {
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return 0;  // NOLINT(*-reinterpret-cast)
  if (errno != EINPROGRESS) return errno;
  if (const int error = wait_for(fd, POLLOUT, until); error != 0) return error;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// A request has less than 1 kB: it fits into the buffer of a new socket.
int send_all(int fd, std::string_view request) {
  const ssize_t sent = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno;
  return static_cast<std::size_t>(sent) == request.size() ? 0 : EIO;
}

// The value of a header's line in `head`, without blanks around it; names are compared without case (RFC 9110, 5.1).
std::optional<std::string_view> header_of(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  while (!head.empty()) {
    std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!std::ranges::equal(line.substr(0, name.size()), name, same)) continue;
    line.remove_prefix(name.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line.substr(0, line.find_last_not_of(" \t") + 1);
  }
  return std::nullopt;
}

// Whether `answer` is complete, where it says how long it is; else the end of the connection completes it.
bool is_complete(std::string_view answer) {
  const std::size_t end = answer.find(kEndOfHead);
  if (end == std::string_view::npos) return false;
  const auto length = header_of(answer.substr(0, end), "Content-Length");
  const auto bytes = length ? parse_number<std::size_t>(*length) : std::nullopt;
  return bytes && answer.size() - end - kEndOfHead.size() >= *bytes;
}

Result<std::string> body_of(std::string_view answer) {
  const std::size_t end = answer.find(kEndOfHead);
  // "HTTP/1.1 200 OK"
  constexpr std::size_t kStatusAt = 9;
  constexpr std::size_t kStatusDigits = 3;
  const bool is_http = answer.starts_with("HTTP/1.") && answer.size() > kStatusAt + kStatusDigits;
  const auto status = is_http ? parse_number<unsigned>(answer.substr(kStatusAt, kStatusDigits)) : std::nullopt;
  if (!status || end == std::string_view::npos) return failed("the metadata service's answer makes no sense");
  constexpr unsigned kOk = 200;
  if (*status != kOk) return failed(fmt::format("the metadata service answered {}", *status));
  const std::string_view head = answer.substr(0, end);
  std::string_view body = answer.substr(end + kEndOfHead.size());
  if (const auto length = header_of(head, "Content-Length")) {
    const auto bytes = parse_number<std::size_t>(*length);
    if (!bytes || *bytes > body.size()) return failed("the metadata service's answer is not complete");
    body = body.substr(0, *bytes);
  }
  return std::string(body);
}

// A connection for each request, which the service closes.
Result<std::string> ask(const MetadataService& service, std::string_view what, const std::string& headers,
                        Clock::time_point until) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(service.port);
  if (::inet_pton(AF_INET, service.address.c_str(), &to.sin_addr) != 1) return failed("no address: " + service.address);
  const auto lost = [&service](int error) {
    return failed(fmt::format("no answer of the metadata service {}: {}", service.address, errno_text(error)));
  };
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return lost(errno);
  if (const int error = connect_to(fd.get(), to, until); error != 0) return lost(error);
  const std::string request =
      fmt::format("{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\r\n\r\n", what, service.address, headers);
  if (const int error = send_all(fd.get(), request); error != 0) return lost(error);

  std::string answer;
  std::array<char, 1024> block{};
  while (!is_complete(answer)) {
    if (const int error = wait_for(fd.get(), POLLIN, until); error != 0) return lost(error);
    const ssize_t got = ::recv(fd.get(), block.data(), block.size(), 0);
    if (got == 0) break;
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return lost(errno);
    answer.append(block.data(), static_cast<std::size_t>(got));
    if (answer.size() > kLongestAnswer) return failed("the metadata service's answer is too long");
  }
  return body_of(answer);
}

}  // namespace

Result<std::string> ask_instance_type(const MetadataService& service) {
  const Clock::time_point until = Clock::now() + service.limit;
  Result<std::string> token =
      ask(service, "PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0", until);
  if (!token) return token;
  // It goes into a header of the next request: nothing in it may end that line.
  const bool sound = !token->empty() && token->size() <= kLongestToken &&
                     std::ranges::all_of(*token, [](char c) { return c > ' ' && c <= '~'; });
  if (!sound) return failed("the metadata service's token makes no sense");
  Result<std::string> type =
      ask(service, "GET /latest/meta-data/instance-type", "X-aws-ec2-metadata-token: " + *token, until);
  if (type && !is_instance_type(*type)) return failed("the metadata service told no instance type");
  return type;
}

}  // namespace tcpdiag::host
