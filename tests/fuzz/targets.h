// SPDX-License-Identifier: Apache-2.0
// What takes bytes that anybody may have written: one function each, which may neither crash nor hang, whatever they
// are. libFuzzer calls it (preset "fuzz", CONTRIBUTING.md), and so does a unit test, with a few seeds and their
// mutations.
#pragma once

#include <cstdint>
#include <span>

namespace tcpdiag::fuzz {

using Bytes = std::span<const std::uint8_t>;

// True: the bytes were accepted.
bool recording(Bytes bytes);   // a file, up to its report
bool json(Bytes bytes);        // a report for `tcpdiag size`; lists and maps in a recording
bool expression(Bytes bytes);  // a filter, as it is typed
bool wire(Bytes bytes);        // what the kernel programs write, up to the report

}  // namespace tcpdiag::fuzz
