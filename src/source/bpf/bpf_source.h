// SPDX-License-Identifier: Apache-2.0
// The live source: loads the BPF programs, attaches them, and turns what they say into events and samples. Nothing is
// pinned, so a killed tracer leaves nothing behind.
#pragma once

#include <memory>

#include "source/live.h"
#include "source/source.h"
#include "util/result.h"

namespace tcpdiag::bpf {

Result<std::unique_ptr<source::Source>> load(source::LiveOptions options);

}  // namespace tcpdiag::bpf
