// SPDX-License-Identifier: Apache-2.0
// The live source of a program built without BPF: it says so.
#include "app/live_source.h"

namespace tcpdiag::app {

Result<> check_live_source() {
  return fail(ExitCode::kNotAble, "this tcpdiag was built without the live kernel source",
              "build it with -DTCPDIAG_BPF=ON (needs clang and bpftool)");
}

Result<std::unique_ptr<LiveSource>> load_live_source(
    probe::ProbeOptions) {  // NOLINT(performance-unnecessary-value-param): the signature is that of the real one
  return tl::unexpected(check_live_source().error());
}

}  // namespace tcpdiag::app
