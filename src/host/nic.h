// SPDX-License-Identifier: Apache-2.0
// What the drivers of a namespace's network devices count of a cloud's allowances, as `ethtool -S` shows it. Netlink
// does not tell a driver's own statistics (Documentation/networking/ethtool-netlink.rst: ETHTOOL_GSTATS, "n/a"), so it
// is the ioctl, which needs no privileges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/netns.h"
#include "model/sample.h"
#include "model/time.h"
#include "util/result.h"

namespace tcpdiag::host {

struct NetDevice {
  int index = 0;     // stays when the device is renamed
  std::string name;  // untrusted: any bytes but '/' and blanks
};

// The kernel's side of it. Tests answer in its place.
class EthtoolLayer {
 public:
  virtual ~EthtoolLayer() = default;
  // Devices of the namespace that are up, without loopback.
  virtual std::vector<NetDevice> devices() = 0;
  // ioctl SIOCETHTOOL; `request` is a struct of linux/ethtool.h, which is overwritten. 0 or errno.
  virtual int ethtool(const std::string& device, void* request) = 0;
};

class NicStatistics {
 public:
  static constexpr std::size_t kMaxDevices = 1024;        // the rest is left out
  static constexpr std::uint32_t kMaxStatistics = 65536;  // of one device; one with more counts as having none

  // Opens the sockets in the namespace and keeps them, which keeps the namespace alive too (see NetnsUsers). Error
  // (kNotAble): not permitted to enter it, or no sockets left.
  static Result<NicStatistics> open(const Netns& netns);
  NicStatistics(std::uint32_t netns_inode, std::unique_ptr<EthtoolLayer> layer);

  // Each device that has allowance counters, and each other one once: in the first call that meets it. Those with
  // counters come first. A device whose counters cannot be read this time, or whose driver failed to ask the card, is
  // left out.
  std::vector<model::NicSample> read(model::MonoTime at);

 private:
  enum class Reading : std::uint8_t { kRead, kNoCounters, kNotNow };
  struct Driver {
    std::string name;
    std::string version;
    bool reported_without_counters = false;
  };

  Reading read_counters(const std::string& device, model::NicSample& sample);
  Reading try_read(const std::string& device, std::vector<std::string>& names, std::vector<std::uint64_t>& values);

  std::uint32_t netns_inode_;
  std::unique_ptr<EthtoolLayer> layer_;
  std::map<int, Driver> drivers_;  // by the device's index; of those that are there
};

// One datagram of a dump of devices (rtnetlink(7), RTM_NEWLINK): those that are up, without loopback.
struct DevicesPart {
  std::vector<NetDevice> devices;
  bool more = true;  // another datagram follows; false: this was the end, or an error
};
DevicesPart parse_devices(std::span<const std::byte> datagram, std::uint32_t sequence);

}  // namespace tcpdiag::host
