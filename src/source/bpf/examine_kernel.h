// SPDX-License-Identifier: Apache-2.0
// What this kernel can do, for `tcpdiag doctor`: its types, and whether it takes the programs. They are loaded with
// every filter on, so that the verifier sees every branch, and go at once; nothing is attached.
#pragma once

#include "doctor/examine.h"

namespace tcpdiag::bpf {

// `may_load`: false leaves the load test out.
doctor::Kernel examine_kernel(bool may_load);

}  // namespace tcpdiag::bpf
