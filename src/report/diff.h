// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag diff` as a document and as JSON.
#pragma once

#include <string>
#include <vector>

#include "diff/difference.h"
#include "report/document.h"

namespace tcpdiag::report {

struct DiffHeader {  // of the JSON
  std::string tool_version;
  std::string tool_git;  // empty: unknown
  std::vector<std::string> command;
};

Document diff_document(const diff::Comparison& comparison);
// One object "tcpdiag.diff/1" (docs/diff.schema.json), ends with a newline.
std::string render_diff_json(const diff::Comparison& comparison, const DiffHeader& header);

// In words, for both: one paragraph. Names in it are untrusted.
std::string diff_answer(const diff::Comparison& comparison);

}  // namespace tcpdiag::report
