// SPDX-License-Identifier: Apache-2.0
#include "doctor/rows.h"

#include <utility>

namespace tcpdiag::doctor {

void refuse(Row& row, std::string found, std::string lost, std::string hint) {
  row.answer = Answer::kNo;
  row.found = std::move(found);
  row.lost = std::move(lost);
  row.hint = std::move(hint);
}

void allow(Row& row, std::string found) {
  row.answer = Answer::kYes;
  row.found = std::move(found);
}

}  // namespace tcpdiag::doctor
