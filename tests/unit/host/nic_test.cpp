// SPDX-License-Identifier: Apache-2.0
// Drivers that count allowances, drivers that do not, and drivers that answer nonsense.
#include "host/nic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <random>
#include <utility>

namespace tcpdiag::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr model::MonoTime kAt(std::chrono::seconds(7));

using Statistics = std::vector<std::pair<std::string, std::uint64_t>>;

struct FakeDevice {
  NetDevice device;
  std::string driver = "ena";
  std::string version = "6.1.0-13-cloud-arm64";
  Statistics statistics = {};
  int driver_error = 0;
  int count_error = 0;
  int strings_error = 0;
  int values_error = 0;
  bool has_set = true;
  std::uint32_t count_reported = 0;  // 0: as many as there are
  std::function<void(FakeDevice&)> before_values = [](FakeDevice&) {};
};

// As net/ethtool/ioctl.c, before and since commit 7b07be1ff1cb.
class FakeEthtool : public EthtoolLayer {
 public:
  std::vector<NetDevice> devices() override {
    std::vector<NetDevice> all;
    for (const FakeDevice& one : all_) all.push_back(one.device);
    return all;
  }

  int ethtool(const std::string& name, void* request) override {
    const auto device = std::ranges::find_if(all_, [&name](const FakeDevice& one) { return one.device.name == name; });
    std::uint32_t command = 0;
    std::memcpy(&command, request, sizeof command);
    ++calls_;
    if (device == all_.end()) return ENODEV;
    switch (command) {
      case ETHTOOL_GDRVINFO:
        return drvinfo(*device, *static_cast<ethtool_drvinfo*>(request));
      case ETHTOOL_GSSET_INFO:
        return sset_info(*device, *static_cast<ethtool_sset_info*>(request));
      case ETHTOOL_GSTRINGS:
        return strings(*device, *static_cast<ethtool_gstrings*>(request));
      case ETHTOOL_GSTATS:
        return values(*device, *static_cast<ethtool_stats*>(request));
      default:
        return EOPNOTSUPP;
    }
  }

  FakeDevice& add(std::string name, Statistics statistics) {
    FakeDevice one;
    one.device = {.index = static_cast<int>(all_.size()) + 1, .name = std::move(name)};
    one.statistics = std::move(statistics);
    all_.push_back(std::move(one));
    return all_.back();
  }
  std::vector<FakeDevice>& all() { return all_; }
  int calls() const { return calls_; }
  bool is_strict = true;  // writes nothing when there are not as many as asked for

 private:
  static int drvinfo(const FakeDevice& device, ethtool_drvinfo& info) {
    std::memcpy(info.driver, device.driver.data(), std::min(device.driver.size(), sizeof info.driver));
    std::memcpy(info.version, device.version.data(), std::min(device.version.size(), sizeof info.version));
    return device.driver_error;
  }

  static int sset_info(const FakeDevice& device, ethtool_sset_info& info) {
    if (device.count_error != 0) return device.count_error;
    if (!device.has_set) info.sset_mask = 0;
    const auto count =
        device.count_reported != 0 ? device.count_reported : static_cast<std::uint32_t>(device.statistics.size());
    std::memcpy(static_cast<std::uint32_t*>(info.data), &count, sizeof count);
    return 0;
  }

  // How many items are written, of those that there are.
  std::size_t agree(std::uint32_t& asked, std::size_t there) const {
    if (is_strict && asked != 0 && asked != there) {
      asked = 0;
      return 0;
    }
    asked = static_cast<std::uint32_t>(there);
    return there;
  }

  int strings(const FakeDevice& device, ethtool_gstrings& request) const {
    if (device.strings_error != 0) return device.strings_error;
    const std::size_t count = agree(request.len, device.statistics.size());
    auto* to = static_cast<unsigned char*>(request.data);
    for (std::size_t i = 0; i < count; ++i) {
      // no byte behind a name of 32 bytes
      const std::string& name = device.statistics[i].first;
      std::memset(to + i * ETH_GSTRING_LEN, 0, ETH_GSTRING_LEN);
      std::memcpy(to + i * ETH_GSTRING_LEN, name.data(), std::min<std::size_t>(name.size(), ETH_GSTRING_LEN));
    }
    return 0;
  }

  int values(FakeDevice& device, ethtool_stats& request) const {
    device.before_values(device);
    if (device.values_error != 0) return device.values_error;
    const std::size_t count = agree(request.n_stats, device.statistics.size());
    auto* to =
        reinterpret_cast<unsigned char*>(&request) + sizeof request;  // NOLINT(*-reinterpret-cast): as the kernel
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(to + i * sizeof(std::uint64_t), &device.statistics[i].second, sizeof(std::uint64_t));
    }
    return 0;
  }

  std::vector<FakeDevice> all_;
  int calls_ = 0;
};

// Of an ENA device with all of them, in its order; per-queue statistics left out but for a few.
Statistics ena_statistics() {
  return {{"tx_timeout", 0},
          {"suspend", 0},
          {"bw_in_allowance_exceeded", 512},
          {"bw_out_allowance_exceeded", 0},
          {"pps_allowance_exceeded", 7},
          {"conntrack_allowance_exceeded", 1},
          {"linklocal_allowance_exceeded", 18446744073709551615U},
          {"conntrack_allowance_available", 136812},
          {"ena_srd_mode", 0},
          {"queue_0_tx_cnt", 4711}};
}

class Nic : public testing::Test {
 protected:
  std::vector<model::NicSample> read() { return statistics_.read(kAt); }

  std::unique_ptr<FakeEthtool> owned_ = std::make_unique<FakeEthtool>();
  FakeEthtool& kernel_ = *owned_;
  NicStatistics statistics_{4711, std::move(owned_)};
};

std::vector<std::string> names(const std::vector<model::NicSample>& samples) {
  std::vector<std::string> all;
  for (const model::NicSample& one : samples) all.push_back(one.device);
  return all;
}

TEST_F(Nic, all_allowances_of_ena) {
  kernel_.add("eth0", ena_statistics());
  const auto samples = read();
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].at, kAt);
  EXPECT_EQ(samples[0].device, "eth0");
  EXPECT_EQ(samples[0].netns_inode, 4711U);
  EXPECT_EQ(samples[0].driver, "ena");
  EXPECT_EQ(samples[0].driver_version, "6.1.0-13-cloud-arm64");
  EXPECT_TRUE(samples[0].counters_supported);
  EXPECT_THAT(samples[0].exceeded, UnorderedElementsAre(Pair("bw_in", 512U), Pair("bw_out", 0U), Pair("pps", 7U),
                                                        Pair("conntrack", 1U), Pair("linklocal", ~std::uint64_t{0})));
  EXPECT_EQ(samples[0].conntrack_available, 136812U);
}

TEST_F(Nic, allowances_that_are_missing_stay_missing) {
  kernel_.add("eth0", {{"bw_in_allowance_exceeded", 5}, {"bw_in_allowance_exceede", 6}, {"x_allowance_exceeded", 7}});
  const auto samples = read();
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_TRUE(samples[0].counters_supported);
  EXPECT_THAT(samples[0].exceeded, ElementsAre(Pair("bw_in", 5U)));
  EXPECT_EQ(samples[0].conntrack_available, std::nullopt);
}

TEST_F(Nic, whatever_the_driver_is_called) {
  FakeDevice& device = kernel_.add("eth0", ena_statistics());
  device.driver_error = EOPNOTSUPP;
  const auto samples = read();
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].driver, "");
  EXPECT_TRUE(samples[0].counters_supported);
}

TEST_F(Nic, device_without_counters_is_told_once) {
  kernel_.add("veth0", {{"peer_ifindex", 3}, {"conntrack_allowance_available", 5}}).driver = "veth";
  kernel_.add("eth0", ena_statistics());
  kernel_.add("dummy0", {}).count_error = EOPNOTSUPP;
  kernel_.add("dummy1", {}).has_set = false;
  kernel_.add("dummy2", {});
  kernel_.add("tun0", ena_statistics()).strings_error = EOPNOTSUPP;
  kernel_.add("tun1", ena_statistics()).values_error = EIO;
  const auto samples = read();
  EXPECT_THAT(names(samples), ElementsAre("eth0", "veth0", "dummy0", "dummy1", "dummy2", "tun0", "tun1"));
  EXPECT_EQ(samples[1].driver, "veth");
  for (std::size_t i = 1; i < samples.size(); ++i) {
    EXPECT_FALSE(samples[i].counters_supported) << samples[i].device;
    EXPECT_THAT(samples[i].exceeded, IsEmpty()) << samples[i].device;
  }
  const int before = kernel_.calls();
  EXPECT_THAT(names(read()), ElementsAre("eth0"));
  EXPECT_EQ(kernel_.calls() - before, 3);  // number, names, values; of eth0 alone
}

TEST_F(Nic, devices_come_go_and_are_renamed) {
  kernel_.add("eth0", ena_statistics());
  kernel_.add("veth0", {});
  EXPECT_THAT(names(read()), ElementsAre("eth0", "veth0"));
  kernel_.all()[0].device.name = "ens5";
  kernel_.all()[1].device.name = "blue0";
  EXPECT_THAT(names(read()), ElementsAre("ens5"));
  kernel_.add("eth1", ena_statistics());
  EXPECT_THAT(names(read()), ElementsAre("ens5", "eth1"));
  kernel_.all()[1].device.index = 12;  // another one of that name
  EXPECT_THAT(names(read()), ElementsAre("ens5", "eth1", "blue0"));
}

TEST_F(Nic, counters_that_a_reset_of_the_driver_took_back) {
  kernel_.add("eth0", ena_statistics());
  EXPECT_EQ(read()[0].exceeded.at("bw_in"), 512U);
  kernel_.all()[0].statistics[2].second = 3;
  EXPECT_EQ(read()[0].exceeded.at("bw_in"), 3U);
}

TEST_F(Nic, card_that_does_not_answer_its_driver_tells_nothing) {
  kernel_.add("eth0", ena_statistics());
  const Statistics before = kernel_.all()[0].statistics;
  for (auto& [name, value] : kernel_.all()[0].statistics) value = 0;
  EXPECT_THAT(read(), IsEmpty());
  kernel_.all()[0].statistics = before;
  EXPECT_THAT(read(), SizeIs(1));
  // all at 0 with connections to spare is a good answer
  for (auto& [name, value] : kernel_.all()[0].statistics) value = name == "conntrack_allowance_available" ? 9 : 0;
  EXPECT_THAT(read(), SizeIs(1));
}

TEST_F(Nic, number_of_statistics_changes_between_the_calls) {
  for (const bool strict : {true, false}) {
    kernel_.is_strict = strict;
    kernel_.all().clear();
    FakeDevice& device = kernel_.add("eth" + std::to_string(strict ? 0 : 1), ena_statistics());
    int changes = 1;
    device.before_values = [&changes](FakeDevice& one) {
      if (changes-- > 0) one.statistics.insert(one.statistics.begin(), 20, {"queue_1_tx_cnt", 1});
    };
    const auto samples = read();
    ASSERT_THAT(samples, SizeIs(1));
    EXPECT_EQ(samples[0].exceeded.at("bw_in"), 512U);
    changes = 100;
    EXPECT_THAT(read(), IsEmpty());
    changes = 0;
    EXPECT_EQ(read()[0].exceeded.at("bw_in"), 512U);
  }
}

TEST_F(Nic, thousands_of_statistics) {
  Statistics many(20'000, {"queue_0_tx_cnt", 1});
  const Statistics ena = ena_statistics();
  many.insert(many.end(), ena.begin(), ena.end());
  kernel_.add("eth0", many);
  EXPECT_EQ(read()[0].exceeded.at("bw_in"), 512U);
}

TEST_F(Nic, numbers_of_statistics_that_make_no_sense) {
  for (const std::uint32_t count : {65537U, 0x80000000U, 0xffffffffU}) {
    kernel_.add("eth" + std::to_string(count), ena_statistics()).count_reported = count;
  }
  const auto samples = read();
  ASSERT_THAT(samples, SizeIs(3));
  for (const model::NicSample& one : samples) EXPECT_FALSE(one.counters_supported) << one.device;
}

TEST_F(Nic, names_that_fill_their_field) {
  kernel_.add("eth0", {{std::string(ETH_GSTRING_LEN, 'x'), 1},
                       {"bw_in_allowance_exceeded", 2},
                       {std::string(ETH_GSTRING_LEN, '\xff'), 3},
                       {"", 4},
                       {"bw_in_allowance_exceeded", 5}});
  FakeDevice& device = kernel_.all()[0];
  device.driver = std::string(32, 'd');
  device.version = "1\x1b[31m";
  const auto samples = read();
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_THAT(samples[0].exceeded, ElementsAre(Pair("bw_in", 2U)));  // the first of that name
  EXPECT_EQ(samples[0].driver, std::string(32, 'd'));
  EXPECT_EQ(samples[0].driver_version, "1\x1b[31m");
}

TEST_F(Nic, device_that_goes_meanwhile) {
  FakeDevice& device = kernel_.add("eth0", ena_statistics());
  device.values_error = ENODEV;
  EXPECT_THAT(read(), IsEmpty());
  kernel_.all()[0].values_error = 0;
  EXPECT_THAT(names(read()), ElementsAre("eth0"));
}

TEST_F(Nic, no_more_devices_than_that) {
  for (std::size_t i = 0; i < NicStatistics::kMaxDevices + 10; ++i) kernel_.add("veth" + std::to_string(i), {});
  EXPECT_THAT(read(), SizeIs(NicStatistics::kMaxDevices));
}

class Links {
 public:
  void add(int index, unsigned flags, std::string name, std::uint16_t type = IFLA_IFNAME) {
    ifinfomsg link{};
    link.ifi_index = index;
    link.ifi_flags = flags;
    std::vector<std::byte> body = bytes_of(&link, sizeof link);
    append(body, attribute(IFLA_ADDRESS, "\x02\x00\x00\x00\x00"));
    append(body, attribute(type, std::move(name)));
    message(RTM_NEWLINK, body);
  }
  void message(std::uint16_t type, const std::vector<std::byte>& body) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body.size());
    header.nlmsg_type = type;
    header.nlmsg_seq = kSequence;
    append(bytes_, bytes_of(&header, sizeof header));
    append(bytes_, body);
  }
  DevicesPart parse() const { return parse_devices(bytes_, kSequence); }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  static constexpr std::uint32_t kSequence = 5;
  static std::vector<std::byte> bytes_of(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    return {begin, begin + size};
  }
  static void append(std::vector<std::byte>& to, const std::vector<std::byte>& what) {
    to.insert(to.end(), what.begin(), what.end());
    to.resize(NLMSG_ALIGN(to.size()));
  }
  static std::vector<std::byte> attribute(std::uint16_t type, std::string text) {
    text += '\0';
    rtattr head{};
    head.rta_len = static_cast<std::uint16_t>(sizeof head + text.size());
    head.rta_type = type;
    std::vector<std::byte> all = bytes_of(&head, sizeof head);
    append(all, bytes_of(text.data(), text.size()));
    return all;
  }
  std::vector<std::byte> bytes_;
};

std::vector<std::string> names(const DevicesPart& part) {
  std::vector<std::string> all;
  for (const NetDevice& one : part.devices) all.push_back(std::to_string(one.index) + " " + one.name);
  return all;
}

TEST(Devices, that_are_up_without_loopback) {
  Links links;
  links.add(1, IFF_UP | IFF_LOOPBACK, "lo");
  links.add(2, IFF_UP | IFF_BROADCAST, "eth0");
  links.add(3, IFF_BROADCAST, "eth1");
  links.add(4, IFF_UP, "e\x1b[31m\xff");
  links.add(5, IFF_UP, "exactly15bytes!");
  links.add(6, IFF_UP, "");
  links.add(7, IFF_UP, "noname", IFLA_QDISC);
  EXPECT_THAT(names(links.parse()), ElementsAre("2 eth0", "4 e\x1b[31m\xff", "5 exactly15bytes!"));
  EXPECT_TRUE(links.parse().more);
  links.message(NLMSG_DONE, std::vector<std::byte>(4));
  links.add(8, IFF_UP, "eth2");
  EXPECT_THAT(names(links.parse()), SizeIs(3));
  EXPECT_FALSE(links.parse().more);
}

TEST(Devices, what_makes_no_sense_is_left_out) {
  Links links;
  links.message(RTM_NEWLINK, std::vector<std::byte>(3));
  links.add(2, IFF_UP, "eth0");
  EXPECT_THAT(names(links.parse()), ElementsAre("2 eth0"));
  for (std::size_t size = 0; size < links.bytes().size(); ++size) {
    Links cut = links;
    cut.bytes().resize(size);
    EXPECT_THAT(names(cut.parse()), IsEmpty()) << size;
  }
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same noise in every run
  for (int i = 0; i < 5000; ++i) {
    Links noisy = links;
    for (int j = 0; j < 5; ++j) noisy.bytes()[random() % noisy.bytes().size()] = static_cast<std::byte>(random());
    EXPECT_LE(noisy.parse().devices.size(), 2U);
  }
}

// Of this machine: needs no privileges for the own namespace.
TEST(NicStatistics, of_the_own_namespace) {
  const auto own = own_netns();
  ASSERT_TRUE(own);
  auto statistics = NicStatistics::open(*own);
  ASSERT_TRUE(statistics) << statistics.error().what;
  for (const model::NicSample& one : statistics->read(kAt)) {
    EXPECT_NE(one.device, "lo");
    EXPECT_NE(one.device, "");
    EXPECT_EQ(one.netns_inode, own->inode);
    EXPECT_EQ(one.counters_supported, !one.exceeded.empty()) << one.device;
  }
}

TEST(NicStatistics, of_what_is_no_namespace) {
  Netns none;
  none.fd = Fd(::dup(STDIN_FILENO));
  const auto statistics = NicStatistics::open(none);
  ASSERT_FALSE(statistics);
  EXPECT_EQ(statistics.error().exit_code, ExitCode::kNotAble);
}

}  // namespace
}  // namespace tcpdiag::host
