// SPDX-License-Identifier: Apache-2.0
// Slices a recorded trace to some of its sockets and to a part of its time: record wide, look narrow. What comes out
// is what a trace with these filters, started and ended at these times, would have reported, as far as that is known;
// what is not known is left out and said in TraceStart::abilities.
#pragma once

#include "model/view.h"
#include "source/replay.h"

namespace tcpdiag::session {

// A view of the whole recording emits it as it is. Errors: kUsage where the view cannot hold for this recording (a time
// outside of it, a name that it does not know), and those of `recorded`.
Result<> slice(source::Replay& recorded, const model::View& view, model::Sink& sink);

}  // namespace tcpdiag::session
