// SPDX-License-Identifier: Apache-2.0
// What the running kernel's own type information (BTF) says of that which the table of features names.
#pragma once

#include "doctor/examine.h"
#include "doctor/features.h"
#include "util/result.h"

struct btf;

namespace tcpdiag::bpf {

doctor::KernelTypes kernel_types_of(const btf* types);

// Of the running kernel. Error (kNotAble): it describes none, or /sys is not there; in the doctor's words.
Result<doctor::KernelTypes> read_kernel_types();

}  // namespace tcpdiag::bpf
