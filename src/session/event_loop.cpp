// SPDX-License-Identifier: Apache-2.0
#include "session/event_loop.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>

#include "host/clock.h"
#include "util/fd.h"

namespace tcpdiag::session {
namespace {

timespec to_timespec(model::Duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = whole.count(), .tv_nsec = (duration - whole).count()};
}

// Readable at `first`, and again after every `then` (0: never). By the monotonic clock, for which the kernel keeps the
// interval without drift.
Fd timer(model::MonoTime first, model::Duration then) {
  Fd fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const itimerspec setting{.it_interval = to_timespec(then), .it_value = to_timespec(first.time_since_epoch())};
  if (fd && ::timerfd_settime(fd.get(), TFD_TIMER_ABSTIME, &setting, nullptr) != 0) fd.reset();
  return fd;
}

void clear(const Fd& timer) {
  std::uint64_t times = 0;
  [[maybe_unused]] const ssize_t got = ::read(timer.get(), &times, sizeof times);  // seconds missed are not made up for
}

}  // namespace

model::EndedBy run_until_end(source::Source& source, model::Sink& sink, const Signals& signals,
                             const model::ClockPair& clock, std::optional<model::Duration> duration,
                             const LoopHooks& hooks) {
  if (duration && *duration == model::Duration::zero()) return model::EndedBy::kDuration;
  const model::MonoTime now = host::mono_now();
  const Fd tick = timer(host::next_utc_second(clock, now), std::chrono::seconds{1});
  const Fd end = duration ? timer(now + *duration, {}) : Fd();
  if (!tick || (duration && !end)) return model::EndedBy::kError;

  while (true) {
    // poll() skips descriptors that are -1: no duration.
    std::array<pollfd, 4> ready{{{.fd = source.fd(), .events = POLLIN, .revents = 0},
                                 {.fd = tick.get(), .events = POLLIN, .revents = 0},
                                 {.fd = end.get(), .events = POLLIN, .revents = 0},
                                 {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return model::EndedBy::kError;
    }
    if (ready[0].revents != 0) source.drain(sink);
    if (ready[1].revents != 0) {
      clear(tick);
      source.sample(sink);
      hooks.every_second();
    }
    if (!hooks.after_events()) return model::EndedBy::kError;
    if (ready[3].revents != 0 && signals.take() != 0) return model::EndedBy::kSignal;
    if (ready[2].revents != 0) return model::EndedBy::kDuration;
  }
}

}  // namespace tcpdiag::session
