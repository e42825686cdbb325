// SPDX-License-Identifier: Apache-2.0
//
// Known amounts of TCP traffic, and the truth about them.
//
//   traffic serve ADDRESS PORT                          a server, until it is killed; prints "listening"
//   traffic run ADDRESS PORT REFUSED_PORT SILENT_PORT   every outcome of a connect, exchanges, resets
//   traffic lossy ADDRESS PORT                          the connections that lose segments
//   traffic crowd NAME ADDRESS PORT COUNT               as process NAME, at SIGUSR1: COUNT connections, an exchange
//   each
//
// All but the first print what they did as one JSON object. The numbers are primes, and no two are equal, so that no
// count can stand in for another. A request is kRequest bytes, its first byte says what the server is to do; a response
// is kResponse or kBulk bytes. SILENT_PORT must drop SYNs without an answer; REFUSED_PORT must have no listener. What
// is lost of which client port is up to the packet filter (lab.sh).

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
constexpr int kUnreadWaitMs = 250;       // longer than an ACK may be delayed (200 ms)

// The connections that lose segments, one for each kind of retransmission, by their ports.
constexpr int kFastPort = 20001;     // one segment of many
constexpr int kTimeoutPort = 20002;  // three copies of the last one, where tail probes are off
constexpr int kProbePort = 20003;    // the last segment of a response
constexpr int kSynPort = 20004;      //
constexpr int kSynAckPort = 20005;   //
constexpr int kRandomPort = 20006;   // the first of kRandomSockets: any segment, both ways
constexpr int kRandomSockets = 8;    //
constexpr int kRandomRounds = 3;     // bulk responses
constexpr size_t kSegment = 1448;    // bytes, with time stamps and an MTU of 1500
constexpr size_t kTail = 100;        // bytes of a last segment, of which no other segment has the length
constexpr size_t kBulk = 9 * kSegment + kTail;
constexpr size_t kUpload = 100 * kSegment;
constexpr size_t kRandomUpload = 30 * kSegment;

enum class Order : char { kAnswer = 'A', kReset = 'R', kBulk = 'B', kSwallow = 'S' };

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

// Until the peer has acknowledged everything.
void wait_acknowledged(int fd) {
  int left = 1;
  while (left > 0) {
    pause_ms(5);
    expect(ioctl(fd, SIOCOUTQ, &left) == 0, "SIOCOUTQ");
  }
}

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

// At once, so that the kernel cuts it into whole segments.
void send_zeros(int fd, size_t count) {
  const std::vector<char> zeros(count);
  size_t sent = 0;
  while (sent < count) {
    const ssize_t n = write(fd, zeros.data() + sent, count - sent);
    expect(n > 0, "write");
    sent += static_cast<size_t>(n);
  }
}

void close_with_reset(int fd) {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

// All requests of one connection. False: it was closed by a reset.
bool answer_requests(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::array<char, kRequest> request{};
  std::array<char, kSegment> swallowed{};
  while (read_all(fd, request)) {
    switch (static_cast<Order>(request[0])) {
      case Order::kReset:
        pause_ms(kServerResetWaitMs);
        close_with_reset(fd);
        return false;
      case Order::kSwallow:
        while (read(fd, swallowed.data(), swallowed.size()) > 0) continue;
        return true;
      case Order::kBulk:
        send_zeros(fd, kBulk);
        break;
      default:
        send_zeros(fd, kResponse);
    }
  }
  return true;
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
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    if (answer_requests(fd)) close(fd);
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
    pause_ms(kUnreadWaitMs);
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

// A connection from this port, whose fate the packet filter knows by it.
int connect_from(int port, const sockaddr_in& to) {
  const int fd = new_socket();
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_port = htons(static_cast<uint16_t>(port));
  expect(bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0, "bind");
  expect(connect_to(fd, to) == 0, "connect");
  return fd;
}

class Lossy {
 public:
  explicit Lossy(const sockaddr_in& server) : server_(server) {}

  int open(int port) {
    ++connections_;
    return connect_from(port, server_);
  }
  template <size_t N>
  void ask(int fd, Order order) {
    std::vector<char> response(N);
    send_request(fd, order);
    size_t have = 0;
    while (have < N) {
      const ssize_t got = read(fd, response.data() + have, N - have);
      expect(got > 0, "response");
      have += static_cast<size_t>(got);
    }
    sent_ += kRequest;
    received_ += N;
  }
  void upload(int fd, size_t count) {
    send_request(fd, Order::kSwallow);
    wait_acknowledged(fd);
    send_zeros(fd, count);
    sent_ += kRequest + count;
  }
  // Only when all has arrived: a FIN behind a lost segment would tell the peer of the loss.
  static void finish(int fd) {
    wait_acknowledged(fd);
    shutdown(fd, SHUT_WR);
    char nothing = 0;
    expect(read(fd, &nothing, 1) == 0, "the end of the stream");
    close(fd);
  }
  void print() const {
    std::printf(
        "{\"established\": %d, \"bytes_sent\": %zu, \"bytes_received\": %zu, \"fast_port\": %d, "
        "\"rto_port\": %d, \"tlp_port\": %d, \"syn_port\": %d}\n",
        connections_, sent_, received_, kFastPort, kTimeoutPort, kProbePort, kSynPort);
  }

 private:
  sockaddr_in server_;
  int connections_ = 0;
  size_t sent_ = 0;
  size_t received_ = 0;
};

int lossy(const char* host, const char* port) {
  Lossy traffic(make_address(host, port));
  int fd = traffic.open(kFastPort);
  traffic.upload(fd, kUpload);
  Lossy::finish(fd);
  fd = traffic.open(kTimeoutPort);
  traffic.upload(fd, kTail);
  Lossy::finish(fd);
  fd = traffic.open(kProbePort);
  traffic.ask<kBulk>(fd, Order::kBulk);
  Lossy::finish(fd);
  for (const int once : {kSynPort, kSynAckPort}) {
    fd = traffic.open(once);
    traffic.ask<kResponse>(fd, Order::kAnswer);
    Lossy::finish(fd);
  }
  for (int i = 0; i < kRandomSockets; ++i) {
    fd = traffic.open(kRandomPort + i);
    for (int j = 0; j < kRandomRounds; ++j) traffic.ask<kBulk>(fd, Order::kBulk);
    traffic.upload(fd, kRandomUpload);
    Lossy::finish(fd);
  }
  traffic.print();
  return 0;
}

int crowd(const char* name, const char* host, const char* port, int count) {
  sigset_t begin;
  sigemptyset(&begin);
  sigaddset(&begin, SIGUSR1);
  sigprocmask(SIG_BLOCK, &begin, nullptr);
  prctl(PR_SET_NAME, name);  // which is also how others know that the signal may come
  int got = 0;
  sigwait(&begin, &got);
  const sockaddr_in server = make_address(host, port);
  std::array<char, kResponse> response{};
  for (int i = 0; i < count; ++i) {
    const int fd = new_socket();
    expect(connect_to(fd, server) == 0, "connect");
    send_request(fd, Order::kAnswer);
    expect(read_all(fd, response), "response");
    close(fd);
  }
  std::printf("{\"established\": %d, \"exchanges\": %d}\n", count, count);
  std::fflush(stdout);
  sigwait(&begin, &got);  // whoever wants to know more of this process can still ask
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "serve" && argc == 4) return serve(argv[2], argv[3]);
  if (verb == "run" && argc == 6) return run(argv[2], argv[3], argv[4], argv[5]);
  if (verb == "lossy" && argc == 4) return lossy(argv[2], argv[3]);
  if (verb == "crowd" && argc == 6) return crowd(argv[2], argv[3], argv[4], std::atoi(argv[5]));
  std::fputs("usage: traffic serve | run | lossy | crowd ...: see the head of traffic.cpp\n", stderr);
  return 2;
}
