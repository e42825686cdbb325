// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag doctor` as text and JSON.
#pragma once

#include <string>
#include <vector>

#include "doctor/examine.h"

namespace tcpdiag::report {

struct DoctorHeader {
  std::string tool_version;
  std::string tool_git;  // empty: unknown
  std::vector<std::string> command;
};

// At most 80 columns, ends with the verdict and a newline.
std::string render_doctor_text(const doctor::Examination& examination, const DoctorHeader& header, bool colour);
// One object "tcpdiag.doctor/1" (docs/doctor.schema.json), ends with a newline.
std::string render_doctor_json(const doctor::Examination& examination, const DoctorHeader& header);

}  // namespace tcpdiag::report
