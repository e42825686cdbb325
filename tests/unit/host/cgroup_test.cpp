// SPDX-License-Identifier: Apache-2.0
#include "host/cgroup.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "unit/util/fake_tree.h"

namespace tcpdiag::host {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// A tree of cgroups with a puma of two workers and a redis, mounted beside one of version 1.
class CgroupOfFakeHost : public testing::Test {
 protected:
  CgroupOfFakeHost() {
    for (const char* path : {"cg/system.slice/puma.service/worker-1", "cg/system.slice/puma.service/worker-2/deep",
                             "cg/system.slice/redis.service", "cg/1234"}) {
      std::filesystem::create_directories(tree_.path(path));
    }
    tree_.write("cg/system.slice/cgroup.procs", "1\n");
    std::filesystem::create_directory_symlink(tree_.path("cg/system.slice"), tree_.path("cg/link"));
    mounts(fmt::format("proc /proc proc rw 0 0\ncgroup /cpu cgroup rw,cpu 0 0\ncgroup2 {} cgroup2 rw,nosuid 0 0\n",
                       tree_.path("cg")));
  }

  void mounts(std::string_view text) const { tree_.write("proc/self/mounts", text); }
  Result<model::CgroupFilter> find(std::string_view spec) const { return find_cgroup(spec, tree_.path("proc")); }
  std::uint64_t id(std::string_view name) const {
    struct stat status {};
    EXPECT_EQ(::stat(tree_.path(fmt::format("cg/{}", name)).c_str(), &status), 0) << name;
    return status.st_ino;
  }
  Error refusal(std::string_view spec) const {
    const auto found = find(spec);
    if (found) {
      ADD_FAILURE() << spec << " was found";
      return {};
    }
    EXPECT_EQ(found.error().exit_code, ExitCode::kUsage);
    return found.error();
  }

  test::FakeTree tree_;
};

TEST_F(CgroupOfFakeHost, by_path_in_every_form) {
  for (const std::string& spec :
       {std::string("/system.slice/puma.service"), std::string("system.slice/puma.service"),
        std::string("/system.slice//puma.service/"), std::string("/system.slice/../system.slice/./puma.service"),
        tree_.path("cg/system.slice/puma.service")}) {
    const auto found = find(spec);
    ASSERT_TRUE(found) << spec << ": " << found.error().what;
    EXPECT_EQ(found->path, "/system.slice/puma.service") << spec;
    EXPECT_EQ(found->id, id("system.slice/puma.service")) << spec;
    EXPECT_THAT(found->below,
                UnorderedElementsAre(id("system.slice/puma.service/worker-1"), id("system.slice/puma.service/worker-2"),
                                     id("system.slice/puma.service/worker-2/deep")));
  }
}

TEST_F(CgroupOfFakeHost, without_any_below) {
  const auto found = find("/system.slice/redis.service");
  ASSERT_TRUE(found);
  EXPECT_THAT(found->below, IsEmpty());
}

TEST_F(CgroupOfFakeHost, the_root) {
  for (const std::string& spec : {std::string("/"), tree_.path("cg"), tree_.path("cg/")}) {
    const auto found = find(spec);
    ASSERT_TRUE(found) << spec;
    EXPECT_EQ(found->path, "/");
    EXPECT_EQ(found->below.size(), 7U);  // what the link leads to is there once
  }
}

TEST_F(CgroupOfFakeHost, by_id) {
  const std::string typed = fmt::format("{}", id("system.slice/puma.service"));
  const auto found = find(typed);
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->path, typed);
  EXPECT_EQ(found->id, id("system.slice/puma.service"));
  EXPECT_EQ(found->below.size(), 3U);
  EXPECT_EQ(find(fmt::format("{}", id("")))->below.size(), 7U);
}

TEST_F(CgroupOfFakeHost, a_number_is_an_id_and_a_slash_makes_it_a_name) {
  EXPECT_EQ(refusal("1234").what, "no cgroup '1234'");
  EXPECT_EQ(find("/1234")->id, id("1234"));
}

TEST_F(CgroupOfFakeHost, what_is_not_there_gets_a_hint) {
  EXPECT_EQ(refusal("/system.slice/nginx.service").what, "no cgroup '/system.slice/nginx.service'");
  EXPECT_THAT(refusal("nginx").hint, HasSubstr("directories under " + tree_.path("cg")));
  EXPECT_EQ(refusal("puma").hint, "did you mean /system.slice/puma.service?");
  EXPECT_EQ(refusal("/puma.service").hint, "did you mean /system.slice/puma.service?");
  EXPECT_EQ(refusal("system.slice/cgroup.procs").what, "no cgroup 'system.slice/cgroup.procs'");  // a file
  EXPECT_EQ(refusal("link").what, "no cgroup 'link'");
  EXPECT_EQ(refusal("").what, "no cgroup ''");
}

TEST_F(CgroupOfFakeHost, nothing_outside_the_tree) {
  for (const std::string& spec :
       {std::string("../proc"), std::string("/../proc"), std::string("system.slice/../../proc"), std::string(".."),
        tree_.path("cg/../proc")}) {
    EXPECT_THAT(refusal(spec).what, HasSubstr("no cgroup")) << spec;
  }
  EXPECT_EQ(refusal("\x1b[31m").what, "no cgroup '\\x1b[31m'");
}

TEST_F(CgroupOfFakeHost, mounted_at_a_path_with_blanks) {
  std::filesystem::create_directories(tree_.path("c g/x"));
  mounts(fmt::format("none {}/c\\040g cgroup2 rw 0 0\n", tree_.root()));
  EXPECT_EQ(find("/x")->path, "/x");
}

TEST_F(CgroupOfFakeHost, not_mounted) {
  for (const char* text :
       {"", "\n", "cgroup /cpu cgroup rw,cpu 0 0\n", "cgroup2", "cgroup2 /nowhere cgroup2", "   \\04"}) {
    mounts(text);
    EXPECT_THAT(refusal("/").what, HasSubstr("no cgroups of version 2")) << text;
  }
  EXPECT_FALSE(find_cgroup("/", tree_.path("none")));
}

TEST_F(CgroupOfFakeHost, path_of_an_id) {
  const CgroupPaths paths(tree_.path("proc"));
  EXPECT_EQ(paths.path_of(id("system.slice/puma.service/worker-2/deep"), 8),
            "/system.slice/puma.service/worker-2/deep");
  EXPECT_EQ(paths.path_of(id("."), 8), "/");
}

TEST_F(CgroupOfFakeHost, path_of_an_id_whose_process_has_gone) {
  const CgroupPaths paths(tree_.path("proc"));
  std::filesystem::remove_all(tree_.path("proc"));
  EXPECT_EQ(paths.path_of(id("system.slice/redis.service"), 8), "/system.slice/redis.service");
}

TEST_F(CgroupOfFakeHost, path_of_a_younger_one_is_what_its_process_says) {
  const CgroupPaths paths(tree_.path("proc"));
  std::filesystem::create_directories(tree_.path("cg/new"));
  EXPECT_EQ(paths.path_of(id("new"), 8), std::nullopt);
  tree_.write("proc/8/cgroup", "1:cpu:/other\n0::/new\n");
  EXPECT_EQ(paths.path_of(id("new"), 8), "/new");
  EXPECT_EQ(paths.path_of(0, 8), "/new");
}

TEST_F(CgroupOfFakeHost, path_of_an_id_without_a_tree) {
  mounts("cgroup /cpu cgroup rw,cpu 0 0\n");
  EXPECT_EQ(CgroupPaths(tree_.path("proc")).path_of(1, 8), std::nullopt);
}

TEST(CgroupTrees, of_both_versions_and_of_none) {
  const test::FakeTree tree;
  EXPECT_FALSE(cgroup_trees(tree.path("proc"))) << "without /proc it is not known";
  tree.write("proc/self/mounts", "proc /proc proc rw 0 0\n");
  EXPECT_EQ(cgroup_trees(tree.path("proc"))->v2, "");
  EXPECT_FALSE(cgroup_trees(tree.path("proc"))->v1);
  tree.write("proc/self/mounts",
             "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/my\\040cgroup cgroup2 rw 0 0\n");
  EXPECT_EQ(cgroup_trees(tree.path("proc"))->v2, "/sys/fs/my cgroup");
  EXPECT_TRUE(cgroup_trees(tree.path("proc"))->v1);
}

}  // namespace
}  // namespace tcpdiag::host
