// SPDX-License-Identifier: Apache-2.0
#include "session/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "unit/session/fake_source.h"
#include "unit/session/pipe.h"

namespace tcpdiag::session {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::MatchesRegex;
using testing::SizeIs;

class TraceSession : public testing::Test {
 protected:
  TraceSession() {
    settings_.duration = 0s;
    settings_.command = {"tcpdiag", "trace", "-d", "0"};
    settings_.filters.netns_inodes = {7};
    settings_.netns = {{.inode = 7, .name = "", .is_self = true, .is_initial = true}};
    settings_.floor = 200us;
    settings_.instance_type = "t4g.micro";
    settings_.peer_instance = "cache.t4g.micro";
  }
  Result<model::Report> run() {
    Progress progress(err_.to.get(), false);
    Outputs outputs({}, progress);
    Result<model::Report> report = run_trace(settings_, source_, confine_, signals_, progress, outputs);
    signals_.hold();
    return report;
  }

  TraceSettings settings_;
  test::FakeSource source_;
  test::Pipe err_;
  Signals signals_ = *Signals::block();
  Confine confine_ = [] {
    return std::vector<model::Feature>{{.name = "confined_files", .available = true, .reason = {}}};
  };
};

TEST_F(TraceSession, tells_the_report_how_it_was_made) {
  const Result<model::Report> report = run();
  ASSERT_TRUE(report);
  const model::TraceStart& start = report->picture.start;
  EXPECT_THAT(start.recording_id, MatchesRegex("[0-9a-f-]+"));
  EXPECT_THAT(start.recording_id, SizeIs(36));
  EXPECT_THAT(start.command, ElementsAre("tcpdiag", "trace", "-d", "0"));
  EXPECT_FALSE(start.tool_version.empty());
  EXPECT_FALSE(start.host.kernel.empty());
  EXPECT_THAT(start.netns, SizeIs(1));
  EXPECT_EQ(start.origin, model::Origin::kBpf);
  EXPECT_THAT(start.abilities, SizeIs(2));  // the source's and confining's
  EXPECT_EQ(start.requested_duration, 0s);
  EXPECT_EQ(start.floor, 200us);
  EXPECT_EQ(start.host.instance_type, "t4g.micro");
  EXPECT_EQ(start.host.instance_type_source, "option");
  EXPECT_EQ(start.peer_instance, "cache.t4g.micro");
  EXPECT_GT(report->picture.cost.peak_rss_bytes, 0U);
  EXPECT_EQ(report->picture.cost.bpf_cpu_s, 0.5);
  EXPECT_TRUE(source_.finished);
}

TEST_F(TraceSession, says_what_ended_it) {
  EXPECT_EQ(run()->picture.window.ended_by, model::EndedBy::kDuration);
  settings_.duration.reset();
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(run()->picture.window.ended_by, model::EndedBy::kSignal);
}

TEST_F(TraceSession, says_that_it_traces_once_attached) {
  ASSERT_TRUE(run());
  EXPECT_EQ(err_.read_now(),
            "tracing all TCP sockets of this network namespace (3 open), to report and end at once; "
            "nothing leaves this machine\n");
}

TEST_F(TraceSession, says_nothing_when_it_cannot_attach) {
  source_.attachable = false;
  const Result<model::Report> report = run();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().exit_code, ExitCode::kNotAble);
  EXPECT_EQ(err_.read_now(), "");
}

TEST_F(TraceSession, drops_its_privileges_when_attached_and_before_it_looks_at_anything) {
  confine_ = [this]() -> Result<std::vector<model::Feature>> {
    EXPECT_TRUE(source_.attached);
    EXPECT_FALSE(source_.begun);
    return {};
  };
  ASSERT_TRUE(run());
  EXPECT_TRUE(source_.begun);
}

TEST_F(TraceSession, does_not_trace_with_privileges_that_it_cannot_drop) {
  confine_ = [] { return fail(ExitCode::kNotAble, "cannot change its user", ""); };
  const Result<model::Report> report = run();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().exit_code, ExitCode::kNotAble);
  EXPECT_FALSE(source_.begun);
  EXPECT_EQ(err_.read_now(), "");
}

}  // namespace
}  // namespace tcpdiag::session
