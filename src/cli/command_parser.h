// SPDX-License-Identifier: Apache-2.0
// The commands and their options, as CLI11 wants to know them: names, groups, help. What the typed words mean is told
// by the *_options files.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/diff_options.h"
#include "cli/doctor_options.h"
#include "cli/report_options.h"
#include "cli/size_options.h"
#include "cli/trace_options.h"

namespace tcpdiag::cli {

// Everything that the words of a command line were put into.
struct TypedCommandLine {
  bool show_version = false;
  TypedTraceOptions trace;
  TypedReportOptions report;
  TypedDiffOptions diff;
  TypedSizeOptions size;
  TypedDoctorOptions doctor;
};

struct CommandLineParser {
  explicit CommandLineParser(TypedCommandLine& typed);

  CLI::App app;
  CLI::App* trace = nullptr;
  CLI::App* report = nullptr;
  CLI::App* diff = nullptr;
  CLI::App* size = nullptr;
  CLI::App* doctor = nullptr;
};

}  // namespace tcpdiag::cli
