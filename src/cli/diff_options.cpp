// SPDX-License-Identifier: Apache-2.0
#include "cli/diff_options.h"

#include <fmt/format.h>

#include <utility>

namespace tcpdiag::cli {

Result<DiffOptions> to_diff_options(const TypedDiffOptions& typed) {
  if (typed.files.empty() || typed.files.size() > 2) {
    return fail(ExitCode::kUsage, fmt::format("diff compares two recordings, and {} are named", typed.files.size()),
                "write 'tcpdiag diff GOOD BAD', or one to compare what failed in it with what did not");
  }
  if (typed.files.size() == 2 && typed.files[0] == "-" && typed.files[1] == "-") {
    return contradiction("both recordings are standard input", "name a file for one of them");
  }
  const auto format = to_text_or_json(typed.format);
  if (!format) return tl::unexpected(format.error());
  auto output = to_output_file(typed.output);
  if (!output) return tl::unexpected(output.error());
  DiffOptions options;
  options.good = typed.files[0];
  if (typed.files.size() == 2) options.bad = typed.files[1];
  options.format = *format;
  options.output = std::move(*output);
  for (const std::string& file : typed.files) {
    if (file != options.output) continue;
    return contradiction("-o names a recording that is read", "give the answer a name of its own");
  }
  options.force = typed.force;
  options.redact = typed.redact;
  return options;
}

}  // namespace tcpdiag::cli
