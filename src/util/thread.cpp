// SPDX-License-Identifier: Apache-2.0
// By pthread_create(3): std::thread throws where there is no thread to be had.
#include "util/thread.h"

#include <fmt/format.h>
#include <pthread.h>

#include "util/io.h"

namespace tcpdiag {
namespace {

void* call(void* work) {
  (*static_cast<std::function<void()>*>(work))();
  return nullptr;
}

}  // namespace

Result<> run_on_thread(std::function<void()> work) {
  pthread_t thread{};
  const int error = ::pthread_create(&thread, nullptr, call, &work);
  if (error != 0) {
    return fail(ExitCode::kNotAble, fmt::format("cannot start a thread: {}", errno_text(error)),
                "raise the limits of processes (pids.max of its cgroup, ulimit -u) and of memory (ulimit -v)");
  }
  ::pthread_join(thread, nullptr);
  return {};
}

}  // namespace tcpdiag
