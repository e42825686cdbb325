#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the manual pages (mdoc) from their hand-written parts, man/*.1.in, and what the program says with --help.

A line of a page that begins with @ stands for something that is made:

  @date                 the day of the page
  @summary              what the command does, in one line
  @synopsis             how it is called
  @paragraphs           what its help says between options and examples
  @commands             all commands with what they do
  @options              all options, by group; lines up to @end may add to them, each part until the next such line:
    @group TITLE          text before the options of this group
    @option --NAME        text behind what the help says of this option
  @examples             the help's examples
  @see-also NAME(N)...  the other pages, and these

A page whose command this program does not have is left out.
"""

import argparse
import datetime
import pathlib
import re
import sys
import textwrap

from help_text import Help, Option, Unreadable, ask_all

PROGRAM = "tcpdiag"
MONTHS = ("January February March April May June July August September October November December").split()


def page_name(command: str) -> str:
    return f"{PROGRAM}-{command}" if command else PROGRAM


def command_of(page: pathlib.Path) -> str:
    return page.name.removesuffix(".1.in").removeprefix(PROGRAM).removeprefix("-")


def literal(line: str) -> str:
    """As roff. Signs that a terminal must show as they were typed stay themselves; none begins a macro."""
    signs = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "~": r"\(ti", "^": r"\(ha"}
    line = "".join(signs.get(sign, sign) for sign in line)
    return r"\&" + line if line.startswith(".") else line


def plain(text: str) -> str:
    """Running text as roff, each sentence on lines of its own."""
    lines = []
    for sentence in re.split(r"(?<=[\w)\]][.!?]) (?=[A-Z])", text):
        lines += textwrap.wrap(literal(sentence), 78, break_long_words=False, break_on_hyphens=False)
    return "\n".join(r"\&" + line if line.startswith(".") else line for line in lines)


def flag(name: str) -> str:
    return f"Fl Fl {name[2:]}" if name.startswith("--") else f"Fl {name[1:]}"


def operands(form: str) -> str:
    """ "FILE [EXPRESSION]" -> "Ar FILE Op Ar EXPRESSION" """
    return " ".join(f"Op Ar {word[1:-1]}" if word.startswith("[") else f"Ar {word}" for word in form.split())


class Page:
    def __init__(self, helps: dict[str, Help], command: str, others: list[str], date: datetime.date):
        self.help, self.command, self.others, self.date = helps[command], command, others, date
        self.unknown: list[str] = []  # what the page speaks of and the help does not

    def render(self, source: str) -> str:
        out, lines = [], iter(source.splitlines())
        for line in lines:
            if not line.startswith("@"):
                out.append(line)
            elif line == "@options":
                out += self.options(self.additions(lines))
            else:
                out += self.made(line)
        text = "\n".join(line for text in out for line in text.split("\n") if line) + "\n"
        return re.sub(r"(?m)^(\.S[hs] .*\n)\.Pp\n", r"\1", text)  # a heading begins a paragraph

    def made(self, directive: str) -> list[str]:
        makers = {"@date": self.dated, "@summary": self.summary, "@synopsis": self.synopsis, "@paragraphs": self.paragraphs,
                  "@commands": self.commands, "@examples": self.examples, "@see-also": self.see_also}
        name, *further = directive.split(" ", 1)
        if name not in makers:
            raise Unreadable(f"{page_name(self.command)}.1.in: no directive {directive}")
        return makers[name](*further)

    def dated(self) -> list[str]:
        return [f".Dd {MONTHS[self.date.month - 1]} {self.date.day}, {self.date.year}"]

    def summary(self) -> list[str]:
        words = self.help.summary.rstrip(".")
        return [f".Nd {plain(words[0].lower() + words[1:])}"]

    def synopsis(self) -> list[str]:
        if not self.command:
            return [".Nm", ".Ar COMMAND", ".Op Ar OPTIONS", ".Nm", ".Fl Fl help | Fl Fl version"]
        lines = []
        for form in self.help.operands:
            lines += [f".Nm {PROGRAM}", f".Cm {self.command}", ".Op Ar OPTIONS"]
            lines += [f".{operands(form)}"] if form else []
        return lines

    def paragraphs(self) -> list[str]:
        return [line for text in self.help.paragraphs for line in (".Pp", plain(text))]

    def commands(self) -> list[str]:
        lines = [".Bl -tag -width Ds"]
        for name, summary in self.help.commands.items():
            lines += [f".It Cm {name}", plain(summary)]
            lines += [f"See\n.Xr {page_name(name)} 1 ."] if name in self.others else []
        return [*lines, ".El"]

    def additions(self, lines) -> dict[str, list[str]]:
        parts: dict[str, list[str]] = {}
        part = None
        for line in lines:
            if line == "@end":
                break
            if line.startswith(("@group ", "@option ")):
                part = parts.setdefault(line[1:], [])
            elif part is None:
                raise Unreadable(f"{page_name(self.command)}.1.in: {line!r} belongs to no group and no option")
            else:
                part.append(line)
        else:
            raise Unreadable(f"{page_name(self.command)}.1.in: @options without @end")
        return parts

    def options(self, additions: dict[str, list[str]]) -> list[str]:
        lines = []
        for group in self.help.groups:
            if len(self.help.groups) > 1:
                lines.append(f".Ss {plain(group.title)}")
            lines += additions.pop(f"group {group.title}", [])
            lines.append(".Bl -tag -width Ds")
            for option in group.options:
                lines += self.option(option, additions)
            lines.append(".El")
        self.unknown += additions
        return lines

    @staticmethod
    def option(option: Option, additions: dict[str, list[str]]) -> list[str]:
        value = f" Ar {option.value}" if option.value else ""
        lines = [".It " + " , ".join(flag(name) + value for name in option.names)]
        more = [line for name in option.names for line in additions.pop(f"option {name}", [])]
        if option.text:
            lines.append(plain(option.text + ("." if more else "")))
        return lines + more

    def examples(self) -> list[str]:
        lines = []
        for command, remark in self.help.examples:
            lines += [".Pp", plain(f"{remark[0].upper()}{remark[1:].rstrip(':')}:")] if remark else [".Pp"]
            lines += [".Bd -literal -offset indent -compact", literal(command), ".Ed"]
        return lines

    def see_also(self, further: str) -> list[str]:
        pages = [("1", page_name(name)) for name in ["", *self.others] if name != self.command]
        pages += [(section, name) for name, section in re.findall(r"(\S+)\((\d)\)", further)]
        lines = [f".Xr {name} {section} ," for section, name in sorted(pages)]
        return [*lines[:-1], lines[-1].removesuffix(" ,")]


def check_flags(source: str, helps: dict[str, Help], command: str) -> list[str]:
    """Options that the hand-written text names and the program does not have. The overview may name any command's."""
    known = set().union(*(help_.option_names() for help_ in helps.values())) if not command else helps[command].option_names()
    known |= helps[""].option_names()
    named = {"-" * (1 + bool(long)) + name for long, name in re.findall(r"\bFl (Fl )?([A-Za-z0-9][\w-]*)", source)}
    return sorted(named - known)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=pathlib.Path, metavar="PAGE.1.in")
    parser.add_argument("--to", type=pathlib.Path, required=True, help="the folder for the pages")
    parser.add_argument("--date", type=datetime.date.fromisoformat, required=True, help="the day of the pages, YYYY-MM-DD")
    parser.add_argument("--strict", action="store_true", help="fail where a page and the program do not agree")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:split])
    try:
        helps = ask_all(sys.argv[split + 1:])
        pages = {command_of(page): page for page in options.pages if command_of(page) in helps}
        others = [name for name in pages if name]
        wrong = [f"there is no {page_name(name)}.1.in" for name in helps if name not in pages]
        options.to.mkdir(parents=True, exist_ok=True)
        for command, path in sorted(pages.items()):
            source = path.read_text(encoding="utf-8")
            page = Page(helps, command, others, options.date)
            (options.to / f"{page_name(command)}.1").write_text(page.render(source), encoding="utf-8")
            wrong += [f"{path.name}: the help has no {what}" for what in [*page.unknown, *check_flags(source, helps, command)]]
    except (Unreadable, OSError) as error:
        print(f"packaging/tools/manual.py: {error}", file=sys.stderr)
        return 1
    if options.strict and wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
