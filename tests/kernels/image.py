# SPDX-License-Identifier: Apache-2.0
"""The guest's disk: one small ext4 image with programs, their libraries, and every kernel's modules. The programs are this
machine's own, or of another architecture out of Debian's packages.

No boot loader and no initramfs: the cloud kernels have NVMe and ext4 built in. mke2fs -d fills the image without a mount,
so none of this needs root.
"""

import os
import pathlib
import re
import shutil
import struct
import subprocess

# Disks are probed in parallel and may come up in either order, so the root file system is named by its partition.
DISK_ID = 0x74637064
PARTITION_START = 1 << 20
ROOT_DEVICE = f"PARTUUID={DISK_ID:08x}-01"

# What the guest's script calls. kmod is also modprobe, by which the kernel loads veth and nftables on demand.
PROGRAMS = ("bash", "cat", "env", "grep", "ip", "kmod", "mkdir", "mount", "nft", "sleep", "tail", "umount", "uname")
# The packages that have them; what these need comes along.
PACKAGES = ("bash", "coreutils", "grep", "iproute2", "kmod", "mount", "nftables")
NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/bash-completion", "var/lib/dpkg")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def find_program(name: str) -> pathlib.Path:
    found = shutil.which(name, path=PATH)
    if not found:
        raise FileNotFoundError(f"{name} is not installed: run scripts/setup --kernels")
    return pathlib.Path(found)


def libraries(binary: pathlib.Path) -> list[pathlib.Path]:
    done = subprocess.run(["ldd", str(binary)], text=True, capture_output=True)  # fails for a static binary
    return [pathlib.Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", done.stdout, re.MULTILINE)]


class Tree:
    """A root file system being put together in a folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("dev", "proc", "sys", "run", "tmp", "etc", "mnt", "root", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"):
            (folder / name).mkdir(parents=True)
        for link, to in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")):
            (folder / link).symlink_to(to)
        (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        (folder / "etc/hostname").write_text("guest\n")

    def add(self, source: pathlib.Path, target: str, executable: bool = True) -> None:
        """Copies a file to the path `target` inside the tree, and the libraries that it is linked with."""
        copy = self.folder / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copy(source.resolve(), copy)
            if executable:
                copy.chmod(0o755)
                for library in libraries(source):
                    self.add(library, str(library).lstrip("/"), executable=False)

    def add_own_programs(self) -> None:
        for name in PROGRAMS:
            self.add(find_program(name), f"usr/bin/{name}")
        (self.folder / "usr/bin/sh").symlink_to("bash")
        (self.folder / "usr/sbin/modprobe").symlink_to("../bin/kmod")

    def unpack(self, package: pathlib.Path) -> None:
        """The files of a Debian package; none of its scripts is run."""
        content = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
        # tar keeps the links that /bin and the like are; dpkg-deb -x would replace them.
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(self.folder),
                        *(f"--exclude=./{path}" for path in NOT_NEEDED)], stdin=content.stdout, check=True)
        if content.wait() != 0:
            raise subprocess.CalledProcessError(content.returncode, f"dpkg-deb {package}")

    def to_ext4(self, image: pathlib.Path) -> None:
        size = sum(p.lstat().st_size for p in self.folder.rglob("*") if p.is_file() and not p.is_symlink())
        size = (size * 5 // 4 + (16 << 20)) >> 20 << 20
        make_ext4(image, size, self.folder, PARTITION_START)
        write_partition_table(image, size)


def make_ext4(image: pathlib.Path, size_bytes: int, content: pathlib.Path | None = None, offset: int = 0) -> None:
    """An ext4 file system that starts `offset` bytes into the file."""
    with image.open("wb") as file:
        file.truncate(offset + size_bytes)
    command = [str(find_program("mke2fs")), "-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal",
               "-E", f"root_owner=0:0,offset={offset}"]
    if content is not None:
        command += ["-d", str(content)]
    subprocess.run(command + [str(image), f"{size_bytes >> 10}k"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def write_partition_table(image: pathlib.Path, size_bytes: int) -> None:
    """A classic partition table with one Linux partition, which the kernel then knows as PARTUUID=DISK_ID-01."""
    start, count, sector = PARTITION_START // 512, size_bytes // 512, bytearray(512)
    sector[440:444] = struct.pack("<I", DISK_ID)
    sector[446:462] = struct.pack("<BBBBBBBBII", 0, 0, 2, 0, 0x83, 0xFF, 0xFF, 0xFF, start, count)
    sector[510:512] = b"\x55\xaa"
    with image.open("r+b") as file:
        file.write(sector)


def extract(image: pathlib.Path, folder: pathlib.Path) -> None:
    """Copies all files out of an ext4 image."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([str(find_program("debugfs")), "-R", f"rdump / {folder}", str(image)],
                   stdin=subprocess.DEVNULL, capture_output=True)
