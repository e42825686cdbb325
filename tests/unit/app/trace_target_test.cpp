// SPDX-License-Identifier: Apache-2.0
#include "app/trace_target.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/util/fake_tree.h"

namespace tcpdiag::app {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

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

  void process(std::uint32_t id, std::uint32_t group, const char* netns) {
    tree_.link(netns, fmt::format("proc/{}/ns/net", id));
    tree_.write(fmt::format("proc/{}/status", id), fmt::format("Name:\tx\nTgid:\t{}\nPid:\t{}\n", group, id));
  }

  Result<TraceTarget> resolve(std::vector<std::uint32_t> pids, std::vector<std::string> netns) const {
    model::Filters filters;
    filters.pids = std::move(pids);
    filters.netns_as_given = std::move(netns);
    return resolve_target(std::move(filters), places_);
  }
  std::string refusal(std::vector<std::uint32_t> pids, std::vector<std::string> netns) const {
    const Result<TraceTarget> target = resolve(std::move(pids), std::move(netns));
    if (target) {
      ADD_FAILURE() << "was accepted";
      return {};
    }
    EXPECT_EQ(target.error().exit_code, ExitCode::kUsage);
    return target.error().what + "; " + target.error().cure;
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

TEST_F(TargetOnFakeHost, what_is_not_there) {
  EXPECT_THAT(refusal({4711}, {}), HasSubstr("no process 4711"));
  EXPECT_THAT(refusal({}, {"green"}), HasSubstr("no network namespace 'green'"));
}

}  // namespace
}  // namespace tcpdiag::app
