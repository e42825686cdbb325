// SPDX-License-Identifier: Apache-2.0
// Work on a thread of its own, which ends before the caller goes on: what belongs to a thread, such as the namespace
// that it is in, is the caller's own again.
#pragma once

#include <functional>

#include "util/result.h"

namespace tcpdiag {

// Error (kNotAble): the system gives no thread; `work` was not called.
Result<> run_on_thread(std::function<void()> work);

}  // namespace tcpdiag
