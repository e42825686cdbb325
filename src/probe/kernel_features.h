// SPDX-License-Identifier: Apache-2.0
// What the running kernel can do, read once from its own type information (BTF), never from its version number.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/sample.h"
#include "util/result.h"

namespace tcpdiag::probe {

struct KernelFeatures {
  // Tracepoints by name -> number of arguments; a tracepoint that is absent is not in the map.
  std::map<std::string, unsigned> tracepoints;
  bool sk_storage_in_tracing = false;                  // bpf_sk_storage_get in tp_btf programs (5.11)
  bool cookie_in_tracing = false;                      // bpf_get_socket_cookie in tp_btf programs (5.12)
  bool sock_from_file = false;                         // bpf_sock_from_file (5.11)
  bool skips_nested_runs = false;                      // of a program that is running on this CPU already (6.1)
  std::map<std::uint32_t, std::string> reset_reasons;  // enum sk_rst_reason without its prefix; empty: none

  bool has(const std::string& tracepoint) const { return tracepoints.count(tracepoint) != 0; }
  // tcp_send_reset with its reason (6.10), tcp_retransmit_skb with its error (6.17).
  bool reset_has_reason() const;
  bool retransmit_has_error() const;

  // The table shown in every report.
  std::vector<model::Ability> abilities() const;
};

// Errors (kNotAble): no BTF, or a tracepoint that nothing works without is missing or has a form that is not known.
Result<KernelFeatures> read_kernel_features();

}  // namespace tcpdiag::probe
