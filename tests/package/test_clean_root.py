#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package in a Debian 12 that has nothing else: apt installs it with what it needs, it works, and when it is
purged nothing is left.

The root is unpacked from an archive that mmdebstrap makes once (build/package-cache). What runs in it has mounts and
process numbers of its own, which end with it, whatever happens.
"""

import os
import pathlib
import platform
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from package_case import SOURCE_DIR, build_packages, built_package, main, run

SUITE = "bookworm"
CACHE = SOURCE_DIR / "build" / "package-cache"
ARCHIVE = CACHE / f"{SUITE}-{platform.machine()}.tar"
MIRROR_S = 900
# Kept by dpkg, apt and ldconfig for themselves, and what is no part of an installation.
OTHERS = re.compile(r"(var/(lib/(dpkg|apt)|cache/(apt|debconf|ldconfig)|log)|etc/ld\.so\.cache|run|tmp|proc|sys|dev)(/|$)")
# $1 is the root, $2 what runs in it.
ENTER = """
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
  bash -ec "$2"
"""


def make_archive() -> None:
    if ARCHIVE.exists():
        return
    if not shutil.which("mmdebstrap"):
        raise unittest.SkipTest("mmdebstrap is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    new = ARCHIVE.with_suffix(".new.tar")
    mirror = os.environ.get("TCPDIAG_DEBIAN_MIRROR")
    result = run("mmdebstrap", "--variant=minbase", "--skip=cleanup/apt/lists", SUITE, new, *([mirror] if mirror else []),
                 timeout=MIRROR_S)
    if result.returncode != 0:
        new.unlink(missing_ok=True)
        raise unittest.SkipTest(f"mmdebstrap could not make a root: {result.stderr.strip().splitlines()[-1]}")
    new.rename(ARCHIVE)


class CleanRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("not root: sudo scripts/test --label package")
        make_archive()
        build_packages()
        cls.package = built_package()
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="root.", dir=CACHE))
        cls.addClassCleanup(cls.remove_root)
        cls.root.chmod(0o755)
        subprocess.run(["tar", "-xf", ARCHIVE, "--numeric-owner", "-C", cls.root], check=True, timeout=120)
        resolver = cls.root / "etc" / "resolv.conf"
        resolver.unlink(missing_ok=True)
        shutil.copy("/etc/resolv.conf", resolver)
        shutil.copy(cls.package, cls.root / cls.package.name)  # not its /tmp, where everybody may write
        cls.before = cls.files()
        cls.install()

    @classmethod
    def remove_root(cls):
        mounted = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        left = [path for path in mounted if path.startswith(f"{cls.root}/")]
        assert not left, f"still mounted: {left}"
        shutil.rmtree(cls.root)

    @classmethod
    def inside(cls, script: str, timeout: float = 120) -> subprocess.CompletedProcess:
        return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-ec", ENTER, "sh", cls.root, script,
                   timeout=timeout)

    @classmethod
    def install(cls) -> None:
        command = f"apt-get -q -y install /{cls.package.name}"
        result = cls.inside(command, MIRROR_S)
        if result.returncode != 0:  # The lists are as old as the archive: what they name may be gone.
            result = cls.inside(f"apt-get -q update && {command}", MIRROR_S)
        if result.returncode != 0:
            raise AssertionError(f"apt could not install it:\n{result.stdout}{result.stderr}")
        cls.installed = result.stdout
        print(*re.findall(r"(?m)^(?:Need to get|After this operation).*", result.stdout), sep="\n")

    @classmethod
    def files(cls) -> dict[str, tuple]:
        """Path: kind and permissions, owner, and the size of a file. Of all but OTHERS."""
        found = {}
        for folder, folders, names in os.walk(cls.root):
            for name in [*folders, *names]:
                path = os.path.join(folder, name)
                inner = os.path.relpath(path, cls.root)
                if not OTHERS.match(inner):
                    status = os.lstat(path)
                    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
                    found[inner] = (oct(status.st_mode), status.st_uid, status.st_gid, size)
        return found

    def says(self, script: str) -> str:
        result = self.inside(script)
        self.assertEqual((result.returncode, result.stderr), (0, ""), f"{script}\n{result.stdout}")
        return result.stdout

    def test_1_is_installed_whole(self):
        self.assertEqual(self.says("dpkg --verify tcpdiag; dpkg-query -W -f '${Status}' tcpdiag"), "install ok installed")

    def test_2_runs_nothing_when_it_is_installed(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("dpkg-deb", "--control", self.package, folder).returncode, 0)
            self.assertEqual(sorted(os.listdir(folder)), ["control", "md5sums"])
        paths = self.says("dpkg -L tcpdiag").splitlines()
        self.assertEqual([path for path in paths if re.match(r"/(etc|lib|usr/lib|var)/", path)], [])

    def test_3_version_and_help(self):
        self.assertRegex(self.says("tcpdiag --version"), r"^tcpdiag \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?\)\n$")
        self.assertIn("Commands:\n  trace ", self.says("tcpdiag --help"))

    def test_4_commands_without_privileges(self):
        self.assertIn("233", self.says("su nobody -s /bin/bash -c 'tcpdiag size --baseline 64mbit --response 32KiB'"))

    def test_5_doctor(self):
        if "  doctor " not in self.says("tcpdiag --help"):
            self.skipTest("this program has no doctor")
        result = self.inside("tcpdiag doctor")
        self.assertIn(result.returncode, (0, 3), result.stderr)  # what it says depends on this kernel
        self.assertNotEqual(result.stdout, "")

    def test_6_manual_pages(self):
        commands = re.findall(r"(?m)^  (\w+) ", self.says("tcpdiag --help").partition("Commands:")[2].partition("\n\n")[0])
        for name in ["tcpdiag", *(f"tcpdiag-{command}" for command in commands)]:
            page = self.root / "usr/share/man/man1" / f"{name}.1.gz"
            text = run("gzip", "-dc", page).stdout
            self.assertIn(f".Dt {name.upper()} 1", text)
            if shutil.which("man"):
                shown = run("man", "--warnings", "--local-file", page, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))
                self.assertIn("OVERHEAD", shown.stdout)

    def test_7_completion(self):
        script = """
          source /usr/share/bash-completion/completions/tcpdiag
          COMP_WORDS=(tcpdiag size --instance cache.t4g.mi) COMP_CWORD=3
          _tcpdiag
          echo "${COMPREPLY[*]}" """
        self.assertEqual(self.says(script), "cache.t4g.micro\n")
        self.assertTrue((self.root / "usr/share/zsh/vendor-completions/_tcpdiag").is_file())

    def test_8_documents(self):
        folder = self.root / "usr/share/doc/tcpdiag"
        for name in ("README.md", "changelog.gz", "changelog.Debian.gz", "copyright", "docs/cli.md", "docs/findings.md",
                     "docs/report.schema.json", "docs/size.schema.json"):
            self.assertTrue((folder / name).is_file(), name)
        # What the README and the documents link to is there.
        for document in folder.rglob("*.md"):
            for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text()):
                self.assertTrue((document.parent / target).exists(), f"{document.name}: {target}")

    def test_9_purge_leaves_nothing(self):
        own = [path for path in self.says("dpkg -L tcpdiag").splitlines() if "tcpdiag" in path]
        self.says("apt-get -q -y purge tcpdiag")
        self.assertEqual([path for path in own if os.path.lexists(f"{self.root}{path}")], [])
        self.says("apt-get -q -y autoremove --purge")
        after = self.files()
        self.assertEqual(sorted(after.items() ^ self.before.items()), [])


if __name__ == "__main__":
    main()
