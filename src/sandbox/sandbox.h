// SPDX-License-Identifier: Apache-2.0
// Drops, for good, every privilege that the rest of the program can do without. A tracer starts with root's privileges
// and then spends its life on what others chose: names, addresses, timings. Whoever finds a fault there finds a process
// that may read what it has open already, write its report, and nothing else.
//
//   open everything; enter(needs); only now touch what comes from outside
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <vector>

#include "model/sample.h"
#include "util/result.h"

namespace tcpdiag::sandbox {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // further ones
};

// Descriptors of directories may be O_PATH ones and have to stay open: refused calls are reported by their numbers.
struct Needs {
  // To become; nothing: it stays who it is. Without CAP_SETUID and CAP_SETGID it stays so too.
  std::optional<Identity> identity;
  // A trace goes on: maps of BPF are read, timers set, sockets that are open asked for what the kernel counts.
  bool live = false;
  // It opens TCP connections.
  bool connects = false;
  // The one capability that is kept. Kernels before 5.19 want it for reading a map (commit c8644cd0efe7): ask
  // works_without_capabilities().
  bool cap_bpf = false;
  // Below these, files may be opened for reading and directories listed. Only where the kernel has Landlock: without it
  // no file is opened any more at all.
  std::vector<int> readable;
  // In these, a file may be renamed to another name and removed; none can be made.
  std::vector<int> replaceable;
  // A call that is not foreseen ends the program with SIGSYS. Otherwise it fails with EPERM: the report of an outage is
  // worth more than a clean end. The kernel logs it in both cases (audit, type=1326).
  bool kill_on_refusal = false;
};

// The process must have one thread: privileges are a thread's own. What the kernel does not have is done without and
// reported in the answer: the features confined_user, confined_capabilities, confined_files and confined_calls. Errors
// (kNotAble): several threads; something that the kernel has could not be dropped.
Result<std::vector<model::Feature>> enter(const Needs& needs);

// The answer of `work`, called while no capability is in effect. They are back afterwards.
Result<bool> works_without_capabilities(const std::function<bool()>& work);

}  // namespace tcpdiag::sandbox
