// SPDX-License-Identifier: Apache-2.0
// Bytes from the kernel programs -> events and samples. Pure: no state, no I/O. The bytes are checked as if anybody
// could have written them; what does not fit is refused whole, and the caller counts it (Loss::undecodable).
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "model/endpoint.h"
#include "model/event.h"
#include "model/sample.h"
#include "wire.h"

namespace tcpdiag::bpf {

std::optional<model::Event> decode_event(std::span<const std::byte> bytes);

// Whether these are the bytes of a DNS message rather than those of an event.
bool is_dns(std::span<const std::byte> bytes);
std::optional<model::DnsMessage> decode_dns(std::span<const std::byte> bytes);

struct DecodedSnapshot {
  model::SocketSnapshot snapshot;
  bool tracked = false;
};
std::optional<DecodedSnapshot> decode_snapshot(std::span<const std::byte> bytes, model::SnapshotMoment moment);

std::optional<model::EndpointKey> decode_endpoint(const tcpd_endpoint_key& key);

// The sum over the CPUs. `each` holds one struct a CPU.
model::EndpointSample decode_stats(const model::EndpointKey& key, std::span<const tcpd_endpoint_stats> each,
                                   const tcpd_endpoint_shared& shared, model::MonoTime at);

}  // namespace tcpdiag::bpf
