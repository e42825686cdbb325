// SPDX-License-Identifier: Apache-2.0
#include "util/uuid.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>

#include "util/io.h"

namespace tcpdiag {

std::string uuid_v4(std::array<std::uint8_t, 16> random) {
  random[6] = static_cast<std::uint8_t>((random[6] & 0x0F) | 0x40);
  random[8] = static_cast<std::uint8_t>((random[8] & 0x3F) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < random.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", random[i]);
  }
  return text;
}

Result<std::string> random_uuid() {
  std::array<std::uint8_t, 16> random{};
  // Up to 256 bytes come whole once the pool is initialised; a signal can interrupt only the wait before that.
  ssize_t got = 0;
  do {
    got = ::getrandom(random.data(), random.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(random.size())) {
    return fail(ExitCode::kNotAble, "the kernel gives no random numbers: " + errno_text(errno));
  }
  return uuid_v4(random);
}

}  // namespace tcpdiag
