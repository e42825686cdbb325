# SPDX-License-Identifier: Apache-2.0
"""The virtual machines, in software emulation: how QEMU is called for each architecture."""

import dataclasses
import pathlib

import image

PASSED_RC = 33  # see exit_qemu.cpp


@dataclasses.dataclass(frozen=True)
class Machine:
    program: str
    options: tuple[str, ...]
    console: str
    exits: tuple[str, ...]  # by what exit_qemu ends it with a status

    def command(self, vmlinuz: pathlib.Path, disk: pathlib.Path, scratch: pathlib.Path, log: pathlib.Path, smp: int) -> list[str]:
        # "tcg" by name: with a /dev/kvm that does not work, KVM hangs.
        return [
            self.program, "-accel", "tcg,thread=multi", "-smp", str(smp), "-m", "1024", *self.options,
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-kernel", str(vmlinuz),
            "-append", f"console={self.console} quiet panic=-1 mitigations=off root={image.ROOT_DEVICE} rootwait "
                       "rootfstype=ext4 ro init=/opt/guest.sh",
            "-serial", f"file:{log}", *self.exits,
            "-drive", f"file={disk},format=raw,if=none,id=root,snapshot=on", "-device", "nvme,serial=root,drive=root",
            "-drive", f"file={scratch},format=raw,if=none,id=out", "-device", "nvme,serial=out,drive=out",
        ]


MACHINES = {
    "amd64": Machine("qemu-system-x86_64", ("-cpu", "max", "-machine", "q35"), "ttyS0",
                     ("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04")),
    # A Graviton's first generation; the pointer authentication of "max" takes four times as long to emulate.
    "arm64": Machine("qemu-system-aarch64", ("-cpu", "cortex-a72", "-machine", "virt"), "ttyAMA0",
                     ("-semihosting-config", "enable=on,userspace=on,target=native")),
}
