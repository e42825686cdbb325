// SPDX-License-Identifier: Apache-2.0
//
// Ends the virtual machine with a status. QEMU's own status is then ((16 + the test's status) << 1) | 1, so that
// success is 33: a panic (0), an init that ended (0) and QEMU's own failure (1) can never pass for it.
//
// x86: the isa-debug-exit device at port 0xf4 makes QEMU exit with (value << 1) | 1. Debian's cloud kernels have no
// /dev/port, hence ioperm and outl. arm64: semihosting's SYS_EXIT takes the status as it is.

#include <cstdint>
#include <cstdlib>

#ifdef __x86_64__
#include <sys/io.h>

static void end_machine(unsigned value) {
  constexpr unsigned short kPort = 0xf4;
  if (ioperm(kPort, 4, 1) == 0) outl(value, kPort);
}
#else
static void end_machine(unsigned value) {
  constexpr std::uint64_t kSysExit = 0x18;
  constexpr std::uint64_t kApplicationExit = 0x20026;
  const std::uint64_t reason[2] = {kApplicationExit, (value << 1) | 1};
  register std::uint64_t operation asm("x0") = kSysExit;
  register const std::uint64_t* block asm("x1") = reason;
  asm volatile("hlt #0xf000" : "+r"(operation) : "r"(block) : "memory");
}
#endif

int main(int argc, char** argv) {
  constexpr unsigned kBase = 16;
  const int status = argc > 1 ? std::atoi(argv[1]) : 1;
  end_machine(kBase + static_cast<unsigned>(status < 0 || status > 99 ? 99 : status));
  return 1;  // not reached: the machine is gone
}
