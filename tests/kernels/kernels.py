# SPDX-License-Identifier: Apache-2.0
"""Debian's cloud kernels for the QEMU matrix: found, downloaded and cut down to what a guest needs.

Kept of a kernel: vmlinuz and the modules named below with what they depend on, 12 to 20 MB.
"""

import dataclasses
import pathlib
import shutil
import time

from debian import Apt, Missing, run

FRESH_S = 24 * 3600  # a kernel fetched less than this ago is taken without asking the mirror
MODULES = (
    "veth", "dummy", "sch_tbf", "sch_netem", "tcp_diag", "nf_tables", "nft_reject_inet", "nft_numgen", "nft_ct",
    "nft_limit", "nft_counter",
)


@dataclasses.dataclass(frozen=True)
class Wanted:
    key: str
    arch: str
    suite: str
    package: str

    @property
    def folder(self) -> str:
        return self.key if self.arch == "amd64" else f"{self.key}-{self.arch}"


@dataclasses.dataclass(frozen=True)
class Kernel:
    wanted: Wanted
    release: str  # as uname -r prints it
    vmlinuz: pathlib.Path
    modules: pathlib.Path  # the folder .../lib/modules/<release>


def read_list(path: pathlib.Path, arch: str) -> list[Wanted]:
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [wanted for wanted in (Wanted(*fields) for fields in lines if fields) if wanted.arch == arch]


class Cache:
    def __init__(self, folder: pathlib.Path, apt: Apt):
        self.folder = folder
        self.apt = apt

    def get(self, wanted: Wanted, refresh: bool) -> Kernel:
        have = self._cached(wanted)
        if have and not refresh and time.time() - self._stamp(wanted).stat().st_mtime < FRESH_S:
            return have
        try:
            self.apt.update()
            packages = self._packages_of(wanted)
            if have is None or packages != self._stamp(wanted).read_text().split():
                self._download(wanted, packages)
            self._stamp(wanted).touch()
        except Missing:
            if have is None:
                raise
        return self._cached(wanted)

    def _stamp(self, wanted: Wanted) -> pathlib.Path:
        return self.folder / wanted.folder / "package"  # written last: a kernel with it is complete

    def _cached(self, wanted: Wanted) -> Kernel | None:
        home = self.folder / wanted.folder
        if not self._stamp(wanted).exists():
            return None
        modules = next((home / "lib/modules").iterdir())
        return Kernel(wanted, modules.name, home / "vmlinuz", modules)

    def _packages_of(self, wanted: Wanted) -> list[str]:
        """The packages that hold this kernel, as name=version: an image, since 7.2 its two halves."""
        image = self.apt.depends_of(f"{wanted.package}/{wanted.suite}", "linux-image-.*")
        if not image:
            raise Missing(f"the mirror has no {wanted.package} in {wanted.suite}, or cannot be reached")
        return self.apt.depends_of(image[0], "linux-(binary|modules)-.*") or image

    def _download(self, wanted: Wanted, packages: list[str]) -> None:
        work = self.folder / f"{wanted.folder}.new"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        for package in self.apt.download(packages, work):
            run("dpkg-deb", "-x", str(package), str(work / "all"))
            package.unlink()
        top = next(p for p in (work / "all", work / "all/usr") if (p / "lib/modules").is_dir())
        release = next((top / "lib/modules").iterdir()).name
        vmlinuz = next(p for p in (work / f"all/boot/vmlinuz-{release}", top / "lib/modules" / release / "vmlinuz")
                       if p.exists())
        shutil.copy(vmlinuz, work / "vmlinuz")
        keep_modules(top, work, release)
        shutil.rmtree(work / "all")
        (work / "package").write_text("\n".join(packages) + "\n")
        home = self.folder / wanted.folder
        shutil.rmtree(home, ignore_errors=True)
        work.rename(home)


def keep_modules(source: pathlib.Path, target: pathlib.Path, release: str) -> None:
    """Copies MODULES of `release` with all that they depend on, and makes their modules.dep."""
    tree = source / "lib/modules" / release
    run("depmod", "-b", str(source), release)
    for name in MODULES:
        try:
            steps = run("modprobe", "-d", str(source), "-S", release, "--show-depends", name)
        except Missing:
            continue  # part of another module in this kernel (nft_counter from 5.13)
        for line in steps.splitlines():
            if line.startswith("insmod "):
                file = pathlib.Path(line.split()[1])
                copy = target / "lib/modules" / release / file.relative_to(tree)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (tree / name).exists():
            shutil.copy(tree / name, target / "lib/modules" / release / name)
    run("depmod", "-b", str(target), release)
