#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The completion for bash and zsh: what is offered is what the program takes."""

import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

from package_case import MADE, PROGRAM, main, run

from completion import WORDS
from help_text import ask_all

BASH = MADE / "completion" / "tcpdiag.bash"
ZSH = MADE / "completion" / "_tcpdiag"
# Without bash-completion, as a minimal system has it.
ASK_BASH = """set -eu; source "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _tcpdiag; printf '%s\\n' "${COMPREPLY[@]}" """


class Bash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.helps = ask_all([PROGRAM])

    def offered(self, *words: str, **options) -> list[str]:
        """For the last of the words, as readline splits them."""
        result = run("bash", "--norc", "-c", ASK_BASH, "bash", BASH, "tcpdiag", *words, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""), words)
        return result.stdout.split()

    def test_loads_without_a_word(self):
        for shell in (["bash", "--norc", "-u"], ["bash", "--norc", "--posix"]):
            result = run(*shell, "-c", 'source "$1" && complete -p tcpdiag', "bash", BASH)
            self.assertEqual((result.stdout.strip(), result.stderr), ("complete -F _tcpdiag tcpdiag", ""), shell)

    def test_commands(self):
        self.assertEqual(self.offered(""), list(self.helps[""].commands))
        self.assertEqual(self.offered("tr"), ["trace"])
        self.assertEqual(set(self.offered("-")), self.helps[""].option_names())

    def test_options_of_each_command(self):
        for name, help_ in self.helps.items():
            if name:
                self.assertEqual(set(self.offered(name, "-")), help_.option_names())

    def test_offered_words_are_those_that_the_program_takes(self):
        """Asked for nonsense, the program names the words that it would have taken."""
        for name, help_ in self.helps.items():
            for option in help_.options():
                if option.value not in WORDS:
                    continue
                operands = [word for word in help_.operands[0].split() if not word.startswith("[")]
                error = run(PROGRAM, name, option.names[-1], "nonsense", *operands).stderr
                taken = set(re.findall(r"\w+", error.partition("; ")[2])) & set(WORDS[option.value])
                self.assertEqual(set(self.offered(name, option.names[-1], "")), taken, f"{name}: {error}")

    def test_value_behind_an_equals_sign(self):
        self.assertEqual(self.offered("trace", "--format", "=", "js"), ["json"])
        self.assertEqual(self.offered("trace", "--format", "="), self.offered("trace", "--format", ""))

    def test_a_value_is_no_operand(self):
        self.assertEqual(self.offered("trace", "-d", "5s", "po"), ["port", "portrange"])
        self.assertEqual(self.offered("trace", "-d", "po"), [])
        self.assertEqual(self.offered("trace", "--format", "=", "json", "por"), ["port", "portrange"])

    def test_instance_types(self):
        offered = self.offered("size", "--instance", "cache.t4g.")
        self.assertEqual(sorted(offered), ["cache.t4g.medium", "cache.t4g.micro", "cache.t4g.small"])
        for name in offered:
            self.assertEqual(run(PROGRAM, "size", "--instance", name, "--response", "1K").returncode, 0)

    def test_files_also_with_blanks(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a b.json", "c.json"):
                with open(os.path.join(folder, name), "w", encoding="ascii"):
                    pass
            self.assertEqual(self.offered("size", "a", cwd=folder), ["a", "b.json"])
            self.assertEqual(self.offered("trace", "-o", "c", cwd=folder), ["c.json"])

    def test_processes_also_in_a_list(self):
        pid = str(os.getpid())
        self.assertIn(pid, self.offered("trace", "-p", pid))
        self.assertIn(f"1,{pid}", self.offered("trace", "-p", f"1,{pid}"))

    def test_name_of_a_process_that_a_shell_would_run_is_not_offered(self):
        hostile = subprocess.Popen(["bash", "-c", "printf 'evil$(id)' >/proc/self/comm; echo; read"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        try:
            hostile.stdout.readline()
            self.assertEqual(self.offered("trace", "--comm", "evil"), [])
        finally:
            hostile.communicate(b"\n")

    def test_nonsense_is_survived(self):
        for words in (["bogus", ""], ["trace", "--bogus", ""], ["=", "="], ["trace", "-"], ["trace", "*"], ["size", "$(id)", "'"]):
            self.offered(*words)


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class Zsh(unittest.TestCase):
    DEADLINE_S = 30

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        shutil.copy(ZSH, self.folder.name)
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"],
                       {"HOME": self.folder.name, "PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "", "COLUMNS": "300"})
        self.addCleanup(self.end)
        self.type(f"PS1=; setopt no_prompt_cr; unsetopt zle_bracketed_paste; fpath=({self.folder.name} $fpath); autoload -Uz compinit;"
                  " compinit -u -D; zstyle ':completion:*' verbose no; LISTMAX=9999; echo rea''dy\n")
        self.wait_for("ready")

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait_for(self, text: str) -> None:
        seen, deadline = "", time.monotonic() + self.DEADLINE_S
        while text not in seen:
            ready, _, _ = select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))
            self.assertTrue(ready, f"waited for {text!r}, saw {seen!r}")
            seen += os.read(self.terminal, 65536).decode(errors="replace")

    def check(self, typed: str, becomes: str) -> None:
        """Tab behind `typed`, then what the line has become (but for a blank at its end), printed by the shell itself."""
        self.type(typed + "\t" + "\x01print -r -- '<\x05>'\n")
        self.wait_for(f"<{becomes}>")

    def test_completes(self):
        for typed, becomes in {"tcpdiag tr": "tcpdiag trace", "tcpdiag size --inst": "tcpdiag size --instance",
                               "tcpdiag trace --role outb": "tcpdiag trace --role outbound",
                               "tcpdiag trace --format=js": "tcpdiag trace --format=json",
                               "tcpdiag size --instance cache.t4g.mic": "tcpdiag size --instance cache.t4g.micro",
                               "tcpdiag trace -D 443 portr": "tcpdiag trace -D 443 portrange"}.items():
            with self.subTest(typed):
                self.check(typed, becomes)


if __name__ == "__main__":
    main()
