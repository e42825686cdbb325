// SPDX-License-Identifier: Apache-2.0
#include "diagnose/in_doubt.h"

#include <algorithm>

#include "diagnose/rules/rules.h"

namespace tcpdiag::diagnose {

std::vector<model::EndpointKey> endpoints_in_doubt(const model::Picture& picture,
                                                   const std::vector<model::Finding>& findings) {
  std::vector<model::EndpointKey> doubtful;
  for (const model::Finding& finding : findings) {
    const bool place_is_open =
        finding.code == rules::kDelayUnattributed.code ||
        (finding.code == rules::kPathQueueing.code && finding.confidence != model::Confidence::kHigh);
    if (!place_is_open) continue;
    for (const std::size_t index : finding.endpoints()) {
      const model::EndpointKey& key = picture.endpoints[index].key;
      const bool is_new = std::find(doubtful.begin(), doubtful.end(), key) == doubtful.end();
      if (key.role == model::Role::kOutbound && is_new) doubtful.push_back(key);
    }
  }
  return doubtful;
}

}  // namespace tcpdiag::diagnose
