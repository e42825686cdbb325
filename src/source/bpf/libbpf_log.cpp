// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace tcpdiag::bpf {

namespace {

int print_if_debugging(libbpf_print_level, const char* format, va_list args) {
  return is_debugging() ? std::vfprintf(stderr, format, args) : 0;
}

}  // namespace

bool is_debugging() { return std::getenv("TCPDIAG_DEBUG_BPF") != nullptr; }

void hush_libbpf() { libbpf_set_print(print_if_debugging); }

}  // namespace tcpdiag::bpf
