// SPDX-License-Identifier: Apache-2.0
#include "host/sysctls.h"

#include "util/io.h"
#include "util/number.h"

namespace tcpdiag::host {
namespace {

std::optional<std::uint32_t> read_number(const std::string& path) {
  const std::optional<std::string> text = read_small_file(path);
  return text ? parse_number<std::uint32_t>(text->substr(0, text->find('\n'))) : std::nullopt;
}

}  // namespace

NetnsSysctls read_netns_sysctls(const Netns& netns, const std::string& root) {
  NetnsSysctls all;
  (void)run_in_netns(netns, [&all, &root] {
    const auto tcp = [&root](const char* name) { return read_number(root + "/ipv4/tcp_" + name); };
    all.somaxconn = read_number(root + "/core/somaxconn");
    all.timestamps = tcp("timestamps");
    all.tcp.syn_retries = tcp("syn_retries");
    all.tcp.synack_retries = tcp("synack_retries");
    all.tcp.retries2 = tcp("retries2");
    all.tcp.orphan_retries = tcp("orphan_retries");
    all.tcp.fin_timeout_s = tcp("fin_timeout");
    all.tcp.keepalive_time_s = tcp("keepalive_time");
    all.tcp.keepalive_intvl_s = tcp("keepalive_intvl");
    all.tcp.keepalive_probes = tcp("keepalive_probes");
    all.tcp.rto_min_us = tcp("rto_min_us");
    all.tcp.rto_max_ms = tcp("rto_max_ms");
    all.tcp.syn_linear_timeouts = tcp("syn_linear_timeouts");
    all.tcp.syncookies = tcp("syncookies");
  });
  return all;
}

}  // namespace tcpdiag::host
