// SPDX-License-Identifier: Apache-2.0
// The live source of a program built with BPF.
#include "source/live.h"

#include <utility>

#include "host/privileges.h"
#include "source/bpf/bpf_source.h"
#include "source/bpf/examine_kernel.h"

namespace tcpdiag::source {

Result<> check_live_source() { return doctor::check_privileges(host::read_privileges()); }

Result<std::unique_ptr<Source>> load_live_source(LiveOptions options) { return bpf::load(std::move(options)); }

doctor::Kernel examine_live_source(bool may_load) { return bpf::examine_kernel(may_load); }

}  // namespace tcpdiag::source
