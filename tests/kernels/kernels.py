# SPDX-License-Identifier: Apache-2.0
"""Debian's cloud kernels for the QEMU matrix: found, downloaded and cut down to what a guest needs.

apt does the work (signatures and checksums checked, its proxy and mirror settings obeyed) with lists and cache of its own,
so /etc/apt and /var/lib/apt are only read. The mirrors are those that this machine's own apt takes Debian from.
Kept of a kernel: vmlinuz and the modules named below with what they depend on, 12 to 20 MB.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import time

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FRESH_S = 24 * 3600  # a kernel fetched less than this ago is taken without asking the mirror
MODULES = (
    "veth", "dummy", "sch_tbf", "sch_netem", "tcp_diag", "nf_tables", "nft_reject_inet", "nft_numgen", "nft_ct",
    "nft_limit", "nft_counter",
)


class Missing(Exception):
    """This kernel is not to be had here: the mirror has no such suite, or there is no network."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    key: str
    suite: str
    package: str


@dataclasses.dataclass(frozen=True)
class Kernel:
    key: str
    release: str  # as uname -r prints it
    vmlinuz: pathlib.Path
    modules: pathlib.Path  # the folder .../lib/modules/<release>


def read_list(path: pathlib.Path) -> list[Wanted]:
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [Wanted(*fields) for fields in lines if fields]


def run(*command: str, env: dict | None = None, cwd: pathlib.Path | None = None) -> str:
    done = subprocess.run(command, env=env, cwd=cwd, text=True, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise Missing(f"{pathlib.Path(command[0]).name} {command[1]}: {words[0]}")
    return done.stdout


def mirror_of(suite: str) -> str:
    """Address of the archive that has this suite: security updates are in one of their own."""
    targets = run("apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages")
    for line in targets.splitlines():
        name, _, address = line.partition(" ")
        if name.endswith("-security") == suite.endswith("-security"):
            return address
    raise Missing(f"this machine's apt sources name no archive to take {suite} from")


class Cache:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.apt = folder / "apt"
        self.env: dict | None = None  # set once the lists are there
        self.why_no_lists: str | None = None

    def get(self, wanted: Wanted, suites: list[str], refresh: bool) -> Kernel:
        have = self._cached(wanted)
        if have and not refresh and time.time() - self._stamp(wanted).stat().st_mtime < FRESH_S:
            return have
        try:
            self._update(suites)
            packages = self._packages_of(wanted)
            if have is None or packages != self._stamp(wanted).read_text().split():
                self._download(wanted, packages)
            self._stamp(wanted).touch()
        except Missing:
            if have is None:
                raise
        return self._cached(wanted)

    def _stamp(self, wanted: Wanted) -> pathlib.Path:
        return self.folder / wanted.key / "package"  # written last: a kernel with it is complete

    def _cached(self, wanted: Wanted) -> Kernel | None:
        home = self.folder / wanted.key
        if not self._stamp(wanted).exists():
            return None
        modules = next((home / "lib/modules").iterdir())
        return Kernel(wanted.key, modules.name, home / "vmlinuz", modules)

    def _update(self, suites: list[str]) -> None:
        if self.why_no_lists:
            raise Missing(self.why_no_lists)
        if self.env is not None:
            return
        for part in ("state/lists/partial", "cache/archives/partial"):
            (self.apt / part).mkdir(parents=True, exist_ok=True)
        (self.apt / "status").touch()
        try:
            signed = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
            (self.apt / "sources.list").write_text("".join(f"deb {signed}{mirror_of(s)} {s} main\n" for s in suites))
            (self.apt / "apt.conf").write_text(
                f'Dir::State "{self.apt}/state";\nDir::State::status "{self.apt}/status";\n'
                f'Dir::Cache "{self.apt}/cache";\nDir::Etc::sourcelist "{self.apt}/sources.list";\n'
                'Dir::Etc::sourceparts "/nonexistent";\nAcquire::Languages "none";\nAPT::Sandbox::User "root";\n'
                'APT::Architecture "amd64";\nAcquire::Retries "2";\n'
                # A suite that is not maintained any more stays signed, but nobody renews its date.
                'Acquire::Check-Valid-Until "false";\n')
            env = dict(os.environ, APT_CONFIG=str(self.apt / "apt.conf"), LC_ALL="C")
            # A suite that is gone makes this return 100 while the other lists are good: _image_of() tells which.
            subprocess.run(["apt-get", "-qq", "update"], env=env, stdin=subprocess.DEVNULL, capture_output=True)
            self.env = env
        except Missing as error:
            self.why_no_lists = str(error)
            raise

    def _show(self, package: str) -> str:
        return subprocess.run(["apt-cache", "show", package], env=self.env, text=True, capture_output=True).stdout

    def _packages_of(self, wanted: Wanted) -> list[str]:
        """The packages that hold this kernel, as name=version: an image, since 7.2 its two halves."""
        image = self._needs(f"{wanted.package}/{wanted.suite}", "image")
        if not image:
            raise Missing(f"the mirror has no {wanted.package} in {wanted.suite}, or cannot be reached")
        return self._needs(image[0], "binary|modules") or image

    def _needs(self, package: str, kinds: str) -> list[str]:
        """What a package depends on that is a kernel's, as name=version."""
        depends = re.search(r"^Depends: (.*)", self._show(package), re.MULTILINE)
        return [f"{name}={version}" for name, version in
                re.findall(rf"(linux-(?:{kinds})-[^ ,]+) \(= ([^)]+)\)", depends[1] if depends else "")]

    def _download(self, wanted: Wanted, packages: list[str]) -> None:
        work = self.folder / f"{wanted.key}.new"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        run("apt-get", "-qq", "download", *packages, env=self.env, cwd=work)
        for package in work.glob("*.deb"):
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
        home = self.folder / wanted.key
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
