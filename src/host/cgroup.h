// SPDX-License-Identifier: Apache-2.0
// Control groups of version 2: directories of one tree, of which the inode is the id that the kernel programs see
// (kernfs, Linux 5.5 and later; bpf_get_current_cgroup_id()). Version 1 has no such ids.
#pragma once

#include <string>
#include <string_view>

#include "model/filters.h"
#include "util/result.h"

namespace tcpdiag::host {

// `spec` is a path from the root of the tree ("/system.slice/puma.service", with or without the first slash), the same
// behind the place where it is mounted ("/sys/fs/cgroup/system.slice/puma.service"), or an id. Where the tree is
// mounted says `proc`/self/mounts. Errors (kUsage): no such cgroup, no tree of version 2.
Result<model::CgroupFilter> find_cgroup(std::string_view spec, const std::string& proc = "/proc");

}  // namespace tcpdiag::host
