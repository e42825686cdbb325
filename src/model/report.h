// SPDX-License-Identifier: Apache-2.0
// Report: the whole answer, ready to be written in any format. Every renderer shows this and nothing else.
#pragma once

#include <string>
#include <vector>

#include "model/finding.h"
#include "model/picture.h"

namespace tcpdiag::model {

enum class Verdict : std::uint8_t { kCauseFound, kSymptomsOnly, kNothingFound, kNothingMatched, kNotTrustworthy };
const char* to_string(Verdict verdict);  // "cause_found", ...

struct Report {
  Picture picture;
  std::vector<Finding> findings;  // cause first (docs/findings.md)
  Verdict verdict = Verdict::kNothingFound;
  std::string summary;                   // one paragraph: the words of the first cause
  std::vector<std::string> not_visible;  // "dns", "tls_inside", ...
};

}  // namespace tcpdiag::model
