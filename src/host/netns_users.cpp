// SPDX-License-Identifier: Apache-2.0
#include "host/netns_users.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace tcpdiag::host {
namespace {

constexpr std::size_t kMostMounts = std::size_t{4} << 20;
constexpr std::string_view kNetDev = "net/dev";

}  // namespace

NetnsUsers NetnsUsers::of(const Netns& netns, const std::string& proc) {
  std::optional<FileIdentity> net_dev;
  (void)run_in_netns(netns, [&] { net_dev = identity_at(fmt::format("{}/thread-self/{}", proc, kNetDev)); });
  return {netns.inode, net_dev, proc};
}

NetnsUsers::NetnsUsers(std::uint32_t inode, std::optional<FileIdentity> net_dev, std::string proc)
    : inode_(inode),
      net_dev_(net_dev),
      proc_(std::move(proc)),
      processes_(proc_),
      mounts_(::open((proc_ + "/self/mountinfo").c_str(), O_RDONLY | O_CLOEXEC)) {}

bool NetnsUsers::is_witness(std::string path) {
  if (identity_at(path) != net_dev_) return false;
  witness_ = std::move(path);
  return true;
}

// A line of mountinfo, whose fourth field tells what of the file system is mounted: "36 25 0:4 net:[4026532288]
// /run/netns/blue rw - nsfs nsfs rw". In no other field are blanks and brackets left as they are.
bool NetnsUsers::is_mounted() const {
  const std::optional<std::string> mounts = read_again(mounts_.get(), kMostMounts);
  return mounts && mounts->find(fmt::format(" net:[{}] ", inode_)) != std::string::npos;
}

bool NetnsUsers::search() {
  // There always is a process 1: who does not see that one does not see others either.
  if (!net_dev_ || !identity_at(fmt::format("{}/1/{}", proc_, kNetDev))) return true;
  const std::vector<std::uint32_t> pids = processes_.numbers();
  for (const std::uint32_t pid : pids) {
    if (is_witness(fmt::format("{}/{}/{}", proc_, pid, kNetDev))) return true;
  }
  if (is_mounted()) return true;
  // A thread may be in another namespace than its process.
  for (const std::uint32_t pid : pids) {
    const std::string tasks = fmt::format("{}/{}/task", proc_, pid);
    for (const std::uint32_t tid : numbers_in(tasks)) {
      if (tid != pid && is_witness(fmt::format("{}/{}/{}", tasks, tid, kNetDev))) return true;
    }
  }
  return false;
}

bool NetnsUsers::any() { return (!witness_.empty() && identity_at(witness_) == net_dev_) || search(); }

}  // namespace tcpdiag::host
