// SPDX-License-Identifier: Apache-2.0
// The live source as the application sees it: the probe where it is built in, a fake in tests, and a refusal where the
// program was built without BPF. The meaning of each function is bpf::Probe's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "doctor/examine.h"
#include "model/sample.h"
#include "model/sink.h"
#include "source/bpf/probe.h"
#include "util/result.h"

namespace tcpdiag::cli {

class LiveSource {
 public:
  virtual ~LiveSource() = default;
  virtual const std::vector<model::Ability>& abilities() const = 0;
  virtual const std::map<std::uint32_t, std::string>& reset_reasons() const = 0;
  virtual Result<> attach() = 0;
  virtual bool can_read_maps() const = 0;
  virtual Result<> begin(model::Sink& sink) = 0;
  virtual std::uint64_t sockets_at_start() const = 0;
  virtual int fd() const = 0;
  virtual void drain(model::Sink& sink) = 0;
  virtual void sample(model::Sink& sink) = 0;
  // What was lost so far, all causes together; nothing where only finish() tells.
  virtual std::optional<std::uint64_t> lost() { return std::nullopt; }
  virtual bpf::ProbeEnd finish(model::Sink& sink) = 0;
};

// Whether this program and this machine can trace at all, without touching anything. Errors: kNotAble, with the cure.
Result<> check_live_source();

Result<std::unique_ptr<LiveSource>> load_live_source(bpf::ProbeOptions options);

// What the kernel can do, for `tcpdiag doctor`. The load test is left out where `may_load` is false; nothing is
// attached.
doctor::Kernel examine_live_source(bool may_load);

}  // namespace tcpdiag::cli
