// SPDX-License-Identifier: Apache-2.0
// A live source that a test drives.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "host/clock.h"
#include "source/source.h"
#include "util/fd.h"

namespace tcpdiag::test {

class FakeSource : public source::Source {
 public:
  const source::SourceInfo& info() const override { return info_; }
  Result<> attach() override {
    if (!attachable) return fail(ExitCode::kNotAble, "the kernel refused", "use another");
    attached = true;
    info_.clock = host::read_clock_pair();
    return {};
  }
  bool can_read() const override { return true; }
  Result<> begin(model::Sink&) override {
    begun = true;
    return {};
  }
  std::uint64_t sockets_at_start() const override { return 3; }
  int fd() const override { return events_.get(); }
  void drain(model::Sink&) override {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(events_.get(), &count, sizeof count);
    drained += count;
  }
  void sample(model::Sink&) override { ++samples; }
  std::optional<model::Loss> loss() const override { return loss_so_far; }
  source::SourceEnd finish(model::Sink&) override {
    finished = true;
    source::SourceEnd end;
    end.at = host::mono_now();
    end.bpf_cpu_s = 0.5;
    end.loss.ring_full = 7;
    return end;
  }

  void have_event() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto put = ::write(events_.get(), &one, sizeof one);
  }

  bool attachable = true;
  bool attached = false;
  bool begun = false;
  bool finished = false;
  std::uint64_t drained = 0;
  int samples = 0;
  std::optional<model::Loss> loss_so_far;

 private:
  Fd events_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  source::SourceInfo info_{.origin = model::Origin::kBpf,
                           .features = {{.name = "reset_reasons", .available = false, .reason = "an old kernel"}},
                           .reset_reasons = {},
                           .drop_reasons = {},
                           .clock = {}};
};

// Takes what a source gives.
class NullSink : public model::Sink {
 public:
  void on_event(const model::Event&) override {}
  void on_sample(const model::Sample&) override {}
};

}  // namespace tcpdiag::test
