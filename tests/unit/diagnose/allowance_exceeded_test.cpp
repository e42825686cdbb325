// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/diagnose/delay_pictures.h"

namespace tcpdiag::diagnose::test {
namespace {

using model::Confidence;
using model::Finding;
using model::Severity;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t kNetns = 4026531840U;  // PictureBuilder's

// `per_s` packets in each of the seconds from `from` to `to` of 60.
model::AllowanceLimit limit(std::string name, std::size_t from, std::size_t to, std::uint64_t per_s) {
  model::AllowanceLimit limit;
  limit.limit = std::move(name);
  limit.per_second.assign(60, 0);
  for (std::size_t i = from; i < to; ++i) limit.per_second[i] = per_s;
  limit.seconds_with_delta = to - from;
  limit.delta = per_s * limit.seconds_with_delta;
  limit.max_per_s = to > from ? per_s : 0;
  limit.max_per_minute = limit.delta;
  if (to > from) {
    limit.first_at = at(static_cast<double>(from));
    limit.last_at = at(static_cast<double>(to));
  }
  return limit;
}

model::NicPicture nic(std::vector<model::AllowanceLimit> limits, std::string device = "eth0") {
  model::NicPicture nic;
  nic.device = std::move(device);
  nic.netns_inode = kNetns;
  nic.driver = "ena";
  nic.counters_supported = true;
  nic.limits = std::move(limits);
  return nic;
}

Finding of(model::NicPicture nic) {
  PictureBuilder b;
  b.raw().nics = {std::move(nic)};
  return only(b.build());
}

TEST(AllowanceExceeded, is_silent_while_nothing_is_exceeded) {
  EXPECT_EQ(of(nic({limit("bw_in", 0, 0, 0), limit("conntrack", 0, 0, 0)})).code, "");
  EXPECT_EQ(of(nic({})).code, "");
}

TEST(AllowanceExceeded, of_few_seconds_is_a_harmless_microburst) {
  const Finding f = of(nic({limit("bw_in", 10, 14, 20)}));
  EXPECT_EQ(f.code, "allowance-exceeded");
  EXPECT_EQ(f.severity, Severity::kNotice);
  EXPECT_EQ(f.confidence, Confidence::kHigh);
  EXPECT_EQ(f.device, "eth0");
  EXPECT_FALSE(f.endpoint);
  EXPECT_EQ(evidence_as<std::string>(f, "pattern"), "microburst");
  EXPECT_EQ(evidence_as<std::string>(f, "limit"), "bw_in");
  EXPECT_EQ(evidence_int(f, "delta_packets"), 80);
  EXPECT_EQ(evidence_int(f, "seconds_with_delta"), 4);
  EXPECT_EQ(evidence_as<double>(f, "max_per_s"), 20);
  EXPECT_TRUE(evidence_is_null(f, "conntrack_available_min"));
  EXPECT_EQ(f.first_at, at(10));
  EXPECT_EQ(f.last_at, at(14));
  EXPECT_FALSE(f.ongoing);
  EXPECT_THAT(f.explanation, HasSubstr("harmless"));
  EXPECT_EQ(f.next_steps.front().command, "ethtool -S eth0 | grep allowance");
}

TEST(AllowanceExceeded, is_sustained_from_five_seconds_or_a_hundred_a_minute) {
  EXPECT_EQ(evidence_as<std::string>(of(nic({limit("pps", 10, 15, 1)})), "pattern"), "sustained");
  EXPECT_EQ(of(nic({limit("pps", 10, 15, 1)})).severity, Severity::kWarning);
  EXPECT_EQ(evidence_as<std::string>(of(nic({limit("pps", 10, 11, 99)})), "pattern"), "microburst");
  EXPECT_EQ(evidence_as<std::string>(of(nic({limit("pps", 10, 11, 100)})), "pattern"), "sustained");
}

TEST(AllowanceExceeded, of_what_is_only_dropped_is_a_warning_at_once) {
  for (const char* name : {"conntrack", "linklocal"}) {
    const Finding f = of(nic({limit(name, 10, 11, 3)}));
    EXPECT_EQ(f.severity, Severity::kWarning) << name;
    EXPECT_THAT(f.title, HasSubstr("3 packets dropped"));
    EXPECT_THAT(f.explanation, Not(HasSubstr("harmless")));
  }
  EXPECT_THAT(of(nic({limit("linklocal", 10, 11, 3)})).explanation, HasSubstr("DNS"));
}

TEST(AllowanceExceeded, of_one_packet_is_less_sure) {
  EXPECT_EQ(of(nic({limit("conntrack", 10, 11, 1)})).confidence, Confidence::kMedium);
}

TEST(AllowanceExceeded, tells_a_driver_reset_the_room_left_and_the_own_type) {
  PictureBuilder b;
  model::NicPicture card = nic({limit("bw_out", 50, 60, 7)});
  card.driver_reset = true;
  card.conntrack_available_min = 1234;
  b.raw().nics = {card};
  b.raw().start.host.instance_type = "T4G.micro";
  const Finding f = only(b.build());
  EXPECT_EQ(evidence_int(f, "driver_reset"), 1);
  EXPECT_EQ(evidence_int(f, "conntrack_available_min"), 1234);
  EXPECT_TRUE(f.ongoing);
  EXPECT_THAT(f.explanation, HasSubstr("This host is a t4g.micro: 64 Mbit/s in each direction, 5 Gbit/s for a while."));
  EXPECT_THAT(f.explanation, HasSubstr("reset meanwhile"));
}

TEST(AllowanceExceeded, explains_the_queue_of_its_device_in_its_seconds) {
  Picture picture = throttled().picture();
  picture.nics = {nic({limit("bw_in", 1, 60, 50)}), nic({limit("bw_in", 1, 60, 50)}, "eth1")};
  const auto findings = diagnose(picture);
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].code, "allowance-exceeded");
  EXPECT_EQ(findings[0].device, "eth0");
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_EQ(findings[1].code, "throughput-ceiling");
  EXPECT_THAT(findings[1].caused_by, ElementsAre(0U));
  EXPECT_EQ(findings[2].code, "path-queueing");
  EXPECT_THAT(findings[2].caused_by, ElementsAre(0U, 1U));
  EXPECT_EQ(findings[3].device, "eth1");
  EXPECT_EQ(findings[3].severity, Severity::kWarning);
}

TEST(AllowanceExceeded, of_another_namespace_or_time_explains_nothing) {
  Picture picture = throttled().picture();
  model::NicPicture other = nic({limit("bw_in", 1, 60, 50)});
  other.netns_inode = 7;
  picture.nics = {nic({limit("bw_in", 10, 20, 50)}), other};
  for (const Finding& finding : diagnose(picture)) {
    EXPECT_TRUE(finding.code != "throughput-ceiling" || finding.caused_by.empty());
  }
}

TEST(AllowanceExceeded, of_a_device_with_a_name_for_shells_has_no_command) {
  EXPECT_EQ(of(nic({limit("pps", 10, 11, 5)}, "a;reboot")).next_steps.front().command, "");
}

TEST(ConntrackAllowance, stands_beside_connects_without_an_answer) {
  PictureBuilder b;
  b.outbound("10.0.0.2", 443).good_connects(5);
  b.add(0, 3, connect_failed(10, model::ConnectOutcome::kAbandoned, 60s, 10));
  const auto delta_of = [](const Picture& picture) -> std::optional<std::int64_t> {
    for (const Finding& finding : diagnose(picture)) {
      if (finding.code != "connect-timeout" || evidence_is_null(finding, "conntrack_allowance_delta")) continue;
      return evidence_int(finding, "conntrack_allowance_delta");
    }
    return std::nullopt;
  };
  EXPECT_EQ(delta_of(b.build()), std::nullopt);  // no card counts it
  b.raw().nics = {nic({limit("conntrack", 0, 0, 0)})};
  EXPECT_EQ(delta_of(b.build()), 0);
  b.raw().nics = {nic({limit("conntrack", 10, 12, 4)}), nic({limit("conntrack", 10, 11, 9)}, "eth1")};
  EXPECT_EQ(delta_of(b.build()), 17);
  b.raw().endpoints[0].device = "eth1";
  EXPECT_EQ(delta_of(b.build()), 9);
  b.raw().endpoints[0].device = "veth9";
  EXPECT_EQ(delta_of(b.build()), std::nullopt);
}

}  // namespace
}  // namespace tcpdiag::diagnose::test
