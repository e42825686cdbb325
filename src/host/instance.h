// SPDX-License-Identifier: Apache-2.0
// Which type of EC2 instance this host is, as far as it can be told without asking anybody.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tcpdiag::host {

// Whether `text` has the form of an instance or node type: 1 to 64 of a-z, 0-9, '.' and '-', a letter first, as in
// "t4g.micro", "u-6tb1.metal" or "cache.m7g.large". Whether there is such a type is not known here.
bool is_instance_type(std::string_view text);

// From the firmware's tables: on Nitro sys_vendor is "Amazon EC2" and product_name is the type; on Xen, which tells
// "HVM domU" there, and everywhere else nothing. `dmi` is the directory of those files.
std::optional<std::string> instance_type_from_dmi(const std::string& dmi = "/sys/class/dmi/id");

}  // namespace tcpdiag::host
