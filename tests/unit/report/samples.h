// SPDX-License-Identifier: Apache-2.0
// Reports made by hand, one for each thing that a renderer has to show.
#pragma once

#include <string_view>
#include <vector>

#include "model/report.h"

namespace tcpdiag::report::samples {

// The window of all samples: 2026-11-21 02:31:07.004 UTC, 2472.876 s, host web-2 in Japan.
model::MonoTime at(double seconds_after_start);

model::Report nothing_found();
model::Report nothing_matched();
model::Report nothing_seen();  // an idle namespace beside others that are not
model::Report api_resets();    // incident A: 12 resets 30 s after the request, 3 connects without an answer
model::Report lossy();         // api_resets, but 3 % of the events were lost
model::Report hostile();       // names chosen to break a terminal, a table or JSON
model::Report ipv6();          // longest addresses, inbound, window over midnight, two namespaces
model::Report linked();        // a cause that explains others, notices, delays of incident B

// samples_queueing.cpp
model::Report incident_b();      // a node that sends at most 64 Mbit/s, 50 clients that wait for it
model::Report slow_reader();     // this application reads late
model::Report local_queueing();  // this host's own queue, in a container
model::Report zero_window();     // the peer does not read
model::Report packet_loss();     // loss towards this host and from it
model::Report queueing_ipv6();   // incident_b with the longest addresses, short and without timestamps

// samples_server.cpp
model::Report busy_server();     // accepts too slowly, and answers that wait although nothing is called for them
model::Report throttled_node();  // sends more than its network card is allowed to, to many clients

// Every sample by its name, which is also that of its golden files.
inline constexpr const char* kNames[] = {
    "nothing_found", "nothing_matched", "api_resets",     "lossy",          "hostile",     "ipv6",
    "linked",        "incident_b",      "slow_reader",    "local_queueing", "zero_window", "packet_loss",
    "queueing_ipv6", "busy_server",     "throttled_node", "nothing_seen"};
model::Report by_name(std::string_view name);

// samples_evidence.cpp: evidence of every code that has words of its own.
std::vector<model::Finding> findings_with_evidence();

}  // namespace tcpdiag::report::samples
