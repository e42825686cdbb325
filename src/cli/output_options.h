// SPDX-License-Identifier: Apache-2.0
// What becomes of a report: the options that `trace` and `report` have in common, and of them what `diff` and `size`
// have too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/option_parsing.h"
#include "model/finding.h"
#include "util/result.h"

namespace tcpdiag::cli {

enum class Format { kText, kJson, kNdjson, kMarkdown, kHtml };

struct OutputOptions {
  Format format = Format::kText;
  std::string output;  // empty: standard output
  bool force = false;  // overwrite `output` and `write`
  std::optional<model::Severity> fail_on;
  std::optional<std::size_t> sockets;     // absent: the format's default
  bool redact = false;                    // in everything that is written, `write` included
  std::string write;                      // a recording to make; empty: none
  std::optional<std::uint64_t> max_size;  // of `write`, bytes
  bool events = false;                    // a line each on standard error
};

struct TypedOutputOptions {
  Typed format, output, fail_on, sockets, write, max_size;
  bool force = false;
  bool redact = false;
  bool events = false;
};

// Errors (kUsage): a value that is none, an option given twice, options that contradict each other.
Result<OutputOptions> to_output_options(const TypedOutputOptions& typed);

// --format of a command that knows text and JSON only; text where it was not given. Errors (kUsage).
Result<Format> to_text_or_json(const Typed& format);
// -o of any command: empty for standard output, which is what "-" and nothing at all mean. Errors (kUsage).
Result<std::string> to_output_file(const Typed& output);

}  // namespace tcpdiag::cli
