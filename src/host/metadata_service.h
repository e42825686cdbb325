// SPDX-License-Identifier: Apache-2.0
// EC2's instance metadata service, version 2 (a token first): the only thing that this program asks of a network, and
// only when it is told to.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "util/result.h"

namespace tcpdiag::host {

// Tests give a server of their own.
struct MetadataService {
  std::string address = "169.254.169.254";  // IPv4; link-local: answered by the hypervisor
  std::uint16_t port = 80;
  std::chrono::milliseconds limit{1000};  // for all of it. A container may get no answer: the hop limit is 1 as a rule
};

// The instance type. No proxy, no redirect and no name is followed; an answer is taken up to 4 KiB and only if it has
// the form of a type. Errors (kFailed): no service here, no answer in time, one that makes no sense.
Result<std::string> ask_instance_type(const MetadataService& service = {});

}  // namespace tcpdiag::host
