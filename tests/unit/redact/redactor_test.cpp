// SPDX-License-Identifier: Apache-2.0
// That no original gets through, that tokens are stable, and that the report finds the same.
#include "redact/redactor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "redact/own_words.h"
#include "unit/redact/every_field.h"
#include "unit/redact/incident.h"
#include "unit/redact/own_words.h"

namespace tcpdiag::redact {
namespace {

using redact::testing::EveryField;
using redact::testing::incident;
using tcpdiag::testing::Record;
using tcpdiag::testing::Stream;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Stream redacted(Stream& stream) {
  Stream out;
  Redactor redactor(testing::own_words(), out);
  EXPECT_TRUE(stream.replay(redactor));
  return out;
}

model::Address address(const char* text) { return *model::Address::parse(text); }

std::string after(Redactor& redactor, const Stream& out, const char* text) {
  model::SocketSnapshot snapshot;
  snapshot.socket.remote.address = address(text);
  redactor.on_sample(snapshot);
  return out.all<model::SocketSnapshot>().back().socket.remote.address.to_string();
}

// --- completeness ---

constexpr const char* kMark = "original";
constexpr std::array kMarkedBlocks{"198.51.100.0/24", "10.99.0.0/16", "2001:db8:feed::/48"};
constexpr std::array kMarkedText{kMark, "198.51.100.", "10.99.0.", "2001:db8:feed"};

// Every text says "original", every address lies in one of the blocks.
Stream marked(Stream stream) {
  std::map<model::Address, model::Address> addresses;
  EveryField fields;
  fields.text = [n = 0](std::string& text) mutable {
    if (text.find(kMark) == std::string::npos) text = fmt::format("{}-{}-{}", kMark, ++n, text);
  };
  fields.address = [&addresses](model::Address& one) {
    const std::size_t n = addresses.size() + 1;
    const std::string v4 = fmt::format("{}.{}", n % 2 == 0 ? "198.51.100" : "10.99.0", n);
    const std::string text = one.is_v4() || one.is_unspecified() ? v4 : fmt::format("2001:db8:feed::{}", n);
    one = addresses.try_emplace(one, address(text.c_str())).first->second;
  };
  for (Record& record : stream.records) fields.visit(record);
  return stream;
}

TEST(Redactor, LeavesNoOriginalInAnyRecord) {
  Stream raw = marked(incident());
  Stream out = redacted(raw);
  ASSERT_EQ(out.records.size(), raw.records.size());
  int fields_seen = 0;
  EveryField fields;
  fields.text = [&fields_seen](std::string& text) {
    ++fields_seen;
    for (const char* mark : kMarkedText) EXPECT_THAT(text, Not(HasSubstr(mark)));
  };
  fields.address = [&fields_seen](model::Address& one) {
    ++fields_seen;
    for (const char* block : kMarkedBlocks) EXPECT_FALSE(model::Cidr::parse(block)->contains(one)) << one.to_string();
  };
  for (Record& record : out.records) fields.visit(record);
  EXPECT_GT(fields_seen, 400);
}

TEST(Redactor, LeavesNoOriginalInAnyReport) {
  Stream raw = marked(incident());
  // They are in the report of the originals, so this test can fail.
  EXPECT_THAT(tcpdiag::testing::text_of(raw), HasSubstr(kMark));
  for (const char* mark : kMarkedText) EXPECT_THAT(tcpdiag::testing::json_of(raw), HasSubstr(mark));

  Stream out = redacted(raw);
  for (const char* mark : kMarkedText) {
    EXPECT_THAT(tcpdiag::testing::text_of(out), Not(HasSubstr(mark)));
    EXPECT_THAT(tcpdiag::testing::json_of(out), Not(HasSubstr(mark)));
  }
}

TEST(Redactor, GivesTheSameOriginalTheSameTokenAndDifferentOnesDifferentTokens) {
  Stream raw = incident();
  Stream out = redacted(raw);
  const auto addresses_of = [](Stream& stream) {
    std::vector<model::Address> all;
    EveryField fields;
    fields.address = [&all](model::Address& one) { all.push_back(one); };
    for (Record& record : stream.records) fields.visit(record);
    return all;
  };
  const auto originals = addresses_of(raw);
  const auto tokens = addresses_of(out);
  ASSERT_EQ(originals.size(), tokens.size());
  std::map<model::Address, model::Address> to_token;
  std::map<model::Address, model::Address> to_original;
  for (std::size_t i = 0; i < originals.size(); ++i) {
    EXPECT_EQ(to_token.try_emplace(originals[i], tokens[i]).first->second, tokens[i]);
    EXPECT_EQ(to_original.try_emplace(tokens[i], originals[i]).first->second, originals[i]);
    EXPECT_EQ(originals[i].family(), tokens[i].family());
    EXPECT_EQ(originals[i].address_class(), tokens[i].address_class());
  }
}

// --- single things ---

TEST(Redactor, KeepsWhatNamesNobody) {
  Stream raw = incident();
  Stream out = redacted(raw);
  const auto start = out.all<model::TraceStart>().front();
  EXPECT_EQ(start.host.kernel, "6.18.0");
  EXPECT_EQ(start.host.instance_type, "t4g.micro");
  EXPECT_EQ(start.host.hostname, "host-1");
  EXPECT_EQ(start.filters.netns_as_given[1], "4026531840");
  EXPECT_EQ(out.all<model::NicSample>()[0].device, "ens5");
  EXPECT_EQ(out.all<model::NicSample>()[0].driver, "ena");
  EXPECT_EQ(out.all<model::NicSample>()[0].driver_version, "2.13.0g");
  EXPECT_EQ(out.all<model::NicSample>()[1].device, "device-1");
  EXPECT_EQ(out.all<model::NicSample>()[1].driver, "driver-1");
  EXPECT_EQ(out.all<model::NicSample>()[1].driver_version, "(redacted)");
  EXPECT_EQ(out.all<model::ProcessInfo>()[1].cgroup_path, "/");
  EXPECT_EQ(out.all<model::DnsMessage>()[0].name, "name-1");
  EXPECT_EQ(out.events().front().socket.remote.port, raw.events().front().socket.remote.port);
}

TEST(Redactor, UsesOneTokenForANameWhereverItStands) {
  Stream raw = incident();
  Stream out = redacted(raw);
  const auto start = out.all<model::TraceStart>().front();
  const auto process = out.all<model::ProcessInfo>().front();
  EXPECT_EQ(start.filters.comms[0], "process-1");
  EXPECT_EQ(process.comm, "process-1");
  EXPECT_EQ(out.events().front().owner->comm, "process-1");
  EXPECT_EQ(start.filters.cgroups[0].path, "/cgroup-1");
  EXPECT_EQ(process.cgroup_path, "/cgroup-1");
  EXPECT_EQ(start.netns[1].name, "netns-1");
  EXPECT_EQ(start.filters.netns_as_given[0], "netns-1");  // its path under /run/netns
}

TEST(Redactor, RewritesTheExpressionFromItsSteps) {
  Stream raw = incident();
  const auto filters = redacted(raw).all<model::TraceStart>().front().filters;
  EXPECT_EQ(filters.expression->text, "dst port 443 or net private-v4-1/8 and not host public-v6-1");
  EXPECT_EQ(filters.local[0].to_string(), "private-v4-1/8");
  EXPECT_EQ(filters.remote[0].to_string(), "private-v4-2");
  const auto again = model::parse_expression(filters.expression->text);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->matches({address("private-v4-7"), 1}, {address("public-v6-2"), 443}));
}

TEST(Redactor, ReplacesReasonsThatMayHoldNames) {
  Stream raw = incident();
  const auto start = redacted(raw).all<model::TraceStart>().front();
  const auto reason_of = [&start](std::string_view name) {
    return std::ranges::find(start.abilities, name, &model::Feature::name)->reason;
  };
  EXPECT_EQ(reason_of("socket_storage"), "kernel before 5.11");
  EXPECT_EQ(reason_of("strange_feature"), "(redacted)");
  EXPECT_THAT(reason_of(kOriginals), HasSubstr("tokens"));
}

TEST(Redactor, CountsEachClassAndFamilyForItself) {
  Stream out;
  Redactor redactor(testing::own_words(), out);
  EXPECT_EQ(after(redactor, out, "10.0.0.7"), "private-v4-1");
  EXPECT_EQ(after(redactor, out, "203.0.113.9"), "public-v4-1");
  EXPECT_EQ(after(redactor, out, "10.0.0.8"), "private-v4-2");
  EXPECT_EQ(after(redactor, out, "fd00::1"), "private-v6-1");
  EXPECT_EQ(after(redactor, out, "127.0.0.1"), "loopback-v4-1");
  EXPECT_EQ(after(redactor, out, "fe80::1"), "link-local-v6-1");
  EXPECT_EQ(after(redactor, out, "10.0.0.7"), "private-v4-1");
  EXPECT_EQ(after(redactor, out, "::"), "::");
  EXPECT_EQ(after(redactor, out, "0.0.0.0"), "0.0.0.0");
}

TEST(Redactor, TakesNoForgedAddressForAToken) {
  Stream out;
  Redactor redactor(testing::own_words(), out);
  redactor.on_sample(model::TraceStart{});
  EXPECT_EQ(after(redactor, out, "private-v4-9"), "public-v6-1");
  EXPECT_EQ(after(redactor, out, "100::1"), "public-v6-2");
  model::ProcessInfo process{.pid = 1, .comm = "process-77"};
  redactor.on_sample(process);
  EXPECT_EQ(out.all<model::ProcessInfo>()[0].comm, "process-1");
}

TEST(Redactor, ChangesNothingInARedactedStream) {
  Stream raw = incident();
  Stream once = redacted(raw);
  Stream twice = redacted(once);
  EXPECT_EQ(tcpdiag::testing::json_of(once), tcpdiag::testing::json_of(twice));
  // Also where it begins in the middle: a part of a recording.
  once.records.erase(once.records.begin() + 1, once.records.begin() + 60);
  twice = redacted(once);
  EXPECT_EQ(tcpdiag::testing::json_of(once), tcpdiag::testing::json_of(twice));
}

TEST(Redactor, StillReplacesAnOriginalInARedactedStream) {
  Stream out;
  Redactor redactor(testing::own_words(), out);
  model::TraceStart start;
  start.abilities = {{std::string(kOriginals), false, ""}};
  redactor.on_sample(start);
  EXPECT_EQ(out.all<model::TraceStart>()[0].abilities.size(), 1U);
  EXPECT_EQ(after(redactor, out, "private-v4-9"), "private-v4-9");
  EXPECT_EQ(after(redactor, out, "10.0.0.7"), "private-v4-1000001");
  for (const char* comm : {"process-3", "process-03", "process-", "ruby"}) {
    redactor.on_sample(model::ProcessInfo{.pid = 1, .comm = comm});
  }
  std::vector<std::string> comms;
  for (const auto& process : out.all<model::ProcessInfo>()) comms.push_back(process.comm);
  EXPECT_THAT(comms, ElementsAre("process-3", "process-1000001", "process-1000002", "process-1000003"));
}

TEST(Redactor, GivesOneTokenInSeveralStreams) {
  Stream good;
  Stream bad;
  Redactor redactor(testing::own_words());
  redactor.lead_to(good);
  redactor.on_sample(model::TraceStart{});
  EXPECT_EQ(after(redactor, good, "10.0.0.7"), "private-v4-1");
  EXPECT_EQ(after(redactor, good, "10.0.0.8"), "private-v4-2");
  redactor.on_sample(model::ProcessInfo{.pid = 1, .comm = "ruby"});
  redactor.lead_to(bad);
  redactor.on_sample(model::TraceStart{});
  EXPECT_EQ(after(redactor, bad, "10.0.0.8"), "private-v4-2");
  EXPECT_EQ(after(redactor, bad, "10.0.0.9"), "private-v4-3");
  EXPECT_EQ(after(redactor, bad, "10.0.0.7"), "private-v4-1");
  for (const char* comm : {"python", "ruby"}) redactor.on_sample(model::ProcessInfo{.pid = 1, .comm = comm});
  EXPECT_EQ(bad.all<model::ProcessInfo>()[0].comm, "process-2");
  EXPECT_EQ(bad.all<model::ProcessInfo>()[1].comm, "process-1");
  EXPECT_EQ(good.all<model::ProcessInfo>().size(), 1U);
}

// What an earlier one called private-v4-1 is not what this one meets first.
TEST(Redactor, CountsBesideTheTokensOfAnotherStream) {
  model::TraceStart of_tokens;
  of_tokens.abilities = {{std::string(kOriginals), false, ""}};
  for (const bool tokens_first : {true, false}) {
    Stream out;
    Redactor redactor(testing::own_words(), out);
    redactor.expect_tokens();
    if (tokens_first) {
      redactor.on_sample(of_tokens);
      EXPECT_EQ(after(redactor, out, "private-v4-1"), "private-v4-1");
    }
    redactor.on_sample(model::TraceStart{});
    EXPECT_EQ(after(redactor, out, "10.0.0.7"), "private-v4-1000001");
    redactor.on_sample(model::ProcessInfo{.pid = 1, .comm = "process-1"});
    EXPECT_EQ(out.all<model::ProcessInfo>().back().comm, "process-1000001");
    redactor.on_sample(of_tokens);
    EXPECT_EQ(after(redactor, out, "private-v4-1"), "private-v4-1");
    EXPECT_EQ(after(redactor, out, "10.0.0.7"), "private-v4-1000001");
  }
}

TEST(Redactor, ViewGetsTheTokensOfTheStream) {
  Stream out;
  Stream raw = incident();
  Redactor redactor(testing::own_words(), out);
  ASSERT_TRUE(raw.replay(redactor));
  model::View view;
  view.filters.remote = {*model::Cidr::parse("10.0.0.2"), *model::Cidr::parse("203.0.113.40")};
  view.filters.comms = {"ruby", "never-seen"};
  view.from = raw.all<model::TraceStart>()[0].clock.wall_at;
  const model::View redacted = redactor.view(view);
  EXPECT_EQ(redacted.filters.remote[0].to_string(), "private-v4-2");
  EXPECT_EQ(redacted.filters.remote[1].to_string(), out.events().front().socket.remote.address.to_string());
  EXPECT_THAT(redacted.filters.comms, ElementsAre("process-1", "process-3"));
  EXPECT_EQ(redacted.from, view.from);
}

// --- the same findings ---

std::string numbers_of(const model::Evidence& evidence) {
  if (const auto* number = std::get_if<std::int64_t>(&evidence.value)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<double>(&evidence.value)) return fmt::format("{}", *number);
  if (const auto* timers = std::get_if<std::vector<model::TimerCandidate>>(&evidence.value)) {
    std::string text;
    for (const auto& timer : *timers) text += fmt::format("{} {} ", timer.name, timer.deviation_pct);
    return text;
  }
  return fmt::format("kind {}", evidence.value.index());
}

std::vector<std::string> findings_of(Stream& stream) {
  std::vector<std::string> findings;
  for (const model::Finding& finding : tcpdiag::testing::report_of(stream).findings) {
    std::string text =
        fmt::format("{} {} {} x{} of {} sockets, {} causes:", finding.code, to_string(finding.severity),
                    to_string(finding.confidence), finding.count, finding.sockets.size(), finding.caused_by.size());
    for (const model::Evidence& evidence : finding.evidence) {
      text += fmt::format(" {}={}", evidence.key, numbers_of(evidence));
    }
    findings.push_back(std::move(text));
  }
  return findings;
}

TEST(Redactor, DoesNotChangeWhatIsFound) {
  Stream raw = incident();
  Stream out = redacted(raw);
  const auto findings = findings_of(raw);
  std::set<std::string> codes;
  for (const std::string& finding : findings) codes.insert(finding.substr(0, finding.find(' ')));
  EXPECT_GE(codes.size(), 4U) << fmt::format("{}", fmt::join(findings, "\n"));
  EXPECT_EQ(findings, findings_of(out));
}

// Each namespace has a loopback of its own, so a full listener at 127.0.0.1 explains connects of its own namespace
// only.
TEST(Redactor, KeepsLoopbackWhatItIs) {
  EXPECT_TRUE(address("loopback-v4-1").is_loopback());
  EXPECT_TRUE(address("loopback-v6-1").is_loopback());
  EXPECT_FALSE(address("private-v4-1").is_loopback());
}

}  // namespace
}  // namespace tcpdiag::redact
