// SPDX-License-Identifier: Apache-2.0
#include "model/sample.h"

namespace tcpdiag::model {

MeasureHistograms& MeasureHistograms::operator=(const MeasureHistograms& other) {
  if (this == &other) return *this;
  for (std::size_t i = 0; i < size(); ++i) {
    all_[i] = other.all_[i] ? std::make_unique<Histogram>(*other.all_[i]) : nullptr;
  }
  return *this;
}

const Histogram& MeasureHistograms::operator[](std::size_t measure) const {
  static const Histogram kEmpty;
  return all_[measure] ? *all_[measure] : kEmpty;
}

Histogram& MeasureHistograms::operator[](std::size_t measure) {
  if (!all_[measure]) all_[measure] = std::make_unique<Histogram>();
  return *all_[measure];
}

}  // namespace tcpdiag::model
