// SPDX-License-Identifier: Apache-2.0
// What every format for people shows, before it is laid out: words and the rows of tables. Texts are as they come, not
// escaped and not cut; whoever lays them out escapes them for its format, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/report.h"

namespace tcpdiag::report {

// --- content_trace.cpp: the trace as a whole ---

std::string window_length(model::Duration length);  // "60.4 s", "2473 s"
// "2026-11-21 02:31:07.004 .. 03:12:19.880 UTC"; the second date where it is another.
std::string window_words(const model::Picture& picture);
std::string local_time_words(const model::Picture& picture);  // of the start: "11:31 JST (+09:00)"
std::string instance_words(const model::HostInfo& host);      // "t4g.micro (dmi)"; empty: not known
std::string verdict_words(model::Verdict verdict);            // "cause found"
// "remote port 443", "none"; with what the report of a recording is limited to beyond that.
std::string filter_words(const model::Report& report);
std::string lost_words(const model::Report& report);           // "lost: 1546 (3.0 %): NOT TRUSTWORTHY"
std::vector<std::string> loss_parts(const model::Loss& loss);  // "12 ring full"; empty: nothing was lost
std::string cost_words(const model::Picture& picture);         // "own CPU: 0.9 %"
std::string command_words(const model::Report& report);        // as a shell takes it: "tcpdiag trace -w 'a file'"
std::string recording_words(const model::Report& report);      // "6f1c..., 1.2 MiB, sha256 4e07..."; empty: none
std::string not_matched_words(const model::Report& report);    // what was looked for in vain, and for how long
std::string nothing_found_words(const model::Report& report);  // the summary, and that no listen queue overflowed
std::string not_visible_words(const model::Report& report);    // "DNS, the inside of TLS"; empty: nothing is hidden
// By name what this kernel or this user could not do, "reset_reasons, socket_cookie"; empty: nothing is missing.
std::string missing_words(const model::Report& report);
// What is not told because this is a part of a recording, a sentence each.
std::vector<std::string> narrowing_remarks(const model::Report& report);
std::string quiet_nics_words(const model::Report& report);  // of allowances that were not exceeded; or empty
inline constexpr std::string_view kIncomplete =
    "INCOMPLETE: the trace did not end in order; what its last second held may be missing.";

// ", netns blue"; empty where one namespace was traced.
std::string netns_words(const model::Picture& picture, std::uint32_t inode);
// "pids 811, 812, 7 more"; empty where none is known.
std::string pid_words(const std::set<std::uint32_t>& pids);
// "186 ms"; "-" where it is unknown.
std::string us_or_dash(std::optional<std::uint64_t> us);
// "02:33:50.118", with the date before it where the trace began on another day.
std::string time_words(const model::Picture& picture, model::MonoTime t);

// --- content_findings.cpp ---

bool is_about_losses(const model::Finding& finding);  // of this tool, not of the network: never a cause
bool has_cause(const model::Report& report);

// Indexes of the findings that have no cause among the others, which would tell of them.
struct Roots {
  std::vector<std::size_t> causes;
  std::vector<std::size_t> notices;
};
Roots root_findings(const model::Report& report);
std::vector<std::size_t> effects_of(const model::Report& report,
                                    std::size_t root);  // that go back to `root`, ascending
std::string effect_words(const model::Report& report, std::size_t root, std::size_t effect);  // "2 path-queueing (...)"

std::string_view kind_words(const model::Report& report, const model::Finding& finding);  // "CAUSE", "SYMPTOM", ...
std::string place_words(const model::Report& report, const model::Finding& finding);      // "10.0.0.1:443 (inbound)"
// "12 of 1201 exchanges failed (1.0 %)", "0 failed"; at least one.
std::vector<std::string> impact_parts(const model::Report& report, const model::Finding& finding);

struct Who {
  std::string comm;
  std::string cgroup;
  std::set<std::uint32_t> pids;
  std::uint64_t sockets = 0;
  std::optional<double> bytes_pct;  // of all bytes of the endpoint; absent: the owners of single sockets
};
// The owners of the finding's sockets. Where none of them is known, and where the endpoint as a whole is slow, the
// processes of its endpoint.
std::vector<Who> owners_of(const model::Report& report, const model::Finding& finding);
// "ruby (pids 811, 812)"; of the processes of an endpoint "redis-benchmark (pid 4121, 50 sockets), 100 % of the bytes".
std::string who_words(const Who& who);
inline constexpr std::string_view kWhoUnknown = "unknown: the process that owns the sockets was not seen";

// --- content_sockets.cpp: what failed ---

// Failed calls beside good ones: a column for each outcome, at most three that failed, the good one last.
struct Comparison {
  struct Row {
    std::string_view label;
    std::vector<std::string> cells;
  };
  const model::EndpointPicture* endpoint = nullptr;
  std::vector<const model::OutcomeGroup*> groups;
  std::vector<Row> rows;  // those of which anything is known
};
// Of the first finding whose endpoint has something to compare, else of the first endpoint that has.
std::optional<Comparison> failed_against_good(const model::Report& report);
std::string outcome_words(const model::OutcomeGroup& group);  // "no answer"

// Indexes into Picture::sockets.
struct Failures {
  std::vector<std::size_t> shown;  // by time; examples of every cause first, up to the limit
  std::size_t all = 0;             // that failed, or that a cause names
};
Failures failures(const model::Report& report, std::size_t limit);
// When the failure (else the slow answer, the end of the connection, the end of the trace) was.
model::MonoTime failed_at(const model::Picture& picture, const model::SocketStory& story);
std::string what_happened(const model::SocketStory& story);  // "reset by peer"
// How long the user waited for nothing; where nobody waited, how long the connection had been silent or lived. "30.0 s"
std::string failed_after(const model::SocketStory& story);
// Bytes sent and received: of the failed exchange, where there was one; else of the connection.
std::pair<std::uint64_t, std::uint64_t> moved_bytes(const model::SocketStory& story);
// "from 10.0.0.9:4711", "shared by several processes".
std::vector<std::string> socket_remarks(const model::SocketStory& story);

// --- content_tables.cpp: delays and retransmissions ---

// The endpoint whose delays are shown: that of the first finding with one, else the first that has any; null: none has.
const model::EndpointPicture* delay_endpoint(const model::Report& report);

struct DelayTable {
  struct Row {
    model::Measure measure{};
    std::string_view words;  // whose delay it is: "network <="; may be empty
    const model::Histogram* histogram = nullptr;
  };
  const model::EndpointPicture* endpoint = nullptr;
  std::vector<Row> rows;
  std::vector<std::string> remarks;
};
std::optional<DelayTable> delay_table(const model::Report& report);  // of delay_endpoint()

// Of EndpointPicture::path_queue_in_missing, "the peer sends no TCP timestamps"; null: nothing to be said.
const char* why_not_one_way(std::string_view missing);

struct RetransmitTable {
  struct Row {
    std::string_view words;
    std::uint64_t events = 0;
    const model::Histogram* again_after = nullptr;  // null: not measured
  };
  const model::EndpointPicture* endpoint = nullptr;
  std::vector<Row> rows;
  std::string remark;  // what the rows do not tell; may be empty
};
std::optional<RetransmitTable> retransmit_table(const model::Report& report);
// p50, p99 and max; "-" where unknown.
std::vector<std::string> delay_cells(const model::Histogram* histogram);

// --- content_endpoints.cpp: endpoints, who uses them, what kernel and network cards counted beside ---

struct EndpointTable {
  struct Row {
    std::string name;   // "10.0.0.1:443 out"
    std::string netns;  // netns_words()
    std::vector<std::string> cells;
  };
  std::vector<std::string_view> headings;  // of the cells
  std::vector<Row> rows;                   // the first ten
  std::size_t omitted = 0;
};
EndpointTable endpoint_table(const model::Picture& picture);
std::string busy_name(const model::BusyEndpoint& busy);  // "10.0.0.1:443 out"

// Nodes that are near to their most connections, a sentence each.
std::vector<std::string> connection_remarks(const model::Picture& picture);
// What the kernel counted over all sockets beside what was traced; empty: nothing to compare.
std::string kernel_counter_words(const model::Report& report);
// Full accept queues, unless a finding tells of them.
std::vector<std::string> full_listener_remarks(const model::Report& report);

struct ProcessTable {
  const model::EndpointPicture* endpoint = nullptr;
  std::vector<const model::ProcessShare*> rows;  // the first six
  std::size_t omitted = 0;
};
// Of the first finding's endpoint where several processes use it.
std::optional<ProcessTable> process_table(const model::Report& report);
// Workers of one program in several services: the cgroup tells them apart.
bool shares_name(const model::EndpointPicture& endpoint, const model::ProcessShare& process);

// Network cards of which an allowance was exceeded or is in question.
std::vector<const model::NicPicture*> nic_table(const model::Report& report);
std::string_view limit_words(std::string_view limit);   // "bandwidth out"
std::string still_words(const model::NicPicture& nic);  // where nothing was exceeded; empty: something was
std::vector<std::string> nic_remarks(const model::NicPicture& nic);

}  // namespace tcpdiag::report
