// SPDX-License-Identifier: Apache-2.0
#include "correlate/evicted.h"

namespace tcpdiag::correlate {

void EvictedSums::put(model::EndpointSample sums, bool is_sampled, std::size_t most) {
  if (all_.size() >= most) {
    const auto oldest = by_time_.begin();
    all_.erase(oldest->second);
    by_time_.erase(oldest);
  }
  by_time_.emplace(sums.at, sums.key);
  const model::EndpointKey key = sums.key;
  all_.emplace(key, Entry{std::move(sums), is_sampled});
}

std::optional<model::EndpointSample> EvictedSums::take(const model::EndpointKey& key) {
  const auto found = all_.find(key);
  if (found == all_.end()) return std::nullopt;
  std::optional<model::EndpointSample> sums;
  by_time_.erase({found->second.sums.at, key});
  if (found->second.is_sampled) sums = std::move(found->second.sums);
  all_.erase(found);
  return sums;
}

bool EvictedSums::covers(const model::EndpointSample& sample) {
  const auto found = all_.find(sample.key);
  if (found == all_.end()) return false;
  model::EndpointSample& sums = found->second.sums;
  if (!found->second.is_sampled) {
    sums.generation = sample.generation;
    found->second.is_sampled = true;
  }
  by_time_.erase({sums.at, sample.key});
  sums.at = sample.at;
  by_time_.emplace(sample.at, sample.key);
  return sample.generation == sums.generation && sample.exchanges <= sums.exchanges;
}

}  // namespace tcpdiag::correlate
