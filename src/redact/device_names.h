// SPDX-License-Identifier: Apache-2.0
// Names of network devices and their drivers that tell nothing but where a card is plugged in, or who made it.
#pragma once

#include <string_view>

namespace tcpdiag::redact {

// "lo", "eth0", "wlan0", and what systemd makes of a card's place (systemd.net-naming-scheme(7)): "ens5", "eno1",
// "enp0s3", "enp129s0f0np0". Not those with a MAC address ("enx..."), not bridges, tunnels, VLANs and veths, whose
// names somebody chose.
bool is_plain_device(std::string_view name);

// A driver of the kernel or of a cloud's provider.
bool is_plain_driver(std::string_view name);

}  // namespace tcpdiag::redact
