// SPDX-License-Identifier: Apache-2.0
//
// A known amount of TCP traffic, and the truth about it.
//
//   traffic serve ADDRESS PORT                          a server, until it is killed; prints "listening"
//   traffic run ADDRESS PORT REFUSED_PORT SILENT_PORT   the client: prints what it did as one JSON object
//
// The numbers are primes, and no two are equal, so that no count can stand in for another. A request is kRequest bytes,
// its first byte says what the server is to do; a response is kResponse bytes. SILENT_PORT must drop SYNs without an
// answer; REFUSED_PORT must have no listener.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

constexpr int kKeepAliveSockets = 13;    // each makes kExchangesEach exchanges, then closes with FIN
constexpr int kExchangesEach = 7;        //
constexpr int kRefused = 11;             // connects answered by RST
constexpr int kServerResets = 5;         // request sent, no answer, RST from the server
constexpr int kUnreadCloses = 3;         // response arrived, closed unread: this side sends RST
constexpr int kSilent = 2;               // connects without any answer, given up by the client
constexpr size_t kRequest = 64;          // bytes
constexpr size_t kResponse = 512;        // bytes
constexpr int kServerResetWaitMs = 100;  // the server's time with the request before it resets
constexpr int kSilentWaitMs = 2000;      // one SYN retransmission (after 1 s), not two (after 3 s)

enum class Order : char { kAnswer = 'A', kReset = 'R' };

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "traffic: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void expect(bool good, const char* what) {
  if (!good) fail(what);
}

sockaddr_in make_address(const char* host, const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
  expect(inet_pton(AF_INET, host, &address.sin_addr) == 1, "address");
  return address;
}

int new_socket(int flags = 0) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  expect(fd >= 0, "socket");
  return fd;
}

int connect_to(int fd, const sockaddr_in& to) { return connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to); }

void pause_ms(int milliseconds) { poll(nullptr, 0, milliseconds); }

// Reads exactly buffer.size() bytes. False at the end of the stream or at an error (errno).
template <size_t N>
bool read_all(int fd, std::array<char, N>& buffer) {
  size_t have = 0;
  errno = 0;
  while (have < N) {
    const ssize_t got = read(fd, buffer.data() + have, N - have);
    if (got <= 0) return false;
    have += static_cast<size_t>(got);
  }
  return true;
}

void send_request(int fd, Order order) {
  std::array<char, kRequest> request{};
  request[0] = static_cast<char>(order);
  expect(write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size()), "request");
}

void close_with_reset(int fd) {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

int serve(const char* host, const char* port) {
  prctl(PR_SET_NAME, "trafficd");
  const int listener = new_socket();
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in at = make_address(host, port);
  expect(bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "bind");
  expect(listen(listener, 128) == 0, "listen");
  std::puts("listening");
  std::fflush(stdout);
  const std::array<char, kResponse> response{};
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    std::array<char, kRequest> request{};
    bool open = true;
    while (open && read_all(fd, request)) {
      if (request[0] == static_cast<char>(Order::kReset)) {
        pause_ms(kServerResetWaitMs);
        close_with_reset(fd);
        open = false;
      } else if (write(fd, response.data(), response.size()) < 0) {
        break;
      }
    }
    if (open) close(fd);
  }
}

int run(const char* host, const char* port, const char* refused_port, const char* silent_port) {
  const sockaddr_in server = make_address(host, port);
  const sockaddr_in refused = make_address(host, refused_port);
  const sockaddr_in silent = make_address(host, silent_port);
  std::array<char, kResponse> response{};

  for (int i = 0; i < kKeepAliveSockets; ++i) {
    const int fd = new_socket();
    expect(connect_to(fd, server) == 0, "connect");
    for (int j = 0; j < kExchangesEach; ++j) {
      send_request(fd, Order::kAnswer);
      expect(read_all(fd, response), "response");
    }
    close(fd);
  }
  for (int i = 0; i < kRefused; ++i) {
    const int fd = new_socket();
    expect(connect_to(fd, refused) != 0 && errno == ECONNREFUSED, "a refusal was expected");
    close(fd);
  }
  for (int i = 0; i < kServerResets; ++i) {
    const int fd = new_socket();
    expect(connect_to(fd, server) == 0, "connect");
    send_request(fd, Order::kReset);
    expect(!read_all(fd, response) && errno == ECONNRESET, "a reset was expected");
    close(fd);
  }
  for (int i = 0; i < kUnreadCloses; ++i) {
    const int fd = new_socket();
    expect(connect_to(fd, server) == 0, "connect");
    send_request(fd, Order::kAnswer);
    int unread = 0;
    while (unread < static_cast<int>(kResponse)) {
      pause_ms(10);
      expect(ioctl(fd, FIONREAD, &unread) == 0, "FIONREAD");
    }
    close(fd);
  }
  std::vector<int> waiting;
  for (int i = 0; i < kSilent; ++i) {
    const int fd = new_socket(SOCK_NONBLOCK);
    expect(connect_to(fd, silent) != 0 && errno == EINPROGRESS, "silence was expected");
    waiting.push_back(fd);
  }
  if (!waiting.empty()) pause_ms(kSilentWaitMs);
  for (const int fd : waiting) {
    pollfd state{.fd = fd, .events = POLLOUT, .revents = 0};
    expect(poll(&state, 1, 0) == 0, "silence was expected, not an answer");
    close(fd);
  }

  constexpr int kEstablished = kKeepAliveSockets + kServerResets + kUnreadCloses;
  constexpr int kExchanges = kKeepAliveSockets * kExchangesEach + kUnreadCloses;
  std::printf(
      "{\"established\": %d, \"refused\": %d, \"abandoned\": %d, \"exchanges\": %d, "
      "\"exchanges_failed\": %d, \"resets_received\": %d, \"resets_sent\": %d, \"syn_retransmits\": %d, "
      "\"bytes_sent\": %zu, \"bytes_received\": %zu}\n",
      kEstablished, kRefused, kSilent, kExchanges, kServerResets, kServerResets, kUnreadCloses, kSilent,
      kRequest * (kExchanges + kServerResets), kResponse * kExchanges);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "serve" && argc == 4) return serve(argv[2], argv[3]);
  if (verb == "run" && argc == 6) return run(argv[2], argv[3], argv[4], argv[5]);
  std::fputs("usage: traffic serve ADDRESS PORT | run ADDRESS PORT REFUSED_PORT SILENT_PORT\n", stderr);
  return 2;
}
