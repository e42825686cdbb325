// SPDX-License-Identifier: Apache-2.0
// The live source of a program built without BPF: it says so.
#include "cli/live_source.h"

namespace tcpdiag::cli {

Result<> check_live_source() { return tl::unexpected(doctor::no_live_source()); }

Result<std::unique_ptr<LiveSource>> load_live_source(
    bpf::ProbeOptions) {  // NOLINT(performance-unnecessary-value-param): the signature is that of the real one
  return tl::unexpected(check_live_source().error());
}

doctor::Kernel examine_live_source(bool) {
  doctor::Kernel kernel;
  kernel.built_in = false;
  return kernel;
}

}  // namespace tcpdiag::cli
