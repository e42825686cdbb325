// SPDX-License-Identifier: Apache-2.0
#include "model/path_signs.h"

#include <algorithm>

#include "model/fields.h"

namespace tcpdiag::model {

PathSigns& PathSigns::operator+=(const PathSigns& other) {
  for_each_field<PathSigns>([&](const auto& field) { this->*field.member += other.*field.member; });
  return *this;
}

PathSigns PathSigns::since(const PathSigns& before) const {
  PathSigns added;
  for_each_field<PathSigns>([&](const auto& field) {
    added.*field.member = this->*field.member - std::min(this->*field.member, before.*field.member);
  });
  return added;
}

}  // namespace tcpdiag::model
