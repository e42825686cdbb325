// SPDX-License-Identifier: Apache-2.0
// The source of this machine's own sockets: the kernel's (source/bpf), or, where the program was built without BPF, one
// that says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "doctor/examine.h"
#include "host/netns.h"
#include "model/filters.h"
#include "source/source.h"
#include "util/result.h"

namespace tcpdiag::source {

struct LiveOptions {
  model::Filters filters;                         // netns_inodes are ignored: `netns` says it
  std::vector<host::Netns> netns;                 // the namespaces to trace, open; to attach, at least one
  std::size_t ring_bytes = std::size_t{4} << 20;  // power of two, at least 64 KiB
  bool dns = true;                                // look-ups of names are followed
  bool dns_names = false;                         // and the names read
  std::vector<std::uint32_t> probe_pids;          // processes whose connections are traced beside those of `filters`
  std::uint32_t max_endpoints = 256;              // 1 .. 4096; memory: see docs/architecture.md
  std::uint32_t max_events_per_second = 0;        // 0: any number
  std::uint32_t max_sockets = 65536;              // only where the kernel has no per-socket storage for tracing
};

// Whether this program and this machine can trace at all, without touching anything. Errors: kNotAble, with the hint.
Result<> check_live_source();

// Nothing is attached yet; info() says what this kernel can do. Errors have exit code kNotAble where privileges or the
// kernel are missing, with the hint.
Result<std::unique_ptr<Source>> load_live_source(LiveOptions options);

// What the kernel can do, for `tcpdiag doctor`. The load test is left out where `may_load` is false; nothing is
// attached.
doctor::Kernel examine_live_source(bool may_load);

}  // namespace tcpdiag::source
