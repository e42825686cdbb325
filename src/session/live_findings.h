// SPDX-License-Identifier: Apache-2.0
// Which findings to report while the trace runs: each once, when it first holds.
//
// Diagnosing walks everything seen so far, so it is done only when something failed since the last time, at most once a
// second, and never for more than a twentieth of the time.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "model/finding.h"
#include "model/picture.h"
#include "model/time.h"

namespace tcpdiag::session {

class LiveFindings {
 public:
  // Whether to diagnose now; `failures` is Correlator::failures().
  bool due(std::uint64_t failures, model::MonoTime now) const;
  // After having diagnosed from `began` to `ended`: the lines to print.
  std::vector<std::string> take(const model::Picture& picture, const std::vector<model::Finding>& findings,
                                std::uint64_t failures, model::MonoTime began, model::MonoTime ended);

 private:
  std::uint64_t failures_ = 0;
  model::MonoTime not_before_{};
  std::set<std::string> reported_;  // by what the finding is about
};

}  // namespace tcpdiag::session
