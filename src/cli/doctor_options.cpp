// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_options.h"

namespace tcpdiag::cli {

Result<DoctorOptions> to_doctor_options(const TypedDoctorOptions& typed) {
  if (!typed.rest.empty()) {
    return fail(ExitCode::kUsage, fmt::format("doctor takes no '{}'", escape_terminal(typed.rest.front())),
                "see 'tcpdiag doctor --help'");
  }
  const auto json = one_of<bool>("--format", typed.format, one_word_of<bool>({{"text", false}, {"json", true}}),
                                 "format", "it is text or json");
  if (!json) return tl::unexpected(json.error());
  DoctorOptions options;
  options.json = json->value_or(false);
  return options;
}

}  // namespace tcpdiag::cli
