// SPDX-License-Identifier: Apache-2.0
#include "host/nic.h"

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "host/netlink.h"
#include "util/fd.h"
#include "util/io.h"

namespace tcpdiag::host {
namespace {

constexpr int kTries = 3;  // that the number of statistics may change between two calls

// The ENA driver's names (drivers/net/ethernet/amazon/ena/ena_ethtool.c, ena_hw_stats_strings). Which of them are there
// depends on the driver and on the instance: they are looked up, whatever the driver is called.
constexpr std::string_view kExceeded = "_allowance_exceeded";
constexpr std::string_view kConntrackAvailable = "conntrack_allowance_available";

// Of a field that may fill its space to the last byte.
template <std::size_t N>
std::string text_of(const std::array<char, N>& field) {
  return std::string(field.begin(), std::find(field.begin(), field.end(), '\0'));
}

template <std::size_t N>
std::string text_of(const char (&field)[N]) {  // NOLINT(*-avoid-c-arrays): the kernel's structs have them
  return std::string(std::begin(field), std::find(std::begin(field), std::end(field), '\0'));
}

class KernelEthtool : public EthtoolLayer {
 public:
  KernelEthtool(Fd socket, Fd links) : socket_(std::move(socket)), links_(std::move(links)) {}

  std::vector<NetDevice> devices() override {
    struct {
      nlmsghdr header;
      ifinfomsg link;
      rtattr attribute;
      std::uint32_t skipped;
    } message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = RTM_GETLINK;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.header.nlmsg_seq = ++sequence_;
    message.attribute = {.rta_len = RTA_LENGTH(sizeof message.skipped), .rta_type = IFLA_EXT_MASK};
    message.skipped = RTEXT_FILTER_SKIP_STATS;  // which would take longest
    std::vector<NetDevice> all;
    netlink_dump(links_.get(), std::as_bytes(std::span(&message, 1)), [&](std::span<const std::byte> datagram) {
      DevicesPart part = parse_devices(datagram, sequence_);
      for (NetDevice& one : part.devices) all.push_back(std::move(one));
      return part.more;
    });
    return all;
  }

  int ethtool(const std::string& device, void* request) override {
    ifreq interface {};
    if (device.size() >= sizeof interface.ifr_name) return ENODEV;
    std::memcpy(interface.ifr_name, device.data(), device.size());
    interface.ifr_data = static_cast<char*>(request);
    return ::ioctl(socket_.get(), SIOCETHTOOL, &interface) == 0 ? 0 : errno;
  }

 private:
  Fd socket_;
  Fd links_;  // NETLINK_ROUTE
  std::uint32_t sequence_ = 0;
};

// A struct of linux/ethtool.h with room behind it for `count` items of `size` bytes. Twice as many and some more fit:
// before commit 7b07be1ff1cb the kernel writes as many as there are by then, however many were asked for.
template <typename Header>
class Request {
 public:
  Request(std::uint32_t command, std::size_t count, std::size_t size) : words_(words_for(count, size)) {
    header().cmd = command;
  }
  Header& header() { return *reinterpret_cast<Header*>(words_.data()); }  // NOLINT(*-reinterpret-cast): as the ioctl
  void copy_items(void* to, std::size_t bytes) const {
    const auto* begin = reinterpret_cast<const std::byte*>(words_.data());  // NOLINT(*-reinterpret-cast): its bytes
    std::memcpy(to, begin + sizeof(Header), bytes);
  }
  void* data() { return words_.data(); }

 private:
  static constexpr std::size_t kMore = 1024;
  static std::size_t words_for(std::size_t count, std::size_t size) {
    const std::size_t bytes = sizeof(Header) + (2 * count + kMore) * size;
    return (bytes + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t);
  }
  std::vector<std::uint64_t> words_;  // aligned for all of them
};

}  // namespace

DevicesPart parse_devices(std::span<const std::byte> datagram, std::uint32_t sequence) {
  DevicesPart part;
  part.more = for_each_message(datagram, sequence, [&part](std::uint16_t type, std::span<const std::byte> body) {
    ifinfomsg link{};
    if (type != RTM_NEWLINK || body.size() < sizeof link) return;
    std::memcpy(&link, body.data(), sizeof link);
    if ((link.ifi_flags & IFF_UP) == 0 || (link.ifi_flags & IFF_LOOPBACK) != 0) return;
    std::span<const std::byte> rest = body.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof link), body.size()));
    rtattr attribute{};
    while (rest.size() >= sizeof attribute) {
      std::memcpy(&attribute, rest.data(), sizeof attribute);
      if (attribute.rta_len < sizeof attribute || attribute.rta_len > rest.size()) return;
      if (attribute.rta_type == IFLA_IFNAME) {
        std::array<char, IFNAMSIZ> name{};
        const std::size_t length = std::min<std::size_t>(attribute.rta_len - sizeof attribute, name.size());
        std::memcpy(name.data(), rest.data() + sizeof attribute, length);
        std::string text = text_of(name);
        if (!text.empty()) part.devices.push_back({.index = link.ifi_index, .name = std::move(text)});
        return;
      }
      rest = rest.subspan(std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), rest.size()));
    }
  });
  return part;
}

Result<NicStatistics> NicStatistics::open(const Netns& netns) {
  Fd socket;
  Fd links;
  int error = 0;
  const Result<> entered = run_in_netns(netns, [&] {
    // Of a namespace is what a socket was made in; any kind of socket will do for the ioctl.
    socket = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (socket) links = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    error = links ? 0 : errno;
  });
  if (!entered) return tl::unexpected(entered.error());
  if (error != 0) {
    return fail(ExitCode::kNotAble, "cannot ask for the network devices' statistics: " + errno_text(error),
                cure_of(error, ""));
  }
  return NicStatistics(netns.inode, std::make_unique<KernelEthtool>(std::move(socket), std::move(links)));
}

NicStatistics::NicStatistics(std::uint32_t netns_inode, std::unique_ptr<EthtoolLayer> layer)
    : netns_inode_(netns_inode), layer_(std::move(layer)) {}

std::vector<model::NicSample> NicStatistics::read(model::MonoTime at) {
  std::vector<NetDevice> devices = layer_->devices();
  if (devices.size() > kMaxDevices) devices.resize(kMaxDevices);
  std::set<int> present;
  for (const NetDevice& device : devices) present.insert(device.index);
  std::erase_if(drivers_, [&present](const auto& one) { return !present.contains(one.first); });

  std::vector<model::NicSample> samples;
  for (const NetDevice& device : devices) {
    auto known = drivers_.find(device.index);
    if (known == drivers_.end()) {
      ethtool_drvinfo info{};
      info.cmd = ETHTOOL_GDRVINFO;
      const int error = layer_->ethtool(device.name, &info);
      if (error == ENODEV) continue;
      Driver driver;
      if (error == 0) {
        driver.name = text_of(info.driver);
        driver.version = text_of(info.version);
      }
      known = drivers_.emplace(device.index, std::move(driver)).first;
    }
    Driver& driver = known->second;
    if (driver.reported_without_counters) continue;
    model::NicSample sample;
    sample.at = at;
    sample.device = device.name;
    sample.netns_inode = netns_inode_;
    sample.driver = driver.name;
    sample.driver_version = driver.version;
    const Reading reading = read_counters(device.name, sample);
    if (reading == Reading::kNotNow) continue;
    sample.counters_supported = reading == Reading::kRead;
    driver.reported_without_counters = reading == Reading::kNoCounters;
    samples.push_back(std::move(sample));
  }
  std::ranges::stable_sort(samples, std::greater<>(), &model::NicSample::counters_supported);
  return samples;
}

NicStatistics::Reading NicStatistics::read_counters(const std::string& device, model::NicSample& sample) {
  std::vector<std::string> names;
  std::vector<std::uint64_t> values;
  Reading reading = Reading::kNotNow;
  for (int i = 0; i < kTries && reading == Reading::kNotNow; ++i) reading = try_read(device, names, values);
  if (reading != Reading::kRead) return reading;
  bool any_moved = false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view name = names[i];
    if (name == kConntrackAvailable) sample.conntrack_available = values[i];
    if (!name.ends_with(kExceeded)) continue;
    const std::string_view allowance = name.substr(0, name.size() - kExceeded.size());
    if (std::ranges::find(model::kAllowances, allowance) == model::kAllowances.end()) continue;
    sample.exceeded.emplace(allowance, values[i]);
    any_moved = any_moved || values[i] != 0;
  }
  if (sample.exceeded.empty()) return Reading::kNoCounters;
  // When the card does not answer its driver, all of them are 0 (ena_metrics_stats() does not look at the result): no
  // reset of the counters, and no lack of connections either.
  if (!any_moved && sample.conntrack_available == 0U) return Reading::kNotNow;
  return Reading::kRead;
}

// kNotNow: the device went, or its number of statistics changed on the way.
NicStatistics::Reading NicStatistics::try_read(const std::string& device, std::vector<std::string>& names,
                                               std::vector<std::uint64_t>& values) {
  const auto failed = [](int error) { return error == ENODEV ? Reading::kNotNow : Reading::kNoCounters; };
  Request<ethtool_sset_info> info(ETHTOOL_GSSET_INFO, 1, sizeof(std::uint32_t));
  info.header().sset_mask = std::uint64_t{1} << ETH_SS_STATS;
  if (const int error = layer_->ethtool(device, info.data()); error != 0) return failed(error);
  if (info.header().sset_mask == 0) return Reading::kNoCounters;
  std::uint32_t count = 0;
  info.copy_items(&count, sizeof count);
  if (count == 0 || count > kMaxStatistics) return Reading::kNoCounters;

  Request<ethtool_gstrings> strings(ETHTOOL_GSTRINGS, count, ETH_GSTRING_LEN);
  strings.header().string_set = ETH_SS_STATS;
  strings.header().len = count;
  if (const int error = layer_->ethtool(device, strings.data()); error != 0) return failed(error);
  Request<ethtool_stats> stats(ETHTOOL_GSTATS, count, sizeof(std::uint64_t));
  stats.header().n_stats = count;
  if (const int error = layer_->ethtool(device, stats.data()); error != 0) return failed(error);
  if (strings.header().len != count || stats.header().n_stats != count) return Reading::kNotNow;

  std::vector<std::array<char, ETH_GSTRING_LEN>> table(count);
  strings.copy_items(table.data(), table.size() * sizeof table[0]);
  names.resize(count);
  std::ranges::transform(table, names.begin(), [](const auto& field) { return text_of(field); });
  values.resize(count);
  stats.copy_items(values.data(), values.size() * sizeof values[0]);
  return Reading::kRead;
}

}  // namespace tcpdiag::host
