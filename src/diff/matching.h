// SPDX-License-Identifier: Apache-2.0
// What is the same thing in two runs. Inodes, pids and cookies are not: they are new each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diff/difference.h"
#include "model/report.h"

namespace tcpdiag::diff {

// A cgroup's path without what is new with each start: "/user.slice/user-0.slice/session-12.scope" ->
// "/user.slice/user-0.slice/session-*.scope". Replaced by '*' are: numbers in names of scopes (systemd numbers them),
// whole segments of digits, UUIDs, runs of 12 or more hexadecimal digits with a decimal one among them (container and
// invocation ids), the numbers of "run-u12.service" and "run-r<hex>.service" (systemd-run), and instances of
// socket-activated services ("sshd@7-10.0.0.1:22-10.0.0.9:5123.service").
std::string normalised_cgroup(std::string_view path);

// Names of the namespaces of one report that hold in another run too. "" where one was traced: then it is the one.
class NetnsNames {
 public:
  explicit NetnsNames(const model::Picture& picture);
  std::string of(std::uint32_t inode) const;  // "", "blue", "self", "host", "inode 4026532211"

 private:
  std::map<std::uint32_t, std::string> names_;
  bool one_only_ = false;
};

struct EndpointPair {
  std::size_t good = 0;  // index into Picture::endpoints
  std::size_t bad = 0;
  bool by_port = false;  // the addresses differ: the only unpaired ones of this role, port and namespace
};

struct Pairs {
  std::vector<EndpointPair> pairs;
  std::vector<std::size_t> only_good;
  std::vector<std::size_t> only_bad;
  std::vector<std::string> notes;
};
Pairs pair_endpoints(const model::Report& good, const model::Report& bad);

// Of an endpoint in the words of both runs; null: it is not in that run.
Scope endpoint_scope(const model::EndpointPicture* good, const model::EndpointPicture* bad, std::string netns);

struct ProcessKey {
  std::string comm;
  std::string cgroup;  // normalised
  auto operator<=>(const ProcessKey&) const = default;
};
// All processes of a run over its endpoints; the rows "others" are left out.
std::map<ProcessKey, model::ProcessShare> processes_of(const model::Report& report);

}  // namespace tcpdiag::diff
