// SPDX-License-Identifier: Apache-2.0
#include "session/announce.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>

#include "util/escape.h"
#include "util/format.h"

namespace tcpdiag::session {
namespace {

std::string sockets_in_words(model::Filters filters) {
  if (!filters.limits_sockets()) return "all TCP sockets";
  filters.netns_as_given.clear();  // the namespace is said apart
  return "TCP sockets with " + escape_terminal(filters.describe());
}

std::string netns_in_words(const model::Filters& filters, const std::vector<model::NetnsInfo>& netns) {
  if (netns.size() == 1 && netns[0].is_self) return "this network namespace";
  if (filters.netns_as_given.empty() && filters.pids.size() == 1) {
    return fmt::format("the network namespace of process {}", filters.pids[0]);
  }
  std::string names;
  for (const model::NetnsInfo& one : netns) {
    if (!names.empty()) names += ", ";
    names += one.is_self ? "this one" : one.name.empty() ? fmt::format("{}", one.inode) : escape_terminal(one.name);
  }
  return fmt::format("network namespace{} {}", netns.size() == 1 ? "" : "s", names);
}

std::string end_in_words(std::optional<model::Duration> duration) {
  if (!duration) return "until Ctrl-C";
  if (*duration == model::Duration::zero()) return "to report and end at once";
  return "for " + duration_in_words(*duration);
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string time_of_day(model::WallTime wall) {
  using std::chrono::floor;
  const auto milliseconds = floor<std::chrono::milliseconds>(wall - floor<std::chrono::days>(wall)).count();
  return fmt::format("{:02}:{:02}:{:02}.{:03}", milliseconds / 3'600'000, milliseconds / 60'000 % 60,
                     milliseconds / 1000 % 60, milliseconds % 1000);
}

}  // namespace

std::string tracing_line(const model::Filters& filters, const std::vector<model::NetnsInfo>& netns,
                         std::uint64_t open_sockets, std::optional<model::Duration> duration) {
  return fmt::format("tracing {} of {} ({} open), {}; nothing leaves this machine", sockets_in_words(filters),
                     netns_in_words(filters, netns), open_sockets, end_in_words(duration));
}

std::string status_line(std::uint64_t open_sockets, std::uint64_t exchanges, std::uint64_t failures,
                        std::optional<std::uint64_t> lost, model::Duration since_start) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_start).count();
  return fmt::format("{}:{:02}:{:02}  {} open, {}, {}{}; Ctrl-C ends it", seconds / 3600, seconds / 60 % 60,
                     seconds % 60, counted(open_sockets, "socket"), counted(exchanges, "exchange"),
                     counted(failures, "failure"), lost ? fmt::format(", {} lost", *lost) : "");
}

std::string finding_line(const model::Finding& finding, const model::Picture& picture) {
  std::string where = finding.device;
  if (finding.endpoint && *finding.endpoint < picture.endpoints.size()) {
    where = picture.endpoints[*finding.endpoint].key.at.to_string();
  }
  if (finding.title.find(where) != std::string::npos) where.clear();  // most titles name it
  if (!where.empty()) where += "  ";
  return escape_terminal(fmt::format("{} UTC  {}  {}  {}{}", time_of_day(picture.start.clock.to_wall(finding.first_at)),
                                     model::in_capitals(finding.severity), finding.code, where, finding.title));
}

}  // namespace tcpdiag::session
