// SPDX-License-Identifier: Apache-2.0
// The answer of `tcpdiag doctor` as a document and as JSON.
#pragma once

#include <string>
#include <vector>

#include "doctor/examine.h"
#include "report/document.h"

namespace tcpdiag::report {

struct DoctorHeader {
  std::string tool_version;
  std::string tool_git;  // empty: unknown
  std::vector<std::string> command;
};

// On a screen the verdict is last.
Document doctor_document(const doctor::Examination& examination, const DoctorHeader& header, Extent extent);
// One object "tcpdiag.doctor/1" (docs/doctor.schema.json), ends with a newline.
std::string render_doctor_json(const doctor::Examination& examination, const DoctorHeader& header);

}  // namespace tcpdiag::report
