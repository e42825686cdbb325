// SPDX-License-Identifier: Apache-2.0
//
// A path with a fixed delay: forwards every frame between two network devices of its namespace after a time. It stands
// in for netem where the kernel has none.
//
//   delay_box DEVICE_A DEVICE_B [--delay-us N] [--delay-back-us N] [--reorder-permille N] [--reorder-extra-us N]
//             [--reorder-min-bytes N] [--duplicate-permille N] [--queue-frames N] [--seed N]
//
//   --delay-us            from A to B, and from B to A where --delay-back-us does not say otherwise (default 0)
//   --reorder-permille    that share of the frames of at least --reorder-min-bytes (default 0) is late by
//   --reorder-extra-us
//   --duplicate-permille  that share arrives twice
//   --queue-frames        most frames on their way in one direction; further ones are dropped, and counted (default
//   16384)
//   --seed                of the dice for the two shares: the same seed and traffic, the same fate (default 1)
//
// Prints {"event":"up"} when it forwards, its counts as one JSON object {"event":"counts",...} at SIGUSR1, and the same
// at SIGTERM or SIGINT, with which it ends. Exit status: 0 ended by a signal, 1 a device failed, 2 wrong use.
//
// The delay counts from the kernel's time stamp of the frame's arrival, so a box that is woken late adds nothing to it
// unless it is later than the delay is long; `late_us_max` tells by how much a frame ever left too late. Frames keep
// their order in each direction, but those that are reordered. Offloads must be off at all four ends: a frame longer
// than kFrameBytes is dropped and counted as too long.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kFrameBytes = 2048;
constexpr unsigned kBatch = 64;
constexpr int kSocketBufferBytes = 16 << 20;
constexpr std::int64_t kNsPerUs = 1000;
constexpr std::int64_t kNsPerS = 1'000'000'000;

struct Options {
  std::array<const char*, 2> device{};
  std::array<std::int64_t, 2> delay_ns{};  // of what arrives at device 0, and at device 1
  unsigned reorder_permille = 0;
  std::int64_t reorder_extra_ns = 0;
  std::size_t reorder_min_bytes = 0;
  unsigned duplicate_permille = 0;
  std::uint32_t queue_frames = 16384;
  unsigned seed = 1;
};

[[noreturn]] void fail(int status, const std::string& text) {
  std::fprintf(stderr, "delay_box: %s\n", text.c_str());
  std::exit(status);
}

std::int64_t now_ns(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return at.tv_sec * kNsPerS + at.tv_nsec;
}

std::int64_t number(std::string_view option, std::string_view text, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most) {
    fail(2, std::string(option) + " needs a number from 0 to " + std::to_string(most) + ", not '" + std::string(text) +
                "'");
  }
  return value;
}

Options options_of(int count, char** words) {
  constexpr std::int64_t kMostUs = 10'000'000;
  Options options;
  int devices = 0;
  std::int64_t back_us = -1;
  for (int at = 1; at < count; ++at) {
    const std::string_view word = words[at];
    if (!word.starts_with("--")) {
      if (devices == 2) fail(2, "more than two devices: '" + std::string(word) + "'");
      options.device[static_cast<std::size_t>(devices++)] = words[at];
      continue;
    }
    const auto value = [&](std::int64_t most) {
      if (at + 1 == count) fail(2, std::string(word) + " needs a number");
      return number(word, words[++at], most);
    };
    if (word == "--delay-us") {
      options.delay_ns[0] = value(kMostUs) * kNsPerUs;
    } else if (word == "--delay-back-us") {
      back_us = value(kMostUs);
    } else if (word == "--reorder-permille") {
      options.reorder_permille = static_cast<unsigned>(value(1000));
    } else if (word == "--reorder-extra-us") {
      options.reorder_extra_ns = value(kMostUs) * kNsPerUs;
    } else if (word == "--reorder-min-bytes") {
      options.reorder_min_bytes = static_cast<std::size_t>(value(kFrameBytes));
    } else if (word == "--duplicate-permille") {
      options.duplicate_permille = static_cast<unsigned>(value(1000));
    } else if (word == "--queue-frames") {
      options.queue_frames = static_cast<std::uint32_t>(value(1 << 20));
    } else if (word == "--seed") {
      options.seed = static_cast<unsigned>(value(1 << 30));
    } else {
      fail(2, "unknown option " + std::string(word));
    }
  }
  if (devices != 2) fail(2, "names of two devices are needed: delay_box DEVICE_A DEVICE_B [--delay-us N] ...");
  if (options.queue_frames == 0) fail(2, "--queue-frames needs at least 1");
  options.delay_ns[1] = back_us < 0 ? options.delay_ns[0] : back_us * kNsPerUs;
  return options;
}

int open_device(const char* name) {
  const unsigned index = if_nametoindex(name);
  if (index == 0) fail(1, std::string(name) + ": no such device");
  const int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (descriptor < 0) fail(1, std::string("packet socket: ") + std::strerror(errno));
  const int one = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  packet_mreq all{};
  all.mr_ifindex = static_cast<int>(index);
  all.mr_type = PACKET_MR_PROMISC;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) != 0 ||
      setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 ||
      setsockopt(descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
      bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail(1, std::string(name) + ": " + std::strerror(errno));
  }
  return descriptor;
}

struct Frame {
  std::int64_t due_ns = 0;
  std::uint32_t length = 0;
  std::array<unsigned char, kFrameBytes> bytes;
};

// Frames in the order in which they are due: each lane has one delay.
class Lane {
 public:
  explicit Lane(std::size_t frames) : ring_(frames) {}
  bool empty() const { return taken_ == put_; }
  Frame* front() const { return ring_[taken_ % ring_.size()]; }
  Frame* at(std::size_t offset) const { return ring_[(taken_ + offset) % ring_.size()]; }
  std::size_t size() const { return put_ - taken_; }
  void put(Frame* frame) { ring_[put_++ % ring_.size()] = frame; }
  void drop_front(std::size_t count) { taken_ += count; }

 private:
  std::vector<Frame*> ring_;
  std::size_t taken_ = 0, put_ = 0;
};

// One direction: in at one device, out at the other.
class Direction {
 public:
  Direction(const Options& options, std::size_t number, int in, int out)
      : options_(options),
        delay_ns_(options.delay_ns[number]),
        in_(in),
        out_(out),
        dice_(options.seed + static_cast<unsigned>(number)),
        frames_(std::make_unique_for_overwrite<Frame[]>(options.queue_frames + kBatch)),
        lanes_{Lane(options.queue_frames), Lane(options.queue_frames)} {
    for (std::size_t n = options.queue_frames + kBatch; n > 0; --n) free_.push_back(&frames_[n - 1]);
  }

  // Takes what has arrived, at most a few batches: the other direction wants its turn.
  void receive() {
    for (int turn = 0; turn < 4 && receive_batch() == kBatch; ++turn) {
    }
  }

  // Sends what is due. Returns when the next frame is.
  std::int64_t send() {
    std::int64_t next = INT64_MAX;
    for (Lane& lane : lanes_) {
      while (send_batch(lane)) {
      }
      if (!lane.empty()) next = std::min(next, lane.front()->due_ns);
    }
    return next;
  }

  void print(const char* name) const {
    std::printf(
        "\"%s\":{\"received\":%llu,\"forwarded\":%llu,\"bytes\":%llu,\"reordered\":%llu,\"duplicated\":%llu,"
        "\"dropped_queue\":%llu,\"dropped_too_long\":%llu,\"dropped_socket\":%llu,\"refused\":%llu,"
        "\"late_us_max\":%lld,\"late_1ms\":%llu}",
        name, received_, forwarded_, bytes_, reordered_, duplicated_, dropped_queue_, dropped_too_long_,
        dropped_socket(), refused_, static_cast<long long>(late_ns_max_ / kNsPerUs), late_1ms_);
  }

 private:
  using Count = unsigned long long;

  unsigned receive_batch() {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts;
    std::array<std::array<char, 64>, kBatch> control;
    for (unsigned n = 0; n < kBatch; ++n) {
      Frame* frame = free_[free_.size() - 1 - n];
      parts[n] = {frame->bytes.data(), frame->bytes.size()};
      messages[n].msg_hdr.msg_iov = &parts[n];
      messages[n].msg_hdr.msg_iovlen = 1;
      messages[n].msg_hdr.msg_control = control[n].data();
      messages[n].msg_hdr.msg_controllen = control[n].size();
    }
    const int got = recvmmsg(in_, messages.data(), kBatch, MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (got <= 0) return 0;
    const std::int64_t real_ns = now_ns(CLOCK_REALTIME), own_ns = now_ns(CLOCK_MONOTONIC);
    std::array<Frame*, kBatch> arrived;
    const unsigned count = static_cast<unsigned>(got);
    for (unsigned n = 0; n < count; ++n) arrived[n] = free_[free_.size() - 1 - n];
    free_.resize(free_.size() - count);
    for (unsigned n = 0; n < count; ++n) {
      arrived[n]->length = messages[n].msg_len;
      take(arrived[n], own_ns - age_ns(messages[n].msg_hdr, real_ns));
    }
    return count;
  }

  // How long ago the kernel stamped it. What cannot be (the clock was set meanwhile) is now.
  static std::int64_t age_ns(msghdr& message, std::int64_t real_ns) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
      timespec at{};
      std::memcpy(&at, CMSG_DATA(part), sizeof at);
      const std::int64_t age = real_ns - (at.tv_sec * kNsPerS + at.tv_nsec);
      return age < 0 || age > kNsPerS ? 0 : age;
    }
    return 0;
  }

  void take(Frame* frame, std::int64_t at_ns) {
    ++received_;
    const bool late = options_.reorder_permille > 0 && frame->length >= options_.reorder_min_bytes &&
                      roll() < options_.reorder_permille;
    const bool twice = options_.duplicate_permille > 0 && roll() < options_.duplicate_permille;
    if (frame->length > kFrameBytes) {
      ++dropped_too_long_;
      free_.push_back(frame);
      return;
    }
    Lane& lane = lanes_[late ? 1 : 0];
    frame->due_ns = at_ns + delay_ns_ + (late ? options_.reorder_extra_ns : 0);
    if (!enter(lane, frame)) return;
    reordered_ += late;
    if (!twice || free_.size() <= kBatch) return;
    Frame* copy = free_.back();
    free_.pop_back();
    copy->due_ns = frame->due_ns;
    copy->length = frame->length;
    std::copy_n(frame->bytes.begin(), frame->length, copy->bytes.begin());
    duplicated_ += enter(lane, copy);
  }

  bool enter(Lane& lane, Frame* frame) {
    if (lanes_[0].size() + lanes_[1].size() < options_.queue_frames) {
      lane.put(frame);
      return true;
    }
    ++dropped_queue_;
    free_.push_back(frame);
    return false;
  }

  bool send_batch(Lane& lane) {
    const std::int64_t now = now_ns(CLOCK_MONOTONIC);
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts;
    unsigned due = 0;
    while (due < kBatch && due < lane.size() && lane.at(due)->due_ns <= now) {
      Frame* frame = lane.at(due);
      parts[due] = {frame->bytes.data(), frame->length};
      messages[due].msg_hdr.msg_iov = &parts[due];
      messages[due].msg_hdr.msg_iovlen = 1;
      ++due;
    }
    if (due == 0) return false;
    const int sent = sendmmsg(out_, messages.data(), due, MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) return true;
    if (sent < 0 && errno == ENETDOWN) fail(1, "a device went down");
    // sendmmsg stops at the first frame that was not taken; that one is lost.
    const unsigned gone = sent > 0 ? static_cast<unsigned>(sent) : 1;
    for (unsigned n = 0; n < gone; ++n) {
      Frame* frame = lane.at(n);
      const std::int64_t late = now - frame->due_ns;
      late_ns_max_ = std::max(late_ns_max_, late);
      late_1ms_ += late > kNsPerS / 1000;
      if (sent > 0) {
        ++forwarded_;
        bytes_ += frame->length;
      } else {
        ++refused_;
      }
      free_.push_back(frame);
    }
    lane.drop_front(gone);
    return true;
  }

  unsigned roll() { return static_cast<unsigned>(dice_() % 1000); }

  // What the kernel did not even put into the socket's buffer. Asking resets the kernel's own count.
  Count dropped_socket() const {
    tpacket_stats stats{};
    socklen_t size = sizeof stats;
    if (getsockopt(in_, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) dropped_socket_ += stats.tp_drops;
    return dropped_socket_;
  }

  const Options& options_;
  std::int64_t delay_ns_;
  int in_, out_;
  std::mt19937 dice_;
  std::unique_ptr<Frame[]> frames_;
  std::vector<Frame*> free_;  // the one used last is the next: it is still in the cache
  std::array<Lane, 2> lanes_;
  Count received_ = 0, forwarded_ = 0, bytes_ = 0, reordered_ = 0, duplicated_ = 0, dropped_queue_ = 0,
        dropped_too_long_ = 0, refused_ = 0, late_1ms_ = 0;
  mutable Count dropped_socket_ = 0;
  std::int64_t late_ns_max_ = 0;
};

// A path does not wait for a processor. Where the rights are missing it does, and late_us_max shows it.
void be_first() {
  sched_param first{};
  first.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_RR, &first) != 0) setpriority(PRIO_PROCESS, 0, -20);
  prctl(PR_SET_TIMERSLACK, 1UL);
}

int signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int each : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&wanted, each);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  const int descriptor = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor < 0) fail(1, std::string("signalfd: ") + std::strerror(errno));
  return descriptor;
}

void print_counts(const std::array<Direction, 2>& directions) {
  std::printf("{\"event\":\"counts\",");
  directions[0].print("a_to_b");
  std::printf(",");
  directions[1].print("b_to_a");
  std::printf("}\n");
  std::fflush(stdout);
}

int run(const Options& options) {
  const int asked = signals();
  const std::array<int, 2> device{open_device(options.device[0]), open_device(options.device[1])};
  std::array<Direction, 2> directions{Direction(options, 0, device[0], device[1]),
                                      Direction(options, 1, device[1], device[0])};
  be_first();
  std::printf("{\"event\":\"up\"}\n");
  std::fflush(stdout);
  for (;;) {
    const std::int64_t next = std::min(directions[0].send(), directions[1].send());
    std::array<pollfd, 3> events{{{device[0], POLLIN, 0}, {device[1], POLLIN, 0}, {asked, POLLIN, 0}}};
    timespec wait{};
    const std::int64_t left = next == INT64_MAX ? 0 : std::max<std::int64_t>(0, next - now_ns(CLOCK_MONOTONIC));
    wait.tv_sec = left / kNsPerS;
    wait.tv_nsec = left % kNsPerS;
    if (ppoll(events.data(), events.size(), next == INT64_MAX ? nullptr : &wait, nullptr) < 0 && errno != EINTR) {
      fail(1, std::string("poll: ") + std::strerror(errno));
    }
    for (std::size_t n = 0; n < 2; ++n) {
      if ((events[n].revents & POLLIN) != 0) directions[n].receive();
      if ((events[n].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        fail(1, std::string(options.device[n]) + ": the device failed or went down");
      }
    }
    signalfd_siginfo which{};
    if (events[2].revents == 0 || read(asked, &which, sizeof which) != sizeof which) continue;
    print_counts(directions);
    if (which.ssi_signo != SIGUSR1) return 0;
  }
}

}  // namespace

int main(int count, char** words) {
  const Options options = options_of(count, words);
  return run(options);
}
