// SPDX-License-Identifier: Apache-2.0
#include "session/caller.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cassert>
#include <cstdlib>
#include <string>

#include "util/number.h"

namespace tcpdiag::session {
namespace {

template <typename T>
std::optional<T> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::nullopt : parse_number<T>(text);
}

}  // namespace

std::vector<gid_t> groups_of(const Caller& caller) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(caller.uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {caller.gid};
  }
  int count = 0;
  ::getgrouplist(found->pw_name, caller.gid, nullptr, &count);
  std::vector<gid_t> groups(static_cast<std::size_t>(count > 0 ? count : 0));
  if (::getgrouplist(found->pw_name, caller.gid, groups.data(), &count) < 0) return {caller.gid};
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

std::optional<Caller> caller_through_sudo() {
  if (::geteuid() != 0) return std::nullopt;
  const auto uid = number_from_environment<uid_t>("SUDO_UID");
  const auto gid = number_from_environment<gid_t>("SUDO_GID");
  if (!uid || !gid || *uid == 0) return std::nullopt;
  return Caller{.uid = *uid, .gid = *gid};
}

Result<> become_caller() {
  const std::optional<Caller> caller = caller_through_sudo();
  if (!caller) return {};
  const std::vector<gid_t> groups = groups_of(*caller);
  // The user last: afterwards there is no privilege left to change the groups.
  if (::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(caller->gid, caller->gid, caller->gid) == 0 &&
      ::setresuid(caller->uid, caller->uid, caller->uid) == 0) {
    return {};
  }
  return fail(ExitCode::kNotAble, "cannot become the user who called sudo",
              "call it without sudo: it needs no privileges");
}

ActAs::ActAs(const std::optional<Caller>& caller) {
  own_uid_ = ::geteuid();
  if (!caller || own_uid_ == caller->uid) return;
  own_gid_ = ::getegid();
  const int count = ::getgroups(0, nullptr);
  own_groups_.resize(static_cast<std::size_t>(count > 0 ? count : 0));
  const int got = count > 0 ? ::getgroups(count, own_groups_.data()) : count;
  ok_ = got >= 0;
  if (!ok_) return;  // what is not known could not be given back
  own_groups_.resize(static_cast<std::size_t>(got));

  // The user last: afterwards there is no privilege left to change the groups.
  const std::vector<gid_t> groups = groups_of(*caller);
  active_ = true;
  ok_ = ::setgroups(groups.size(), groups.data()) == 0 && ::setegid(caller->gid) == 0 && ::seteuid(caller->uid) == 0;
  if (!ok_) {
    give_back();
    active_ = false;
  }
}

ActAs::~ActAs() {
  if (active_) give_back();
}

void ActAs::give_back() const {
  // The saved user id is still the program's own, so none of these can fail.
  [[maybe_unused]] const bool back =
      ::seteuid(own_uid_) == 0 && ::setegid(own_gid_) == 0 && ::setgroups(own_groups_.size(), own_groups_.data()) == 0;
  assert(back || !ok_);
}

}  // namespace tcpdiag::session
