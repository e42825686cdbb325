// SPDX-License-Identifier: Apache-2.0
// The live source of a program built with BPF.
#include <cstdint>
#include <optional>
#include <utility>

#include "cli/live_source.h"
#include "host/rights.h"
#include "source/bpf/examine_kernel.h"

namespace tcpdiag::cli {
namespace {

class ProbeSource : public LiveSource {
 public:
  explicit ProbeSource(std::unique_ptr<bpf::Probe> probe) : probe_(std::move(probe)) {}

  const std::vector<model::Ability>& abilities() const override { return probe_->abilities(); }
  const std::map<std::uint32_t, std::string>& reset_reasons() const override { return probe_->reset_reasons(); }
  Result<> attach() override { return probe_->attach(); }
  bool can_read_maps() const override { return probe_->can_read_maps(); }
  Result<> begin(model::Sink& sink) override { return probe_->begin(sink); }
  std::uint64_t sockets_at_start() const override { return probe_->sockets_at_start(); }
  int fd() const override { return probe_->fd(); }
  void drain(model::Sink& sink) override { probe_->drain(sink); }
  void sample(model::Sink& sink) override { probe_->sample(sink); }
  std::optional<std::uint64_t> lost() override { return probe_->loss().total(); }
  bpf::ProbeEnd finish(model::Sink& sink) override { return probe_->finish(sink); }

 private:
  std::unique_ptr<bpf::Probe> probe_;
};

}  // namespace

Result<> check_live_source() { return doctor::check_rights(host::read_rights()); }

Result<std::unique_ptr<LiveSource>> load_live_source(bpf::ProbeOptions options) {
  auto probe = bpf::Probe::load(std::move(options));
  if (!probe) return tl::unexpected(probe.error());
  return std::make_unique<ProbeSource>(std::move(*probe));
}

doctor::Kernel examine_live_source(bool may_load) { return bpf::examine_kernel(may_load); }

}  // namespace tcpdiag::cli
