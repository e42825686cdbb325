// SPDX-License-Identifier: Apache-2.0
// What each command still needs once everything is open; the rest of its privileges goes (sandbox/sandbox.h).
#pragma once

#include <optional>
#include <vector>

#include "sandbox/sandbox.h"
#include "session/caller.h"
#include "source/source.h"

namespace tcpdiag::session {

// Who root becomes: who called sudo. Where root itself called, the owner of the first directory in which a file has to
// get its name at the end, since nobody else may do that; otherwise nobody. Nothing where this is not root.
std::optional<sandbox::Identity> user_to_become(const std::optional<Caller>& caller,
                                                const std::vector<int>& directories);

// Of a trace that is attached. `directories`: open ones, in which files are renamed or removed at the end (-o).
Result<std::vector<model::Feature>> confine_trace(const std::optional<Caller>& caller,
                                                  const std::vector<int>& directories, const source::Source& source);

// Of a process that only makes connections.
Result<> confine_prober();

// Of a command that only reads what it has open and writes an answer. Who it is stays: under sudo it has become the
// caller already.
Result<std::vector<model::Feature>> confine_offline(const std::vector<int>& directories);

}  // namespace tcpdiag::session
