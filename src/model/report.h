// SPDX-License-Identifier: Apache-2.0
// Report: the whole answer, ready to be written in any format. Every renderer shows this and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/finding.h"
#include "model/picture.h"
#include "model/view.h"

namespace tcpdiag::model {

enum class Verdict : std::uint8_t {
  kCauseFound,
  kSymptomsOnly,
  kNothingFound,
  kNothingMatched,  // the filters left all sockets out
  kNothingSeen,     // no socket, or none on which anything happened: that says nothing about TCP here
  kNotTrustworthy
};
const char* to_string(Verdict verdict);  // "cause_found", ...

// The file that holds the events and samples of a report.
struct RecordingFile {
  std::string sha256;       // of the closed file, 64 lower-case hexadecimal digits
  std::uint64_t bytes = 0;  // its size
};

struct Report {
  Picture picture;
  std::vector<Finding> findings;  // cause first (docs/findings.md)
  Verdict verdict = Verdict::kNothingFound;
  std::string summary;                     // one paragraph: the words of the first cause
  std::vector<std::string> not_visible;    // "dns", "tls_inside", ...
  std::optional<RecordingFile> recording;  // absent: nothing was recorded
  std::optional<View> view;                // absent: the whole trace
};

}  // namespace tcpdiag::model
