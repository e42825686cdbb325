// SPDX-License-Identifier: Apache-2.0
#include "model/endpoint_sums.h"

#include <algorithm>
#include <type_traits>

#include "model/fields.h"

namespace tcpdiag::model {
namespace {

// function(member) for all that adds up.
template <typename Function>
void each_sum(Function function) {
  for_each_field<EndpointSample>([&function](const auto& field) {
    if constexpr (std::is_same_v<typename std::decay_t<decltype(field)>::Value, std::uint64_t>) {
      const bool is_largest = field.member == &EndpointSample::zero_window_longest_us ||
                              field.member == &EndpointSample::survived_silence_us;
      if (!is_largest) function(field.member);
    }
  });
}

void keep_smaller(std::optional<std::uint32_t>& floor, const std::optional<std::uint32_t>& other) {
  if (other) floor = std::min(floor.value_or(*other), *other);
}

}  // namespace

EndpointSample since(EndpointSample sample, const EndpointSample& base) {
  if (sample.generation != base.generation) return sample;
  each_sum([&](auto member) { sample.*member -= std::min(sample.*member, base.*member); });
  if (sample.zero_window_longest_us <= base.zero_window_longest_us) {
    sample.zero_window_longest_us = std::min(sample.zero_window_longest_us, sample.zero_window_received_us);
  }
  if (sample.survived_silence_us <= base.survived_silence_us) sample.survived_silence_us = 0;  // it was before
  for (std::size_t i = 0; i < MeasureHistograms::size(); ++i) {
    if (base.measures[i].count() > 0) sample.measures[i] = sample.measures[i].since(base.measures[i]);
  }
  return sample;
}

EndpointSample together(const EndpointSample& earlier, EndpointSample later) {
  each_sum([&](auto member) { later.*member += earlier.*member; });
  later.zero_window_longest_us = std::max(later.zero_window_longest_us, earlier.zero_window_longest_us);
  later.survived_silence_us = std::max(later.survived_silence_us, earlier.survived_silence_us);
  keep_smaller(later.smallest_request_bytes, earlier.smallest_request_bytes);
  keep_smaller(later.floor_handshake_us, earlier.floor_handshake_us);
  keep_smaller(later.floor_kernel_us, earlier.floor_kernel_us);
  keep_smaller(later.floor_window_us, earlier.floor_window_us);
  if (later.device.empty()) later.device = earlier.device;
  later.tick_unknown = later.tick_unknown && earlier.tick_unknown;
  for (std::size_t i = 0; i < MeasureHistograms::size(); ++i) {
    if (earlier.measures[i].count() > 0) later.measures[i].merge(earlier.measures[i]);
  }
  return later;
}

}  // namespace tcpdiag::model
