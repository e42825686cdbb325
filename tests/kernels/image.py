# SPDX-License-Identifier: Apache-2.0
"""The guest's disk: one small ext4 image with this machine's own programs, their libraries, and every kernel's modules.

No boot loader and no initramfs: the cloud kernels have NVMe and ext4 built in. mke2fs -d fills the image without a mount,
so none of this needs root.
"""

import os
import pathlib
import re
import shutil
import subprocess

# What the guest's script calls. kmod is also modprobe, by which the kernel loads veth and nftables on demand.
PROGRAMS = ("bash", "cat", "env", "grep", "ip", "kmod", "mkdir", "mount", "nft", "sleep", "tail", "umount", "uname")
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
        for name in ("dev", "proc", "sys", "run", "tmp", "etc", "mnt", "root", "usr/bin", "usr/lib", "usr/lib64"):
            (folder / name).mkdir(parents=True)
        for link, to in (("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64"),
                         ("usr/sbin", "bin")):
            (folder / link).symlink_to(to)
        (folder / "usr/bin/modprobe").symlink_to("kmod")
        (folder / "usr/bin/sh").symlink_to("bash")
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

    def to_ext4(self, image: pathlib.Path) -> None:
        size = sum(p.lstat().st_size for p in self.folder.rglob("*") if p.is_file() and not p.is_symlink())
        make_ext4(image, size * 5 // 4 + (16 << 20), self.folder)


def make_ext4(image: pathlib.Path, size_bytes: int, content: pathlib.Path | None = None) -> None:
    image.unlink(missing_ok=True)
    command = [str(find_program("mke2fs")), "-q", "-t", "ext4", "-m", "0", "-O", "^has_journal", "-E", "root_owner=0:0"]
    if content is not None:
        command += ["-d", str(content)]
    subprocess.run(command + [str(image), f"{size_bytes >> 10}k"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def extract(image: pathlib.Path, folder: pathlib.Path) -> None:
    """Copies all files out of an ext4 image."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([str(find_program("debugfs")), "-R", f"rdump / {folder}", str(image)],
                   stdin=subprocess.DEVNULL, capture_output=True)
