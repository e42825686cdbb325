// SPDX-License-Identifier: Apache-2.0
// What went wrong first in something that goes on: told once, to the person who watches.
#pragma once

#include <optional>
#include <utility>

#include "util/result.h"

namespace tcpdiag {

class FirstProblem {
 public:
  // Nothing where there was one already.
  void note(Error problem) {
    if (!std::exchange(noted_, true)) problem_ = std::move(problem);
  }
  // The first time; then nothing.
  std::optional<Error> take() { return std::exchange(problem_, std::nullopt); }

 private:
  bool noted_ = false;
  std::optional<Error> problem_;
};

}  // namespace tcpdiag
