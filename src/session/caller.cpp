// SPDX-License-Identifier: Apache-2.0
#include "session/caller.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cassert>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "util/escape.h"
#include "util/number.h"

namespace tcpdiag::session {
namespace {

std::string_view from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// The largest id is none: setresuid(2) and its like take it for "leave it as it is".
template <typename T>
std::optional<T> id_of(std::string_view text) {
  const auto id = parse_number<T>(text);
  return id == std::numeric_limits<T>::max() ? std::nullopt : id;
}

bool is_user(uid_t wanted) {
  uid_t real = 0, effective = 0, saved = 0;
  return ::getresuid(&real, &effective, &saved) == 0 && real == wanted && effective == wanted && saved == wanted;
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

Result<std::optional<Caller>> caller_through_sudo() {
  const std::string_view user = from_environment("SUDO_UID");
  const std::string_view group = from_environment("SUDO_GID");
  if (::geteuid() != 0 || (user.empty() && group.empty())) return std::nullopt;
  const auto uid = id_of<uid_t>(user);
  const auto gid = id_of<gid_t>(group);
  if (!uid || !gid) {
    return fail(ExitCode::kUsage,
                fmt::format("SUDO_UID='{}' and SUDO_GID='{}' name nobody who called sudo", escape_terminal(user),
                            escape_terminal(group)),
                "unset both, or call it by sudo, which sets them");
  }
  if (*uid == 0) return std::nullopt;
  return Caller{.uid = *uid, .gid = *gid};
}

Result<> become_caller() {
  const Result<std::optional<Caller>> through_sudo = caller_through_sudo();
  if (!through_sudo) return tl::unexpected(through_sudo.error());
  const std::optional<Caller>& caller = *through_sudo;
  if (!caller) return {};
  const std::vector<gid_t> groups = groups_of(*caller);
  // The user last: afterwards there is no privilege left to change the groups.
  if (::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(caller->gid, caller->gid, caller->gid) == 0 &&
      ::setresuid(caller->uid, caller->uid, caller->uid) == 0 && is_user(caller->uid)) {
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
