// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_command.h"

#include <unistd.h>

#include <ctime>
#include <string>
#include <utility>

#include "cli/rendering.h"
#include "cli/terminal.h"
#include "doctor/examine.h"
#include "host/machine.h"
#include "report/doctor.h"
#include "session/version.h"
#include "source/live.h"
#include "util/io.h"

namespace tcpdiag::cli {

Result<ExitCode> doctor_command(const Options& options) {
  model::Machine machine = host::read_machine(std::time(nullptr));
  const doctor::Kernel kernel = source::examine_live_source(doctor::check_privileges(machine.privileges).has_value());
  const doctor::Examination result = doctor::examine(kernel, std::move(machine));
  const report::DoctorHeader header{
      .tool_version = std::string(session::kVersion), .tool_git = std::string(session::kGit), .command = options.argv};
  const bool colour = understands_escapes(STDOUT_FILENO) && !colour_unwanted();
  const report::Extent extent = options.format == Format::kText ? report::Extent::kScreen : report::Extent::kTicket;
  const std::string answer = options.format == Format::kJson
                                 ? report::render_doctor_json(result, header)
                                 : render(report::doctor_document(result, header, extent), options.format, colour);
  if (const int error = write_all(STDOUT_FILENO, answer); error != 0) {
    return fail(ExitCode::kFailed, "cannot write the answer to standard output: " + errno_text(error));
  }
  return result.verdict == doctor::Readiness::kCannot ? ExitCode::kNotAble : ExitCode::kDone;
}

}  // namespace tcpdiag::cli
