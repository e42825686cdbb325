// SPDX-License-Identifier: Apache-2.0
#include "source/bpf/endpoints.h"

#include <bpf/bpf.h>

#include <cstddef>
#include <utility>

#include "source/bpf/decoder.h"

namespace tcpdiag::bpf {

namespace {

constexpr int kIdleSamples = 5;

std::uint64_t moved(const model::EndpointSample& sample) {
  return sample.segments_sent + sample.segments_received + sample.exchanges + sample.calls;
}

}  // namespace

EndpointTable::EndpointTable(const Maps& maps, std::uint32_t slots, int cpus)
    : maps_(maps), slots_(slots), each_(static_cast<std::size_t>(cpus)) {}

int EndpointTable::fill() const {
  for (std::uint32_t index = 0; index < slots_; ++index) {
    const tcpd_slot slot{.index = index, .generation = 0};
    if (const int error = bpf_map_update_elem(maps_.free_slots, nullptr, &slot, BPF_ANY); error != 0) return error;
  }
  return 0;
}

bool EndpointTable::read(std::uint32_t index, tcpd_endpoint_shared& shared) {
  return bpf_map_lookup_elem(maps_.stats, &index, each_.data()) == 0 &&
         bpf_map_lookup_elem(maps_.shared, &index, &shared) == 0;
}

EndpointTable::Tenant& EndpointTable::tenant_of(const tcpd_slot& slot) {
  const auto [found, is_new] = tenants_.try_emplace(slot.index);
  Tenant& tenant = found->second;
  if (is_new || tenant.slot_generation != slot.generation) {
    tenant = {.slot_generation = slot.generation, .generation = given_back_};
  }
  return tenant;
}

bool EndpointTable::is_idle(const Tenant& tenant, const model::EndpointSample& sample,
                            const tcpd_endpoint_shared& shared) const {
  return shared.open_sockets == 0 && moved(sample) == tenant.moved;
}

// Sockets may name the old generation at any moment: it ends everywhere before the slot can be taken again.
void EndpointTable::give_back(const tcpd_slot& slot) {
  const tcpd_slot next{.index = slot.index, .generation = slot.generation + 1};
  each_.assign(each_.size(), {});
  for (tcpd_endpoint_stats& cpu : each_) cpu.generation = next.generation;
  tcpd_endpoint_shared shared{};
  shared.generation = next.generation;
  if (bpf_map_update_elem(maps_.stats, &slot.index, each_.data(), BPF_ANY) != 0) return;
  if (bpf_map_update_elem(maps_.shared, &slot.index, &shared, BPF_ANY) != 0) return;
  bpf_map_update_elem(maps_.free_slots, nullptr, &next, BPF_ANY);
  ++given_back_;
}

std::vector<model::EndpointSample> EndpointTable::sample(model::MonoTime at) {
  std::vector<std::pair<tcpd_endpoint_key, tcpd_slot>> taken;
  tcpd_endpoint_key key{};
  const tcpd_endpoint_key* previous = nullptr;
  while (bpf_map_get_next_key(maps_.endpoints, previous, &key) == 0) {
    previous = &key;
    tcpd_slot slot{};
    if (bpf_map_lookup_elem(maps_.endpoints, &key, &slot) == 0 && slot.index < slots_) taken.emplace_back(key, slot);
  }
  const bool is_nearly_full = taken.size() * 4 > std::size_t{slots_} * 3;

  std::vector<model::EndpointSample> samples;
  for (const auto& [of, slot] : taken) {
    const auto endpoint = decode_endpoint(of);
    if (!endpoint) continue;
    Tenant& tenant = tenant_of(slot);
    // Out of the table first: no socket finds it any more, and the sums that are read then are the last.
    bool leaves = is_nearly_full && tenant.idle >= kIdleSamples && bpf_map_delete_elem(maps_.endpoints, &of) == 0;
    tcpd_endpoint_shared shared{};
    if (!read(slot.index, shared)) continue;
    model::EndpointSample sample = decode_stats(*endpoint, each_, shared, at);
    sample.generation = tenant.generation;
    const bool stands_still = is_idle(tenant, sample, shared);
    if (leaves && !stands_still) {
      // A socket came just now: it stays, unless another one has begun the endpoint anew meanwhile.
      leaves = bpf_map_update_elem(maps_.endpoints, &of, &slot, BPF_NOEXIST) != 0;
    }
    tenant.moved = moved(sample);
    tenant.idle = stands_still ? tenant.idle + 1 : 0;
    samples.push_back(std::move(sample));
    if (leaves) give_back(slot);
  }
  return samples;
}

}  // namespace tcpdiag::bpf
