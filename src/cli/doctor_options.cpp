// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_options.h"

namespace tcpdiag::cli {

Result<DoctorOptions> to_doctor_options(const TypedDoctorOptions& typed) {
  if (!typed.rest.empty()) {
    return fail(ExitCode::kUsage, fmt::format("doctor takes no '{}'", escape_terminal(typed.rest.front())),
                "see 'tcpdiag doctor --help'");
  }
  const auto format = to_answer_format(typed.format);
  if (!format) return tl::unexpected(format.error());
  DoctorOptions options;
  options.format = *format;
  return options;
}

}  // namespace tcpdiag::cli
