// SPDX-License-Identifier: Apache-2.0
// What is left of endpoints that gave way to others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "model/picture.h"
#include "model/sample.h"
#include "model/snapshot.h"

namespace tcpdiag::correlate {

// Sums of endpoints that the source may still count: should one come again, it continues from there.
class EvictedSums {
 public:
  // is_sampled: the source reported it. Else the sums are what its sockets reported, and the generation is not known.
  // The oldest beyond `most` are forgotten.
  void put(model::EndpointSample sums, bool is_sampled, std::size_t most);
  // Of an endpoint that comes again; nullopt: the source did not count it before, as far as is known.
  std::optional<model::EndpointSample> take(const model::EndpointKey& key);
  // Whether the sample tells nothing that was not counted. Then the source still holds that endpoint.
  bool covers(const model::EndpointSample& sample);
  std::size_t size() const { return all_.size(); }

 private:
  struct Entry {
    model::EndpointSample sums;
    bool is_sampled = false;
  };
  std::map<model::EndpointKey, Entry> all_;
  std::set<std::pair<model::MonoTime, model::EndpointKey>> by_time_;  // of their newest sample
};

struct EvictedEndpoints {
  std::uint64_t count = 0;
  model::Totals totals;
  model::Activity activity;
  EvictedSums sums;
};

}  // namespace tcpdiag::correlate
