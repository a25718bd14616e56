"""The report of made-up experiments, read back: every cell of its page, every figure it draws."""

import base64
import contextlib
import functools
import os
import re
import runpy
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import page_experiments
import pytest
from made_up import ROOT
from matplotlib.figure import Figure

from antispoof.data.tables import read_table

VOID = {"meta", "img", "wbr", "br", "link"}
DRAWING = ["plots.det", "plots.histogram", "plots.forest", "plots.training"]
DRAWING += ["domain_scatter.domains", "figures.reliability"]
WHOLE = {"h1", "h2", "h3", "p", "li", "pre", "summary", "title", "a", "figcaption"}


@dataclass
class Cell:
    """A cell of a table: what stands in it, below it, bold in it, and how hot it is in per cent."""

    text: str = ""
    small: list = field(default_factory=list)
    bold: str = ""
    heat: int = None

    @property
    def words(self):
        """The cell as it is read: its number, then the small print."""
        return " | ".join([self.text.strip(), *self.small])


@dataclass
class Table:
    """Cells by row; `caption`, `header` and the first cell of a row as text."""

    caption: str = ""
    header: list = field(default_factory=list)
    rows: list = field(default_factory=list)

    def column(self, name, which=0):
        """{heading of the row: cell} under the header `name` (the `which`-th of that name)."""
        place = [index for index, text in enumerate(self.header) if text == name][which]
        return {row[0].text.strip(): row[place] for row in self.rows}

    def words(self):
        """{heading of the row: every cell as it is read}; asserts that rows are of one length."""
        assert {len(row) for row in self.rows} == {len(self.header)}
        found = {row[0].words: [cell.words for cell in row[1:]] for row in self.rows}
        assert len(found) == len(self.rows)
        return found


@dataclass
class Section:
    """One section of the page; `texts` by tag."""

    tables: list = field(default_factory=list)
    images: list = field(default_factory=list)
    texts: dict = field(default_factory=dict)


class Page(HTMLParser):
    """{section's id: Section}; what stands outside of sections is under ""."""

    def __init__(self, text):
        super().__init__()
        self.sections, self.now = {"": Section()}, ""
        self.open, self.row = [], []
        self.feed(text)
        assert self.open == []

    def __getitem__(self, key):
        return self.sections[key]

    @property
    def here(self):
        return self.sections[self.now]

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.now = attrs["id"]
            self.sections[self.now] = Section()
        elif tag == "img":
            self.here.images.append(attrs)
        elif tag in WHOLE:
            if tag == "figcaption":
                self.here.tables.append(Table())
            else:
                self.here.texts.setdefault(tag, []).append("")
        elif tag == "tr":
            self.row = []
        elif tag in ("td", "th"):
            self.row.append(Cell())
            heat = re.fullmatch(r"--heat:(\d+)%", attrs.get("style", ""))
            if heat:
                assert attrs["class"] == "heat"
                self.row[-1].heat = int(heat[1])
        elif tag == "small" and self.row:
            self.row[-1].small.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "tr" and "thead" in self.open:
            self.here.tables[-1].header = [cell.words for cell in self.row]
        elif tag == "tr":
            self.here.tables[-1].rows.append(self.row)
        elif tag == "section":
            self.now = ""

    def handle_data(self, data):
        whole = [tag for tag in self.open if tag in WHOLE]
        if "tr" in self.open:
            cell = self.row[-1] if self.row else None
            if cell and "small" in self.open:
                cell.small[-1] += data
            elif cell:
                cell.text += data
                cell.bold += data if "strong" in self.open else ""
        elif whole and whole[-1] == "figcaption":
            self.here.tables[-1].caption += data
        elif whole:
            self.here.texts[whole[-1]][-1] += data


@contextlib.contextmanager
def figures():
    """Collects figures where they would be written; the SVG of each holds its number alone."""
    kept = []

    def savefig(figure, stream, **options):
        kept.append((figure, options))
        if options["format"] == "svg":
            stream.write(f"<svg><defs></defs>{len(kept) - 1}</svg>")

    with mock.patch.object(Figure, "savefig", savefig):
        yield kept


@dataclass
class Shown:
    """What steps/report.py made of the experiments in `place`."""

    place: Path
    text: str
    page: Page
    drawn: list  # (figure, options of savefig) of every picture, in the order drawn

    def figures(self, section):
        """The figures that a section of the page shows, in its order."""
        found = []
        for image in self.page[section].images:
            kind, _, code = image["src"].partition(",")
            assert kind == "data:image/svg+xml;base64"
            svg = base64.b64decode(code, validate=True).decode()
            found.append(self.drawn[int(re.fullmatch(r".*</defs>(\d+)</svg>", svg)[1])][0])
        return found


def report(place, *arguments, exps=None):
    """Run steps/report.py in this process, in `place`, and read its page back."""
    exps = exps or sorted(str(p.relative_to(place)) for p in (place / "exp").iterdir())
    command = ["steps/report.py", "--out", "page.html", *arguments, *exps]
    main = runpy.run_path(str(ROOT / "steps/report.py"), run_name="report")["main"]
    before = os.getcwd()
    os.chdir(place)
    try:
        with mock.patch.object(sys, "argv", command), figures() as drawn:
            main()
    finally:
        os.chdir(before)
    text = Path(place, "page.html").read_text("utf-8")
    return Shown(place, text, Page(text), drawn)


def lines(axes):
    """{label: (x, y)} of the lines of a figure's axes that have one, in their order."""
    return {
        line.get_label(): tuple(map(list, line.get_data()))
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def trials(shown, system, seed, name="scores", condition="all"):
    """[bona fide, spoof] scores of a run on a list of trials; None where it has no such file."""
    data, exp = (
        shown.place / "data/eval",
        shown.place / "exp" / page_experiments.folder(system, seed),
    )
    if not (exp / "eval" / name).is_file():
        return None
    labels, scores = read_table(data / "utt2label"), read_table(exp / "eval" / name)
    own = set(labels)
    if condition != "all":
        own = set((data / "trials" / condition).read_text().split())
    kinds = ("bonafide", "spoof")
    return [[float(scores[u]) for u in scores if u in own and labels[u] == c] for c in kinds]


@functools.cache
def _shown(folder, drawn):
    place = page_experiments.write(folder / ("page" if drawn else "text"))
    options = ["--compare", "compare/a.json compare/b.json", "--compare", "compare/c.json"]
    with contextlib.ExitStack() as stack:
        for name in [] if drawn else DRAWING:
            stack.enter_context(mock.patch(f"antispoof.report.{name}", lambda *_: "<svg></svg>"))
        return report(place, *options, "--rank", "rank.json")


@pytest.fixture(scope="session")
def shown(tmp_path_factory):
    """The page of all that page_experiments writes; one for all files that name this fixture."""
    return _shown(tmp_path_factory.getbasetemp(), True)


@pytest.fixture(scope="session")
def read(tmp_path_factory):
    """The same page without its pictures, in half the time."""
    return _shown(tmp_path_factory.getbasetemp(), False)
