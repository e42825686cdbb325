// SPDX-License-Identifier: Apache-2.0
// Result<T> and Error: how faults of the user or of the environment travel.
//
//   Result<Fd> fd = open_new(path);
//   if (!fd) return tl::unexpected(fd.error());
//
// An Error is shown to a person as one line, "tcpdiag: <what>; <hint>". Bad data from outside is counted where it
// is met and is no Error; bugs assert.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace tcpdiag {

// The exit codes of the command line (docs/cli: they are a contract with scripts).
enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,          // failed while running
  kUsage = 2,           // wrong use, or anything else that is wrong before the start
  kNotAble = 3,         // not permitted, or the kernel is not able
  kFindingReached = 4,  // a finding at or above --fail-on
};

struct Error {
  std::string what;  // one line, no trailing full stop
  std::string hint;  // what the reader can do; may be empty
  ExitCode exit_code = ExitCode::kFailed;
};

template <typename T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ExitCode code, std::string what, std::string hint = {}) {
  return tl::unexpected<Error>(Error{std::move(what), std::move(hint), code});
}

}  // namespace tcpdiag
