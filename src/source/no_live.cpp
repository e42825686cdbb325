// SPDX-License-Identifier: Apache-2.0
// The live source of a program built without BPF: it says so.
#include "source/live.h"

namespace tcpdiag::source {

Result<> check_live_source() { return tl::unexpected(doctor::no_live_source()); }

Result<std::unique_ptr<Source>> load_live_source(
    LiveOptions) {  // NOLINT(performance-unnecessary-value-param): the signature is that of the real one
  return tl::unexpected(doctor::no_live_source());
}

doctor::Kernel examine_live_source(bool) {
  doctor::Kernel kernel;
  kernel.built_in = false;
  return kernel;
}

}  // namespace tcpdiag::source
