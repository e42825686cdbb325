// SPDX-License-Identifier: Apache-2.0
//
// Ends the virtual machine with a status. QEMU's isa-debug-exit device at port 0xf4 makes QEMU exit with (value << 1)
// | 1. The value is 16 + the test's status, so that success is 33: a panic (0), an init that ended (0) and QEMU's own
// failure (1) can never pass for it. Debian's cloud kernels have no /dev/port, hence ioperm and outl.

#include <sys/io.h>

#include <cstdlib>

int main(int argc, char** argv) {
  constexpr unsigned short kPort = 0xf4;
  constexpr unsigned kBase = 16;
  const int status = argc > 1 ? std::atoi(argv[1]) : 1;
  if (ioperm(kPort, 4, 1) != 0) return 1;
  outl(kBase + static_cast<unsigned>(status < 0 || status > 99 ? 99 : status), kPort);
  return 1;  // not reached: the machine is gone
}
