// SPDX-License-Identifier: Apache-2.0
#include "session/trace_target.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "unit/util/fake_tree.h"

namespace tcpdiag::session {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// This program and process 811 (with thread 815) in one namespace, 900 and 901 in "blue", 950 in "red".
class TargetOnFakeHost : public testing::Test {
 protected:
  TargetOnFakeHost() {
    tree_.write("proc/self/ns/net", "own");
    tree_.write("run/netns/blue", "blue");
    tree_.write("run/netns/red", "red");
    process(811, 811, "proc/self/ns/net");
    process(815, 811, "proc/self/ns/net");
    process(900, 900, "run/netns/blue");
    process(901, 901, "run/netns/blue");
    process(950, 950, "run/netns/red");
    places_ = {.proc = tree_.path("proc"), .named = {tree_.path("run/netns")}, .also = {}, .check_kind = false};
  }

  void process(std::uint32_t id, std::uint32_t group, const char* netns, std::uint32_t parent = 1) {
    tree_.link(netns, fmt::format("proc/{}/ns/net", id));
    tree_.write(fmt::format("proc/{}/status", id),
                fmt::format("Name:\tx\nTgid:\t{}\nPid:\t{}\nPPid:\t{}\n", group, id, parent));
  }

  Result<TraceTarget> resolve(std::vector<std::uint32_t> pids, std::vector<std::string> netns) const {
    model::Filters filters;
    filters.pids = std::move(pids);
    filters.netns_as_given = std::move(netns);
    return resolve_target(std::move(filters), places_);
  }
  std::string refusal(std::vector<std::uint32_t> pids, std::vector<std::string> netns) const {
    return refusal_of(resolve(std::move(pids), std::move(netns)));
  }
  std::string refusal(model::Filters filters) const { return refusal_of(resolve_target(std::move(filters), places_)); }

  static std::string refusal_of(const Result<TraceTarget>& target, ExitCode code = ExitCode::kUsage) {
    if (target) {
      ADD_FAILURE() << "was accepted";
      return {};
    }
    EXPECT_EQ(target.error().exit_code, code);
    return target.error().what + "; " + target.error().hint;
  }

  static model::Filters of_processes(std::vector<std::uint32_t> pids, std::vector<std::string> names = {}) {
    model::Filters filters;
    filters.pids = std::move(pids);
    filters.comms = std::move(names);
    return filters;
  }

  test::FakeTree tree_;
  host::NetnsPlaces places_;
};

TEST_F(TargetOnFakeHost, own_namespace_by_default) {
  const auto target = resolve({}, {});
  ASSERT_TRUE(target);
  ASSERT_THAT(target->netns, SizeIs(1));
  EXPECT_TRUE(target->netns[0].is_self);
  ASSERT_THAT(target->filters.netns_inodes, SizeIs(1));
  EXPECT_EQ(target->filters.netns_inodes[0], target->netns[0].inode);
  const auto infos = netns_infos(target->netns);
  ASSERT_THAT(infos, SizeIs(1));
  EXPECT_TRUE(infos[0].is_self);
  EXPECT_TRUE(infos[0].is_initial);
}

TEST_F(TargetOnFakeHost, namespaces_of_processes_each_once) {
  const auto target = resolve({900, 901, 950}, {});
  ASSERT_TRUE(target);
  ASSERT_THAT(target->netns, SizeIs(2));
  EXPECT_EQ(target->netns[0].name, "blue");
  EXPECT_EQ(target->netns[1].name, "red");
  EXPECT_THAT(target->filters.netns_inodes, SizeIs(2));
  EXPECT_FALSE(netns_infos(target->netns)[0].is_initial);
}

TEST_F(TargetOnFakeHost, namespaces_given) {
  const auto target = resolve({}, {"blue", "900", "red"});
  ASSERT_TRUE(target);
  EXPECT_THAT(target->netns, SizeIs(2));
}

TEST_F(TargetOnFakeHost, process_in_the_namespace_given) {
  const auto target = resolve({900}, {"blue"});
  ASSERT_TRUE(target);
  EXPECT_THAT(target->netns, SizeIs(1));
}

TEST_F(TargetOnFakeHost, process_elsewhere_is_a_contradiction) {
  EXPECT_THAT(refusal({900}, {"red"}), HasSubstr("process 900 is not in network namespace red"));
  EXPECT_THAT(refusal({900, 811}, {"blue"}), HasSubstr("process 811 is not in network namespace blue"));
}

TEST_F(TargetOnFakeHost, threads_are_no_processes) {
  EXPECT_EQ(refusal({815}, {}), "815 is a thread of process 811; use -p 811");
}

TEST_F(TargetOnFakeHost, descendants) {
  process(820, 820, "proc/self/ns/net", 811);
  process(821, 821, "proc/self/ns/net", 820);
  model::Filters filters = of_processes({811});
  EXPECT_THAT(resolve_target(filters, places_)->filters.descendants, IsEmpty());
  filters.children = true;
  const auto target = resolve_target(filters, places_);
  ASSERT_TRUE(target);
  EXPECT_THAT(target->filters.descendants, ElementsAre(820, 821));
  EXPECT_THAT(target->filters.pids, ElementsAre(811));
  EXPECT_THAT(target->netns, SizeIs(1));
}

TEST_F(TargetOnFakeHost, more_descendants_than_can_be_followed) {
  for (int pid = 2000; pid < 3000; ++pid) tree_.write(fmt::format("proc/{}/status", pid), "PPid:\t811\n");
  model::Filters filters = of_processes({811});
  filters.children = true;
  EXPECT_TRUE(resolve_target(filters, places_));
  tree_.write("proc/3000/status", "PPid:\t2000\n");
  EXPECT_EQ(refusal(filters),
            "--children: there are 1001 descendants, at most 1000 can be followed; "
            "name a process further down, or use --cgroup");
}

TEST_F(TargetOnFakeHost, process_with_another_name_is_a_contradiction) {
  tree_.write("proc/811/comm", "ruby\n");
  tree_.write("proc/900/comm", "re\x1b[31mdis\n");
  EXPECT_TRUE(resolve_target(of_processes({811}, {"redis", "ruby"}), places_));
  EXPECT_TRUE(resolve_target(of_processes({811, 900}, {"ruby"}), places_));
  EXPECT_TRUE(resolve_target(of_processes({}, {"nobody"}), places_));
  EXPECT_TRUE(resolve_target(of_processes({901}, {"nobody"}), places_));  // whose name is not known
  EXPECT_EQ(refusal(of_processes({811, 900}, {"puma", "perl"})),
            "process 811 is called 'ruby' and 900 is called 're\\x1b[31mdis', not 'puma' or 'perl'; "
            "leave -p or --comm out");
  model::Filters filters = of_processes({811}, {"puma"});
  filters.children = true;  // of which one may be called so
  EXPECT_TRUE(resolve_target(filters, places_));
}

TEST_F(TargetOnFakeHost, processes_of_a_container_have_other_numbers) {
  tree_.write("proc/self/ns/pid", "not the initial one");
  EXPECT_TRUE(resolve({}, {"900"}));
  EXPECT_TRUE(resolve_target(of_processes({}, {"ruby"}), places_));
  EXPECT_THAT(refusal_of(resolve({811}, {}), ExitCode::kNotAble),
              HasSubstr("other numbers in this container than the kernel programs see; run tcpdiag on the host"));
}

TEST_F(TargetOnFakeHost, cgroups) {
  std::filesystem::create_directories(tree_.path("cg/puma/worker"));
  tree_.write("proc/self/mounts", fmt::format("none {} cgroup2 rw 0 0\n", tree_.path("cg")));
  model::Filters filters;
  filters.cgroups = {{.path = "puma", .id = 0, .below = {}}};
  const auto target = resolve_target(filters, places_);
  ASSERT_TRUE(target);
  ASSERT_THAT(target->filters.cgroups, SizeIs(1));
  EXPECT_EQ(target->filters.cgroups[0].path, "/puma");
  EXPECT_NE(target->filters.cgroups[0].id, 0U);
  EXPECT_THAT(target->filters.cgroups[0].below, SizeIs(1));
  filters.cgroups.push_back({.path = "/unicorn", .id = 0, .below = {}});
  EXPECT_THAT(refusal(filters), StartsWith("no cgroup '/unicorn'; "));
}

TEST_F(TargetOnFakeHost, sysctls) {
  const model::NetnsInfo own = netns_infos(resolve({}, {})->netns)[0];
  EXPECT_TRUE(own.somaxconn);
  EXPECT_TRUE(own.sysctls.syn_retries);
  const model::NetnsInfo blue = netns_infos(resolve({900}, {})->netns)[0];  // a plain file cannot be entered
  EXPECT_EQ(blue.somaxconn, std::nullopt);
  EXPECT_EQ(blue.sysctls.syn_retries, std::nullopt);
}

TEST_F(TargetOnFakeHost, what_is_not_there) {
  EXPECT_THAT(refusal({4711}, {}), HasSubstr("no process 4711"));
  EXPECT_THAT(refusal({}, {"green"}), HasSubstr("no network namespace 'green'"));
}

}  // namespace
}  // namespace tcpdiag::session
