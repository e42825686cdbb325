// SPDX-License-Identifier: Apache-2.0
#include "sandbox/privileges.h"

#include <fmt/format.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <cap-ng.h>

#include "util/io.h"

namespace tcpdiag::sandbox {
namespace {

constexpr int kOnce = 1;

tl::unexpected<Error> cannot(std::string_view what, int error) {
  return fail(
      ExitCode::kNotAble, fmt::format("cannot {}: {}", what, errno_text(error)),
      "it does not trace with more privileges than it needs; a security module or the container's profile forbids "
      "to give them up");
}

bool in_effect(unsigned capability) { return capng_have_capability(CAPNG_EFFECTIVE, capability) == 1; }

// What user 0 or a program with privileges of its own would get back by execve(). Needs CAP_SETPCAP, so it comes before
// the user; without it there is no_new_privs.
Result<> give_up_what_could_come_back() {
  capng_clear(CAPNG_SELECT_BOUNDS);
  if (capng_apply(CAPNG_SELECT_BOUNDS) != 0) return cannot("empty the capability bounding set", errno);
  const int bits = ::prctl(PR_GET_SECUREBITS);
  const unsigned locked =
      SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (bits < 0 || ::prctl(PR_SET_SECUREBITS, static_cast<unsigned>(bits) | locked) != 0) {
    return cannot("lock the secure bits", errno);
  }
  return {};
}

Result<> become(const Identity& identity) {
  if (::setgroups(identity.groups.size(), identity.groups.data()) != 0) return cannot("leave its groups", errno);
  if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) return cannot("change its group", errno);
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) return cannot("change its user", errno);
  return {};
}

Result<> check_identity(const Identity& wanted) {
  uid_t real = 0, effective = 0, saved = 0;
  gid_t real_group = 0, effective_group = 0, saved_group = 0;
  const bool known =
      ::getresuid(&real, &effective, &saved) == 0 && ::getresgid(&real_group, &effective_group, &saved_group) == 0;
  std::vector<gid_t> groups(wanted.groups.size() + 1);
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  const bool is_it = known && real == wanted.uid && effective == wanted.uid && saved == wanted.uid &&
                     real_group == wanted.gid && effective_group == wanted.gid && saved_group == wanted.gid &&
                     count >= 0 && static_cast<std::size_t>(count) <= wanted.groups.size();
  return is_it ? Result<>() : cannot("become another user", EPERM);
}

Result<> check_capabilities(bool may_have_cap_bpf, bool bounded) {
  if (capng_get_caps_process() != 0) return cannot("read its capabilities", errno);
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (capability == CAP_BPF && may_have_cap_bpf) continue;
    for (const capng_type_t type : {CAPNG_EFFECTIVE, CAPNG_PERMITTED, CAPNG_INHERITABLE, CAPNG_AMBIENT}) {
      if (capng_have_capability(type, capability) == 1) return cannot("drop its capabilities", EPERM);
    }
  }
  if (bounded && capng_have_capabilities(CAPNG_SELECT_BOUNDS) != CAPNG_NONE) {
    return cannot("empty the capability bounding set", EPERM);
  }
  return {};
}

}  // namespace

bool may_change_identity() { return capng_get_caps_process() == 0 && in_effect(CAP_SETUID) && in_effect(CAP_SETGID); }

Result<> drop_privileges(const std::optional<Identity>& identity, bool keep_cap_bpf) {
  if (capng_get_caps_process() != 0) return cannot("read its capabilities", errno);
  const bool bounded = in_effect(CAP_SETPCAP);
  const bool has_cap_bpf = capng_have_capability(CAPNG_PERMITTED, CAP_BPF) == 1;
  if (bounded) {
    if (const Result<> gone = give_up_what_could_come_back(); !gone) return gone;
  }
  if (identity) {
    // Leaving user 0 takes all capabilities away, also the one that may be kept.
    if (::prctl(PR_SET_KEEPCAPS, kOnce) != 0) return cannot("keep CAP_BPF", errno);
    if (const Result<> became = become(*identity); !became) return became;
    if (::prctl(PR_SET_KEEPCAPS, 0) != 0) return cannot("end keeping capabilities", errno);
  }
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return cannot("empty the ambient capability set", errno);
  }
  capng_clear(CAPNG_SELECT_CAPS);
  const bool keeps = keep_cap_bpf && has_cap_bpf;
  if (keeps) capng_updatev(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), CAP_BPF, -1);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return cannot("drop its capabilities", errno);

  if (identity) {
    if (const Result<> is_it = check_identity(*identity); !is_it) return is_it;
  }
  return check_capabilities(keeps, bounded);
}

Result<bool> works_without_capabilities(const std::function<bool()>& work) {
  if (capng_get_caps_process() != 0) return cannot("read its capabilities", errno);
  void* all = capng_save_state();
  if (all == nullptr) return cannot("remember its capabilities", ENOMEM);
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (in_effect(capability)) capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, capability);
  }
  const bool without = capng_apply(CAPNG_SELECT_CAPS) == 0;
  const bool works = without && work();
  capng_restore_state(&all);
  if (!without || capng_apply(CAPNG_SELECT_CAPS) != 0) return cannot("put its capabilities out of effect", errno);
  return works;
}

}  // namespace tcpdiag::sandbox
