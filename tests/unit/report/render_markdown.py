#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Renders *.md of the folders given with cmark-gfm, the program that GitHub's renderer is made of, and looks at what
comes out: no element but those that a report is made of, each table with all of its rows and columns, nothing of a
table left as text. What hostile_names.txt of a folder lists must be seen, as text, in what its files render to."""
import html.parser
import pathlib
import re
import shutil
import subprocess
import sys

EXTENSIONS = ("table", "autolink", "strikethrough", "tasklist", "footnotes")
ELEMENTS = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "strong", "code", "pre"}
ATTRIBUTES = {("th", "align"), ("td", "align"), ("code", "class")}


class Page(html.parser.HTMLParser):
    """What there is in a page: faults, texts of blocks, and the numbers of cells in the rows of each table."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.faults = []
        self.tables = []
        self.open = []
        self.text = ""
        self.paragraphs = []
        self.headings = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag not in ELEMENTS:
            self.faults.append(f"an element <{tag}>")
        for name, value in attrs:
            if (tag, name) not in ATTRIBUTES:
                self.faults.append(f"an attribute {name}={value!r} of <{tag}>")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append(0)
        elif tag in ("td", "th"):
            self.tables[-1][-1] += 1
        elif tag in ("p", "li"):
            self.paragraphs.append("")
        elif tag in ("h2", "h3"):
            self.headings.append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")
        if tag in ("td", "th", "p", "li", "h2", "h3", "pre"):
            self.text += "\n"

    def handle_data(self, data):
        self.text += data
        if self.open and "pre" not in self.open:
            if self.open[-1] in ("p", "li"):
                self.paragraphs[-1] += data
            if set(self.open) & {"h2", "h3"}:
                self.headings[-1] += data

    def handle_comment(self, data):
        self.faults.append(f"a comment, or raw HTML: {data!r}")

    def handle_decl(self, decl):
        self.faults.append(f"a declaration: {decl!r}")

    def handle_pi(self, data):
        self.faults.append(f"a processing instruction: {data!r}")


def tables_of(source):
    """Rows and columns of each table, as the source means them. No cell holds a bar that is not escaped."""
    tables = []
    fence = None
    rows = 0
    for line in source.split("\n"):
        begins = re.match(r" *(`{3,})", line)
        if fence is not None or begins:
            if fence is None:
                fence = begins[1]
            elif line.strip() == fence:
                fence = None
            continue
        if line.startswith("|"):
            rows += 1
            bars = len(re.findall(r"\|", re.sub(r"\\.", "", line))) - 1
            if rows == 1:
                tables.append([])
            if rows != 2:  # the second is the rule below the headings
                tables[-1].append(bars)
            elif bars != tables[-1][0]:
                tables[-1] = ["a rule of another width"]
        else:
            rows = 0
    return tables


def plain(text):
    """Blanks at the ends of a name and several in a row are seen as one or none."""
    return re.sub(r"\s+", " ", text)


def look_at(path):
    source = path.read_text(encoding="utf-8")
    command = ["cmark-gfm", *(word for name in EXTENSIONS for word in ("-e", name))]
    page = Page()
    page.feed(subprocess.run(command, input=source, capture_output=True, check=True, encoding="utf-8").stdout)
    page.close()
    faults = list(page.faults)
    if page.tables != tables_of(source):
        faults.append(f"tables of these sizes: {page.tables}, in the source {tables_of(source)}")
    if len(page.tables) < 1:
        faults.append("no table")
    row = re.compile(r"^\s*\|.*\|\s*$", re.MULTILINE)
    hostile = path.parent.name == "markdown"  # a name of theirs looks like a row
    faults += [f"a row left as text: {text!r}" for text in page.paragraphs if not hostile and row.search(text)]
    marks = re.compile(r"\*\*(Confidence|Impact|Seen|Who|Ruled out if|Next steps|Recording)\*\*")
    faults += [f"a label left as text: {text!r}" for text in page.paragraphs if marks.search(text)]
    for heading in ("Not seen", "This trace"):
        if heading not in page.headings:
            faults.append(f"no heading {heading}")
    return faults, plain(page.text)


def main(folders):
    if shutil.which("cmark-gfm") is None:
        sys.exit("cmark-gfm is missing: apt-get install cmark-gfm")
    failures = 0
    seen = 0
    for folder in map(pathlib.Path, folders):
        files = sorted(folder.glob("*.md"))
        if not files:
            sys.exit(f"no *.md in {folder}")
        everything = ""
        for path in files:
            seen += 1
            faults, text = look_at(path)
            everything += text
            for fault in faults:
                failures += 1
                print(f"{path.name}: {fault[:400]}", file=sys.stderr)
        names = folder / "hostile_names.txt"
        for name in names.read_text(encoding="utf-8").split("\n")[:-1] if names.exists() else []:
            if plain(name).strip() not in everything:
                failures += 1
                print(f"{folder.name}: {name!r} is not seen", file=sys.stderr)
    print(f"{seen} files, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
