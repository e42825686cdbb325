// SPDX-License-Identifier: Apache-2.0
// A live source that a test drives.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "cli/live_source.h"
#include "util/fd.h"

namespace tcpdiag::test {

class FakeSource : public cli::LiveSource {
 public:
  const std::vector<model::Ability>& abilities() const override { return abilities_; }
  const std::map<std::uint32_t, std::string>& reset_reasons() const override { return reasons_; }
  Result<> attach() override {
    if (!attachable) return fail(ExitCode::kNotAble, "the kernel refused", "use another");
    attached = true;
    return {};
  }
  bool can_read_maps() const override { return true; }
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
  std::optional<std::uint64_t> lost() override { return lost_so_far; }
  bpf::ProbeEnd finish(model::Sink&) override {
    finished = true;
    bpf::ProbeEnd end;
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
  std::optional<std::uint64_t> lost_so_far;

 private:
  Fd events_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::vector<model::Ability> abilities_{{.name = "reset_reasons", .available = false, .reason = "an old kernel"}};
  std::map<std::uint32_t, std::string> reasons_;
};

// Takes what a source gives.
class NullSink : public model::Sink {
 public:
  void on_event(const model::Event&) override {}
  void on_sample(const model::Sample&) override {}
};

}  // namespace tcpdiag::test
