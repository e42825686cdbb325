#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the completion for bash and zsh from their hand-written parts, completion/*.in, and what the program says with
--help. What the words of a value are is taken from the option's own text, so that none is offered that it does not name.
"""

import argparse
import pathlib
import re
import sys

from help_text import Help, Option, Unreadable, ask_all

# What completes a value, by the word that the help has for it. What is not here (an address, a number) is typed.
KINDS = {"PID": "pid", "NAME": "comm", "CGROUP": "cgroup", "NS": "netns", "FILE": "file", "GOOD": "file", "BAD": "file",
         "TYPE": "instance", "DEVICE": "device", "EXPRESSION": "expression"}
WORDS = {"FORMAT": ("text", "json", "ndjson", "md", "html", "prometheus"), "ROLE": ("outbound", "inbound"),
         "SEVERITY": ("notice", "warning", "critical"), "SOURCE": ("bpf", "capture")}
REPEATABLE = "Which sockets"  # the group of options that may be given more than once
EXPRESSION = "host net port portrange src dst and or not"

ZSH_ACTIONS = {"pid": "_pids", "comm": "_tcpdiag_comm", "cgroup": "_files -/ -W /sys/fs/cgroup", "netns": "_tcpdiag_netns",
               "file": "_files", "instance": "_tcpdiag_instance", "device": "_net_interfaces",
               "expression": f"({EXPRESSION})"}


def words_of(option: Option) -> list[str]:
    return [word for word in WORDS.get(option.value, ()) if re.search(rf"(?<![\w-]){word}(?![\w-])", option.text)]


def quoted(text: str) -> str:
    """For the shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def operand_kinds(help_: Help) -> list[str]:
    """What stands where: ["file", "expression"] for "FILE [EXPRESSION]". Of several forms, the longest."""
    longest = max((form.split() for form in help_.operands), key=len)
    return [KINDS.get(word.strip("[]"), "none") for word in longest]


# --- bash -----------------------------------------------------------------------------------------------------------

def bash_options(helps: dict[str, Help]) -> str:
    """Cases of "COMMAND": all its options."""
    rows = [f"    {quoted(name)}) printf '%s\\n' {' '.join(n for option in help_.options() for n in option.names)} ;;"
            for name, help_ in helps.items()]
    return "\n".join(rows)


def bash_values(helps: dict[str, Help]) -> str:
    """Cases of "COMMAND OPTION": the kind of its value, or "words" with them. Options without a value have no case."""
    rows = []
    for name, help_ in helps.items():
        for option in help_.options():
            if option.value:
                words = words_of(option)
                what = "words " + " ".join(words) if words else KINDS.get(option.value, "none")
                rows.append(f"    {' | '.join(quoted(f'{name} {n}') for n in option.names)}) printf {quoted(what)} ;;")
    return "\n".join(rows)


def bash_operands(helps: dict[str, Help]) -> str:
    return "\n".join(f"    {name}) printf {quoted(' '.join(operand_kinds(help_)))} ;;" for name, help_ in helps.items() if name)


# --- zsh ------------------------------------------------------------------------------------------------------------

def zsh_text(text: str) -> str:
    return re.sub(r"([\[\]\\:])", r"\\\1", text)


def zsh_spec(option: Option, repeatable: bool) -> str:
    """What _arguments is told of the option. Both --format json and --format=json are understood."""
    value = ""
    if option.value:
        words = words_of(option)
        action = f"({' '.join(words)})" if words else ZSH_ACTIONS.get(KINDS.get(option.value, ""), " ")
        value = f":{zsh_text(option.value)}:{action}"
    before = "*" if repeatable else "(" + " ".join(option.names) + ")"
    return " ".join(quoted(f"{before}{name}{'=' if value and name.startswith('--') else ''}[{zsh_text(option.text)}]{value}")
                    for name in option.names)


def zsh_arguments(helps: dict[str, Help]) -> str:
    """A case of each command: its _arguments."""
    rows = []
    for name, help_ in helps.items():
        if not name:
            continue
        rows += [f"    {name})", "      _arguments -S \\"]
        for group in help_.groups:
            rows += [f"        {zsh_spec(option, group.title == REPEATABLE)} \\" for option in group.options]
        kinds = operand_kinds(help_)
        actions = [f"{'*' if kind == 'expression' else position}:{kind}:{ZSH_ACTIONS.get(kind, ' ')}"
                   for position, kind in enumerate(kinds, 1)]
        rows.append("        " + " ".join(map(quoted, actions)))
        rows.append("      ;;")
    return "\n".join(rows)


def instance_types(table: pathlib.Path) -> list[str]:
    rows = [line.split("\t")[0] for line in table.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    return rows[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("templates", nargs="+", type=pathlib.Path, metavar="TEMPLATE.in")
    parser.add_argument("--to", type=pathlib.Path, required=True, help="the folder for the completions")
    parser.add_argument("--instances", type=pathlib.Path, required=True, help="data/instance_baselines.tsv")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:split])
    try:
        helps = ask_all(sys.argv[split + 1:])
        commands = helps[""].commands
        made = {
            "@EXPRESSION@": EXPRESSION,
            "@COMMANDS@": " ".join(commands),
            "@INSTANCES@": "\n".join(instance_types(options.instances)),
            "@BASH_OPTIONS@": bash_options(helps),
            "@BASH_VALUES@": bash_values(helps),
            "@BASH_OPERANDS@": bash_operands(helps),
            "@ZSH_COMMANDS@": "\n".join(f"    {quoted(f'{name}:{zsh_text(text)}')}" for name, text in commands.items()),
            "@ZSH_ARGUMENTS@": zsh_arguments(helps),
        }
        options.to.mkdir(parents=True, exist_ok=True)
        for template in options.templates:
            text = template.read_text(encoding="utf-8")
            (options.to / template.name.removesuffix(".in")).write_text(
                re.sub(r"@[A-Z_]+@", lambda match: made[match[0]], text), encoding="utf-8")
    except (Unreadable, OSError, KeyError) as error:
        print(f"packaging/tools/completion.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
