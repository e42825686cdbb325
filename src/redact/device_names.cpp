// SPDX-License-Identifier: Apache-2.0
#include "redact/device_names.h"

#include <algorithm>
#include <array>

namespace tcpdiag::redact {
namespace {

// Takes `word` and a number of at most five digits behind it off the beginning of `rest`.
bool take(std::string_view& rest, std::string_view word) {
  constexpr std::size_t kDigits = 5;
  if (!rest.starts_with(word)) return false;
  const std::string_view behind = rest.substr(word.size());
  const std::size_t digits = std::min(behind.find_first_not_of("0123456789"), behind.size());
  if (digits == 0 || digits > kDigits) return false;
  rest = behind.substr(digits);
  return true;
}

bool is_counted(std::string_view name) {
  return std::ranges::any_of(std::array<std::string_view, 3>{"eth", "wlan", "ib"}, [name](std::string_view kind) {
    std::string_view rest = name;
    return take(rest, kind) && rest.empty();
  });
}

// [P domain] p bus s slot, or o index, or s slot; then [f function] [n p port | d port]
bool is_placed(std::string_view rest) {
  if (!take(rest, "o")) {
    take(rest, "P");
    take(rest, "p");
    if (!take(rest, "s")) return false;
    take(rest, "f");
  }
  if (!take(rest, "np")) take(rest, "d");
  return rest.empty();
}

}  // namespace

bool is_plain_device(std::string_view name) {
  if (name == "lo" || is_counted(name)) return true;
  return (name.starts_with("en") || name.starts_with("wl") || name.starts_with("ib")) && is_placed(name.substr(2));
}

bool is_plain_driver(std::string_view name) {
  constexpr auto kDrivers = std::to_array<std::string_view>(
      {"ena",     "gve",      "hv_netvsc", "mana",  "virtio_net", "vmxnet3", "vif",       "xen_netfront",
       "e1000",   "e1000e",   "igb",       "igbvf", "igc",        "ixgbe",   "ixgbevf",   "i40e",
       "iavf",    "ice",      "r8169",     "tg3",   "mlx4_en",    "bnxt_en", "mlx5_core", "bnx2x",
       "qede",    "atlantic", "ionic",     "veth",  "bridge",     "tun",     "bonding",   "802.1Q VLAN Support",
       "macvlan", "ipvlan",   "vxlan",     "dummy", "wireguard",  "team"});
  return std::ranges::find(kDrivers, name) != kDrivers.end();
}

}  // namespace tcpdiag::redact
