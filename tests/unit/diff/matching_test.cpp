// SPDX-License-Identifier: Apache-2.0
#include "diff/matching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/diff/samples.h"

namespace tcpdiag::diff {
namespace {

using model::Role;
using samples::address;
using samples::base;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Matching, cgroups_without_what_is_new_with_each_start) {
  const std::vector<std::pair<std::string, std::string>> paths = {
      {"", ""},
      {"/", "/"},
      {"/system.slice/puma.service", "/system.slice/puma.service"},
      {"/user.slice/user-1000.slice/session-12.scope", "/user.slice/user-1000.slice/session-*.scope"},
      {"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-foo-4711.scope",
       "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-foo-*.scope"},
      {"/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
       "/system.slice/docker-*.scope"},
      {"/kubepods.slice/kubepods-burstable.slice/"
       "kubepods-burstable-pod0f1e2d3c_aaaa_bbbb_cccc_0123456789ab.slice/cri-containerd-00aa11bb22cc33dd.scope",
       "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod*.slice/cri-containerd-*.scope"},
      {"/lxc/4711/init", "/lxc/*/init"},
      {"/system.slice/run-u12.service", "/system.slice/run-u*.service"},
      {"/system.slice/system-sshd.slice/sshd@7-10.0.0.1:22-10.0.0.9:5123.service",
       "/system.slice/system-sshd.slice/sshd@*.service"},
      {"/system.slice/system-postgresql.slice/postgresql@15-main.service",
       "/system.slice/system-postgresql.slice/postgresql@15-main.service"},
      {"/system.slice/worker@3.service", "/system.slice/worker@3.service"},
      {"/system.slice/deadbeefcafe.service", "/system.slice/deadbeefcafe.service"},
  };
  for (const auto& [path, normalised] : paths) {
    EXPECT_EQ(normalised_cgroup(path), normalised) << path;
    EXPECT_EQ(normalised_cgroup(normalised), normalised) << "not idempotent";
  }
}

model::EndpointPicture at(Role role, const char* where, std::uint16_t port, std::uint32_t netns) {
  model::EndpointPicture out;
  out.key = {role, address(where, port), netns};
  return out;
}

TEST(Matching, inodes_do_not_matter_where_one_namespace_was_traced) {
  model::Report good = base(10);
  model::Report bad = base(10);
  good.picture.start.netns = {{.inode = 1, .name = {}, .is_self = true}};
  bad.picture.start.netns = {{.inode = 2, .name = "blue"}};
  good.picture.endpoints = {at(Role::kOutbound, "10.0.0.1", 443, 1)};
  bad.picture.endpoints = {at(Role::kOutbound, "10.0.0.1", 443, 2)};
  EXPECT_THAT(pair_endpoints(good, bad).pairs, SizeIs(1));
}

TEST(Matching, namespaces_by_name_where_there_are_several) {
  model::Report good = base(10);
  model::Report bad = base(10);
  good.picture.start.netns = {{.inode = 1, .name = "blue"}, {.inode = 2, .name = "green"}};
  bad.picture.start.netns = {{.inode = 8, .name = "green"}, {.inode = 9, .name = "blue"}};
  good.picture.endpoints = {at(Role::kInbound, "10.0.0.1", 80, 1), at(Role::kInbound, "10.0.0.1", 80, 2)};
  bad.picture.endpoints = {at(Role::kInbound, "10.0.0.1", 80, 8), at(Role::kInbound, "10.0.0.1", 80, 9)};
  const Pairs pairs = pair_endpoints(good, bad);
  ASSERT_THAT(pairs.pairs, SizeIs(2));
  EXPECT_EQ(pairs.pairs[0].good, 1U);
  EXPECT_EQ(pairs.pairs[0].bad, 0U);
}

TEST(Matching, a_changed_address_is_paired_by_its_port_only_without_a_choice) {
  model::Report good = base(10);
  model::Report bad = base(10);
  const std::uint32_t netns = good.picture.start.netns.front().inode;
  good.picture.endpoints = {at(Role::kOutbound, "10.0.0.1", 443, netns), at(Role::kOutbound, "10.0.0.7", 80, netns)};
  bad.picture.endpoints = {at(Role::kOutbound, "10.0.0.2", 443, netns), at(Role::kOutbound, "10.0.0.8", 80, netns),
                           at(Role::kOutbound, "10.0.0.9", 80, netns)};
  const Pairs pairs = pair_endpoints(good, bad);
  ASSERT_THAT(pairs.pairs, SizeIs(1));
  EXPECT_TRUE(pairs.pairs.front().by_port);
  EXPECT_THAT(pairs.notes, SizeIs(1));
  EXPECT_THAT(pairs.only_good, ElementsAre(1));
  EXPECT_THAT(pairs.only_bad, ElementsAre(1, 2));
}

TEST(Matching, roles_are_never_mixed) {
  model::Report good = base(10);
  model::Report bad = base(10);
  const std::uint32_t netns = good.picture.start.netns.front().inode;
  good.picture.endpoints = {at(Role::kOutbound, "10.0.0.1", 443, netns)};
  bad.picture.endpoints = {at(Role::kInbound, "10.0.0.1", 443, netns)};
  EXPECT_THAT(pair_endpoints(good, bad).pairs, IsEmpty());
}

TEST(Matching, processes_by_name_and_cgroup_over_all_endpoints) {
  model::Report report = samples::api_bad();
  auto& share = report.picture.endpoints[2].processes.front();
  share = report.picture.endpoints[0].processes.front();
  share.cgroup = "/system.slice/puma.service";
  const auto processes = processes_of(report);
  EXPECT_EQ(processes.at({"ruby", "/system.slice/puma.service"}).exchanges, 2 * 1800U);
  report.picture.endpoints[0].processes.front().pids.clear();  // "others"
  EXPECT_EQ(processes_of(report).at({"ruby", "/system.slice/puma.service"}).exchanges, 1800U);
}

}  // namespace
}  // namespace tcpdiag::diff
