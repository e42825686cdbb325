// SPDX-License-Identifier: Apache-2.0
// Where the parts of a comparison put what they find. What is a difference is decided when all tests are known, because
// the more tests, the more often chance looks like a difference.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "diff/difference.h"

namespace tcpdiag::diff {

// A difference that passed its minimum effect. Its confidence is the highest that it may get.
struct Candidate {
  Difference difference;
  // Of a tail: p where values that one incident explains count as one. Above the thresholds the difference gets no more
  // than kLow, with `doubt` as the reason, unless another measure of its scope shows by its seconds that it lasted.
  std::optional<double> p_of_incidents = {};
  std::string doubt = {};
  bool lasted = false;      // one incident or not: it is so long that it is the run
  bool by_seconds = false;  // its own seconds show that it lasted
};

class Collector {
 public:
  // For each test that could have come out significant, whatever it said.
  void tested() { ++tests_; }
  void add(Candidate candidate) { candidates_.push_back(std::move(candidate)); }
  void not_compared(std::string what, std::string why) { not_compared_.push_back({std::move(what), std::move(why)}); }

  // Writes differences, not_compared and tests of `out`; not yet in order.
  void settle(Comparison& out);

 private:
  std::vector<Candidate> candidates_;
  std::vector<NotCompared> not_compared_;
  std::uint64_t tests_ = 0;
};

// Sets ratio, absolute and direction (unless it is kChanged from `more_is_worse` absent) from both values.
void set_effect(Difference& difference, std::optional<bool> more_is_worse);

}  // namespace tcpdiag::diff
