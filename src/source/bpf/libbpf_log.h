// SPDX-License-Identifier: Apache-2.0
// libbpf's own words. They are the verifier's, not a user's, so they are shown only when asked for.
#pragma once

namespace tcpdiag::bpf {

// Whether TCPDIAG_DEBUG_BPF is set.
bool is_debugging();

// From now on libbpf is silent, or speaks to standard error where is_debugging().
void hush_libbpf();

}  // namespace tcpdiag::bpf
