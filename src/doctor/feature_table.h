// SPDX-License-Identifier: Apache-2.0
// THE table of what tcpdiag can do and what each feature needs of the kernel. The loader takes from it which programs
// it loads, a report what could not be measured, `tcpdiag doctor` its rows and hints.
//
// Needs are told by the kernel's own type information (BTF), never by its version: distributions carry changes to
// older kernels. `since` is only what a person is told.
#pragma once

#include <string_view>
#include <vector>

namespace tcpdiag::doctor {

struct Tracepoint {
  std::string_view name;
  // Lists of arguments for which the programs are written, as the kernel's types spell them without const and without
  // typedefs: "sock *, sk_buff *, int". Any other list may mean anything, so it is refused.
  std::vector<std::string_view> forms;
  std::vector<std::string_view> older = {};  // of kernels that lack the feature, which no program reads
};

struct Feature {
  std::string_view name = {};   // key in the reports' `abilities` and id of the doctor's row: never change one
  std::string_view title = {};  // for people; at most 33 columns
  bool required = false;        // without it nothing can be traced

  // What the kernel must have, all of it.
  std::vector<Tracepoint> tracepoints = {};
  std::vector<std::string_view> functions = {};
  std::vector<std::string_view> enumerators = {};
  std::string_view rests_on = {};  // another feature, above it in the table

  // A program is loaded where every feature that names it in `programs` is there, and none that names it in `instead`.
  std::vector<std::string_view> programs = {};
  std::vector<std::string_view> instead = {};
  bool only_with_children = false;  // its programs are for --children alone

  // A kernel without what it needs has no use for it: nothing is lost. Its programs are left out all the same.
  bool needless_without = false;

  std::string_view since = {};  // first Linux release that has it; empty: every kernel that is supported (5.10)
  std::string_view lost = {};   // without it
};

// In the order in which people read it: what is required first.
const std::vector<Feature>& feature_table();

inline constexpr std::string_view kSocketStorage = "socket_storage";
inline constexpr std::string_view kWaitingReaders = "waiting_readers";
inline constexpr std::string_view kSocketCookie = "socket_cookie";
inline constexpr std::string_view kChildren = "children";
inline constexpr std::string_view kPacketDrops = "packet_drops";
inline constexpr std::string_view kDns = "dns";

// A kernel with this function charges the memory of BPF maps to the cgroup (5.11); one without it to the locked memory
// of the user. libbpf tells them apart by the same function.
inline constexpr std::string_view kMemoryAccountingFunction = "bpf_ktime_get_coarse_ns";

}  // namespace tcpdiag::doctor
