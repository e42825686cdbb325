// SPDX-License-Identifier: Apache-2.0
// The BPF programs as one object: opened, configured, loaded, attached; and their maps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "doctor/examine.h"
#include "model/filters.h"
#include "model/sample.h"
#include "source/live.h"
#include "util/result.h"
#include "wire.h"

struct bpf_program;

namespace tcpdiag::bpf {

class Programs {
 public:
  // What became of a load beside its result. Of a kernel that refuses a program the feature behind it is taken from
  // `abilities`; where that is not a required one, the rest is loaded.
  struct LoadNotes {
    std::vector<doctor::Refused> refused;
    bool permitted = true;  // false: bpf() said EPERM
    unsigned programs = 0;  // loaded
  };
  // Errors: kNotAble, in the doctor's words.
  static Result<Programs> load(const source::LiveOptions& options, doctor::Features& features, LoadNotes& notes);
  ~Programs();
  Programs(Programs&&) noexcept;
  Programs& operator=(Programs&&) noexcept;

  Result<> attach();
  // More processes for the filter by process.
  Result<> add_pids(const std::vector<std::uint32_t>& pids);
  void detach();

  bpf_program* seed() const;
  bpf_program* owners() const;
  bpf_program* snapshot() const;
  // From now on no program counts or tells anything; the iterators still read.
  void stop();
  // Which sockets somebody waits to read from, noted in their records; every second, or less often where it takes long.
  void look_for_readers(model::MonoTime at);
  void set_snapshot_mode(tcpd_snapshot_mode mode);

  int ring_fd() const;
  bool can_read_maps() const;  // with the capabilities that are in effect
  std::uint64_t counter(tcpd_counter index) const;
  std::optional<double> cpu_seconds() const;  // absent: nothing was timed
  // Aggregates of all endpoints, once a second.
  std::vector<model::EndpointSample> endpoint_samples(model::MonoTime at);

 private:
  struct Impl;
  explicit Programs(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tcpdiag::bpf
