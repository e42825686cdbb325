// SPDX-License-Identifier: Apache-2.0
#include "diagnose/nics.h"

namespace tcpdiag::diagnose {

std::optional<std::uint64_t> conntrack_exceeded(const model::Picture& picture, const model::EndpointPicture& endpoint) {
  std::optional<std::uint64_t> sum;
  for (const model::NicPicture& nic : picture.nics) {
    if (nic.netns_inode != endpoint.key.netns_inode) continue;
    if (!endpoint.device.empty() && nic.device != endpoint.device) continue;
    for (const model::AllowanceLimit& limit : nic.limits) {
      if (limit.limit == "conntrack") sum = sum.value_or(0) + limit.delta;
    }
  }
  return sum;
}

}  // namespace tcpdiag::diagnose
