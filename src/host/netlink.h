// SPDX-License-Identifier: Apache-2.0
// Dumps over netlink(7): a request, and an answer of many messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace tcpdiag::host {

// Sends `request` and hands each datagram of the answer to `take` until that returns false. Nothing is waited for: the
// kernel makes each datagram of a dump before it hands out the one before. Where it fails, the rest is missing.
void netlink_dump(int fd, std::span<const std::byte> request,
                  const std::function<bool(std::span<const std::byte>)>& take);

// Calls `visit` with the type and the body of each message of `datagram` that has this sequence number; others are left
// of a dump that was not read to its end. Stops where the datagram makes no sense. False: the dump ended here, or with
// an error.
bool for_each_message(std::span<const std::byte> datagram, std::uint32_t sequence,
                      const std::function<void(std::uint16_t type, std::span<const std::byte> body)>& visit);

}  // namespace tcpdiag::host
