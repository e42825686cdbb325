// SPDX-License-Identifier: Apache-2.0
// What the kernel programs are told: settings before they are loaded, filters and tables after.
#pragma once

#include <cstdint>
#include <vector>

#include "doctor/features.h"
#include "source/live.h"
#include "util/result.h"
#include "wire.h"  // of which the skeleton is made

struct tcpdiag_bpf;

namespace tcpdiag::bpf {

// An error of libbpf or the kernel, in a user's words. error: errno, either sign. Exit code kNotAble.
tl::unexpected<Error> load_error(const char* doing, int error);

// Which programs are loaded says the table of features.
void configure(tcpdiag_bpf& skeleton, const source::LiveOptions& options, const doctor::Features& features);

// Errors: kUsage where a filter has more values than fit, kNotAble where the kernel refuses.
Result<> fill_maps(const tcpdiag_bpf& skeleton, const source::LiveOptions& options);

Result<> add_pids(const tcpdiag_bpf& skeleton, const std::vector<std::uint32_t>& pids);

}  // namespace tcpdiag::bpf
