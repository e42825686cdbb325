// SPDX-License-Identifier: Apache-2.0
// What the command line of `tcpdiag doctor` asks for.
#pragma once

#include <string>
#include <vector>

#include "cli/option_parsing.h"
#include "util/result.h"

namespace tcpdiag::cli {

struct DoctorOptions {
  bool json = false;                 // else text
  std::vector<std::string> command;  // argv
};

struct TypedDoctorOptions {
  Typed format;
  Typed rest;  // words that are no option: there are none
};

// Errors (kUsage): a format that is none or given twice, a word that is left over.
Result<DoctorOptions> to_doctor_options(const TypedDoctorOptions& typed);

}  // namespace tcpdiag::cli
