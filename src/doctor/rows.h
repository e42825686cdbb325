// SPDX-License-Identifier: Apache-2.0
// Parts of the examination, one function for each group of rows; and a row's answer.
#pragma once

#include <string>
#include <vector>

#include "doctor/examine.h"

namespace tcpdiag::doctor {

// Of what this user may do. `kernel`: null before the kernel was asked; a load test that was passed overrules guesses.
std::vector<Row> privileges_rows(const model::Privileges& privileges, const Kernel* kernel, int cpus);
// Of the machine around it.
std::vector<Row> host_rows(const model::Machine& machine);

void refuse(Row& row, std::string found, std::string lost, std::string hint);
void allow(Row& row, std::string found);

}  // namespace tcpdiag::doctor
