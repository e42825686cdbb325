# SPDX-License-Identifier: Apache-2.0
"""Packages of any Debian suite and architecture, without touching this machine's apt.

apt does the work (signatures and checksums checked, its proxy and mirror settings obeyed) with lists and cache of its own,
so /etc/apt and /var/lib/apt are only read. The mirrors are those that this machine's own apt takes Debian from.
"""

import os
import pathlib
import re
import subprocess

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Missing(Exception):
    """It is not to be had here: the mirror has no such suite or package, or there is no network."""


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


class Apt:
    """The lists of some suites, fetched when first asked for."""

    def __init__(self, folder: pathlib.Path, arch: str, suites: list[str]):
        self.folder = folder
        self.arch = arch
        self.suites = suites
        self.env: dict | None = None  # set once the lists are there
        self.why_not: str | None = None

    def update(self) -> None:
        if self.why_not:
            raise Missing(self.why_not)
        if self.env is not None:
            return
        for part in ("state/lists/partial", "cache/archives/partial"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").write_text("")
        signed = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
        try:
            sources = "".join(f"deb {signed}{mirror_of(suite)} {suite} main\n" for suite in self.suites)
        except Missing as error:
            self.why_not = str(error)
            raise
        (self.folder / "sources.list").write_text(sources)
        (self.folder / "apt.conf").write_text(
            f'Dir::State "{self.folder}/state";\nDir::State::status "{self.folder}/status";\n'
            f'Dir::Cache "{self.folder}/cache";\nDir::Etc::sourcelist "{self.folder}/sources.list";\n'
            'Dir::Etc::sourceparts "/nonexistent";\nAcquire::Languages "none";\nAPT::Sandbox::User "root";\n'
            f'APT::Architecture "{self.arch}";\nAPT::Architectures {{ "{self.arch}"; }};\nAcquire::Retries "2";\n'
            'APT::Install-Recommends "false";\n'
            # A suite that is not maintained any more stays signed, but nobody renews its date.
            'Acquire::Check-Valid-Until "false";\n')
        env = dict(os.environ, APT_CONFIG=str(self.folder / "apt.conf"), LC_ALL="C")
        # A suite that is gone makes this return 100 while the other lists are good: depends_of() tells which.
        subprocess.run(["apt-get", "-qq", "update"], env=env, stdin=subprocess.DEVNULL, capture_output=True)
        self.env = env

    def depends_of(self, package: str, pattern: str) -> list[str]:
        """What a package depends on in just one version and is named like the pattern, as name=version."""
        shown = subprocess.run(["apt-cache", "show", package], env=self.env, text=True, capture_output=True).stdout
        depends = re.search(r"^Depends: (.*)", shown, re.MULTILINE)
        found = re.findall(r"([^ ,]+) \(= ([^)]+)\)", depends[1] if depends else "")
        return [f"{name}={version}" for name, version in found if re.fullmatch(pattern, name)]

    def download(self, packages: list[str], to: pathlib.Path) -> list[pathlib.Path]:
        run("apt-get", "-qq", "download", *packages, env=self.env, cwd=to)
        return sorted(to.glob("*.deb"))

    def download_closure(self, packages: list[str]) -> list[pathlib.Path]:
        """Packages, names or files, and all that they depend on. As an installation would have them: it is refused where
        something is not to be had."""
        # Only what is not there already is printed, so it looks in an empty folder.
        empty = self.folder / "cache/nothing"
        (empty / "partial").mkdir(parents=True, exist_ok=True)
        names = run("apt-get", "-qq", "--print-uris", "-o", f"Dir::Cache::archives={empty}", "install", *packages, env=self.env)
        run("apt-get", "-qq", "--yes", "--download-only", "install", *packages, env=self.env)
        archives = self.folder / "cache/archives"
        own = [pathlib.Path(package) for package in packages if package.endswith(".deb")]
        return own + [archives / line.split()[1] for line in names.splitlines() if line.startswith("'http")]
