// SPDX-License-Identifier: Apache-2.0
// Sources. AWS user guides: VPC (NAT gateway), Elastic Load Balancing (network, application, classic), CloudFront.
// Microsoft: Azure load balancer and NAT gateway. Google Cloud: external application load balancer. Source code or
// manual: nginx (ngx_http_core_module.c, ngx_http_proxy_module.c), httpd (httpd.h), Puma (configuration.rb), Unicorn
// (configurator.rb), gunicorn (config.py), Node.js 20 (http.Server), Envoy (FAQ, timeouts), HAProxy
// (configuration.txt), Ruby net/http (http.rb), Go net/http (transport.go), redis-py (_defaults.py), lettuce
// (RedisURI.java, SocketOptions.java), ioredis (RedisOptions.ts), redis-client (config.rb), go-redis (options.go),
// Jedis (Protocol.java). Kernel: net/ipv4/tcp_timer.c, Documentation/networking/ip-sysctl.rst.
#include "knowledge/timers.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tcpdiag::knowledge {
namespace {

using enum TimerLimit;
using enum TimerOwner;
using enum TimerOrigin;
using enum Client;

constexpr std::array kTimers = {
    // An idle connection is forgotten.
    KnownTimer{"AWS NAT gateway idle timeout", 350, kDocDefault, kIdle, kMiddlebox, kAny},
    KnownTimer{"AWS Network Load Balancer idle timeout", 350, kDocDefault, kIdle, kMiddlebox, kAny},
    KnownTimer{"Azure NAT gateway idle timeout", 240, kDocDefault, kIdle, kMiddlebox, kAny},
    KnownTimer{"Azure Load Balancer idle timeout (with TCP reset)", 240, kDocDefault, kIdle, kMiddlebox, kAny},
    // An idle connection is closed.
    KnownTimer{"AWS Application Load Balancer idle timeout", 60, kDocDefault, kIdle, kProxy, kHttp},
    KnownTimer{"AWS Classic Load Balancer idle timeout", 60, kDocDefault, kIdle, kProxy, kAny},
    KnownTimer{"Google Cloud application load balancer client keepalive", 610, kDocDefault, kIdle, kProxy, kHttp},
    KnownTimer{"Envoy HTTP idle_timeout", 3600, kDocDefault, kIdle, kProxy, kHttp},
    KnownTimer{"HAProxy \"timeout client\"", 30, kExampleOnly, kIdle, kProxy, kAny},
    KnownTimer{"HAProxy \"timeout client\"", 50, kExampleOnly, kIdle, kProxy, kAny},
    KnownTimer{"nginx keepalive_timeout", 75, kDocDefault, kIdle, kServer, kHttp},
    KnownTimer{"Apache KeepAliveTimeout", 5, kDocDefault, kIdle, kServer, kHttp},
    KnownTimer{"Node.js server.keepAliveTimeout", 5, kDocDefault, kIdle, kServer, kHttp},
    KnownTimer{"Puma persistent_timeout", 65, kDocDefault, kIdle, kServer, kHttp},
    KnownTimer{"gunicorn --keep-alive", 2, kDocDefault, kIdle, kServer, kHttp},
    KnownTimer{"Ruby Net::HTTP keep_alive_timeout", 2, kDocDefault, kIdle, kClient, kHttp},
    KnownTimer{"Go http.Transport IdleConnTimeout", 90, kDocDefault, kIdle, kClient, kHttp},
    // A request must have arrived, or be answered.
    KnownTimer{"Puma first_data_timeout", 30, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"Puma worker_timeout", 60, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"gunicorn --timeout", 30, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"Unicorn timeout", 60, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"Apache Timeout", 60, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"nginx client_header_timeout", 60, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"nginx client_body_timeout", 60, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"Node.js server.headersTimeout", 60, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"Node.js server.requestTimeout", 300, kDocDefault, kRequest, kServer, kHttp},
    KnownTimer{"AWS Application Load Balancer idle timeout", 60, kDocDefault, kRequest, kProxy, kHttp},
    KnownTimer{"AWS Classic Load Balancer idle timeout", 60, kDocDefault, kRequest, kProxy, kAny},
    KnownTimer{"nginx proxy_read_timeout", 60, kDocDefault, kRequest, kProxy, kHttp},
    KnownTimer{"HAProxy \"timeout server\"", 30, kExampleOnly, kRequest, kProxy, kAny},
    KnownTimer{"HAProxy \"timeout server\"", 50, kExampleOnly, kRequest, kProxy, kAny},
    // A client's own patience. CloudFront is one for the server behind it; its own clients get an answer (504).
    KnownTimer{"CloudFront origin response timeout", 30, kDocDefault, kRequest, kClient, kHttp},
    KnownTimer{"Ruby Net::HTTP read_timeout", 60, kDocDefault, kRequest, kClient, kHttp},
    KnownTimer{"Go http.Transport TLSHandshakeTimeout", 10, kDocDefault, kRequest, kClient, kHttp},
    KnownTimer{"redis-py socket_timeout", 5, kDocDefault, kRequest, kClient, kRedis},
    KnownTimer{"lettuce command timeout", 60, kDocDefault, kRequest, kClient, kRedis},
    KnownTimer{"redis-client (Ruby) read_timeout", 1, kDocDefault, kRequest, kClient, kRedis},
    KnownTimer{"go-redis ReadTimeout", 5, kDocDefault, kRequest, kClient, kRedis},
    KnownTimer{"go-redis ReadTimeout (older versions)", 3, kDocDefault, kRequest, kClient, kRedis},
    KnownTimer{"Jedis socket timeout", 2, kDocDefault, kRequest, kClient, kRedis},
    // ... for a connection.
    KnownTimer{"Ruby Net::HTTP open_timeout", 60, kDocDefault, kConnect, kClient, kHttp},
    KnownTimer{"Go http.DefaultTransport dial timeout", 30, kDocDefault, kConnect, kClient, kHttp},
    KnownTimer{"nginx proxy_connect_timeout", 60, kDocDefault, kConnect, kProxy, kHttp},
    KnownTimer{"HAProxy \"timeout connect\"", 5, kExampleOnly, kConnect, kProxy, kAny},
    KnownTimer{"redis-py socket_connect_timeout", 5, kDocDefault, kConnect, kClient, kRedis},
    KnownTimer{"lettuce connectTimeout", 10, kDocDefault, kConnect, kClient, kRedis},
    KnownTimer{"ioredis connectTimeout", 10, kDocDefault, kConnect, kClient, kRedis},
    KnownTimer{"redis-client (Ruby) connect_timeout", 1, kDocDefault, kConnect, kClient, kRedis},
    KnownTimer{"go-redis DialTimeout", 5, kDocDefault, kConnect, kClient, kRedis},
    KnownTimer{"Jedis connection timeout", 2, kDocDefault, kConnect, kClient, kRedis},
};

// TCP_RTO_MAX; tcp_rto_max_ms sets it from Linux 6.15 on.
constexpr double kRtoMaxS = 120;
// TCP_RTO_MIN: tcp_model_timeout() counts with it whatever tcp_rto_min_us says.
constexpr double kRtoMinS = 0.2;
// The largest that the kernel takes for the numbers of retransmissions (tcp_syn_retries: 127, tcp_retries2: 255).
constexpr std::uint32_t kMostRetries = 255;

double rto_max_s(const model::TcpSysctls& sysctls) {
  return sysctls.rto_max_ms ? static_cast<double>(*sysctls.rto_max_ms) / 1000 : kRtoMaxS;
}

// RFC 6298: the first timeout after 1 s (TCP_TIMEOUT_INIT), then as many more of 1 s as are linear, then doubled. With
// the last one the kernel gives up instead of sending.
double connect_timeout_s(std::uint32_t retries, std::uint32_t linear, double most_s) {
  double total = static_cast<double>(linear);
  double rto = 1;
  for (std::uint32_t i = 0; i <= std::min(retries, kMostRetries); ++i) {
    total += rto;
    rto = std::min(2 * rto, most_s);
  }
  return total;
}

// tcp_model_timeout() of net/ipv4/tcp_timer.c: from the first retransmission on, with doubled timeouts from the least.
double retransmit_timeout_s(std::uint32_t retries, double most_s) {
  const auto doublings = static_cast<std::uint32_t>(std::max(0.0, std::floor(std::log2(most_s / kRtoMinS))));
  const std::uint32_t boundary = std::min(retries, kMostRetries);
  const double doubled = (std::exp2(std::min(boundary, doublings) + 1) - 1) * kRtoMinS;
  return boundary <= doublings ? doubled : doubled + (boundary - doublings) * most_s;
}

}  // namespace

const char* to_string(TimerOrigin origin) {
  switch (origin) {
    case kDocDefault:
      return "doc_default";
    case kThisHostSysctl:
      return "this_host_sysctl";
    case kExampleOnly:
      return "example_only";
  }
  return "doc_default";
}

std::span<const KnownTimer> known_timers() { return kTimers; }

std::vector<KnownTimer> kernel_timers(const model::TcpSysctls& sysctls) {
  std::vector<KnownTimer> timers;
  const auto add = [&timers](std::string_view name, double seconds, TimerLimit limit) {
    timers.push_back({name, seconds, kThisHostSysctl, limit, kKernel, kAny});
  };
  if (sysctls.syn_retries) {
    // A kernel without the setting has no linear timeouts.
    add("net.ipv4.tcp_syn_retries",
        connect_timeout_s(*sysctls.syn_retries, sysctls.syn_linear_timeouts.value_or(0), rto_max_s(sysctls)), kConnect);
  }
  if (sysctls.retries2) {
    add("net.ipv4.tcp_retries2", retransmit_timeout_s(*sysctls.retries2, rto_max_s(sysctls)), kRequest);
  }
  if (sysctls.keepalive_time_s) {
    const double first = *sysctls.keepalive_time_s;
    add("net.ipv4.tcp_keepalive_time", first, kIdle);
    if (sysctls.keepalive_intvl_s && sysctls.keepalive_probes) {
      const double probing = static_cast<double>(*sysctls.keepalive_intvl_s) * *sysctls.keepalive_probes;
      add("net.ipv4.tcp_keepalive_time + tcp_keepalive_intvl * tcp_keepalive_probes", first + probing, kKeepalive);
    }
  }
  return timers;
}

}  // namespace tcpdiag::knowledge
