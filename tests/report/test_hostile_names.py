"""A report of runs whose labels and classes are as hostile as a pack may bring them."""

import csv
import io
import re

import pytest
from harness import report, run, samples
from markdown_it import MarkdownIt
from matplotlib import cbook
from rich.console import Console

from bench.commands.terminal import show_table
from bench.grid.pictures import Pictures
from bench.report import figures
from bench.report.columns import Counts, Methods, Texts
from bench.report.table import Row, Table
from bench.report.values import MethodLabel

METHOD = '''
"""A method with a text among its hyper-parameters."""

import torch
from torch.nn import functional as F

from bench.api import Method, Prediction, Step


class Tagged(Method):
    version = 1

    def __init__(self, task, make_backbone, *, tag: str = "plain") -> None:
        super().__init__(task, make_backbone)
        size = task.image_shape[0] * task.image_shape[1] * task.image_shape[2]
        self.linear = torch.nn.Linear(size, task.num_classes)

    def loss(self, batch, progress):
        logits = self.linear(batch.images.flatten(1))
        return Step(F.cross_entropy(logits, batch.labels), logits, -logits.amax(dim=1))

    def predict(self, images):
        logits = self.linear(images.flatten(1))
        return Prediction(logits, -logits.amax(dim=1), images.flatten(1))
'''
DATA = '''
"""A data set whose classes have names that look like code."""

import torch

from bench.api import DataSet, Source, Split, Transforms

CLASSES = ("=cmd|' /C calc'!A0", "a$b_$c | **x**", "<script>`]($\\\\frac", "_under", "猫" * 50)


class Wild(Source):
    version = 1

    def load(self, root, download):
        transforms = Transforms(mean=[0.5], std=[0.5])
        return DataSet(self.part(60), self.part(25), CLASSES, transforms.augment, transforms.evaluate)

    @staticmethod
    def part(size):
        generator = torch.Generator().manual_seed(size)
        images = torch.randint(0, 256, (size, 1, 4, 4), generator=generator)
        return Split(images.to(torch.uint8), torch.arange(size) % 5)
'''
TAGS = [
    "=1+1|x",
    "a$b_$c",
    "new\nline % \\write18{ls}",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202etxt.exe",
    "|<script>alert(1)</script>`",
    "](http://evil)[",
    "y" * 400,
]
HOSTILE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """A results folder with a report of one run for each tag, and its plugins."""
    root = tmp_path_factory.mktemp("wild")
    for kind, name, source in (("methods", "tagged", METHOD), ("datasets", "wild", DATA)):
        (root / "plugins" / kind).mkdir(parents=True)
        (root / "plugins" / kind / f"{name}.py").write_text(source)
    done = run(
        root / "results",
        root / "plugins",
        methods=["tagged"],
        datasets=["wild"],
        set={"tagged": {"tag": TAGS}},
        epochs=1,
    )
    assert [each.status for each in done] == ["done"] * len(TAGS), done
    made = report(root / "results", root / "plugins", figures=["images", "features"], top=3)
    assert made.problems == []
    return root, made


def test_the_page_has_tables_of_even_rows_and_no_code_or_links(wild):
    page = (wild[1].folder / "README.md").read_text()
    assert not HOSTILE.search(page)
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special", "strong_open", "strong_close", "image"}
    assert not {token.type for token in tokens} & {"html_block", "code_block", "fence", "bullet_list_open"}


def test_every_picture_of_the_page_is_there(wild):
    page = (wild[1].folder / "README.md").read_text()
    shown = re.findall(r"\]\((figures/[^)]+)\)", page)
    assert len(shown) == len(set(shown)) > 3 * len(TAGS)
    for path in shown:
        assert (wild[1].folder / path).is_file()


def test_csv_files_hold_no_formula_and_no_broken_line(wild):
    paths = [wild[1].folder / "runs.csv", *(wild[1].folder / "tables").glob("*.csv")]
    for path in paths:
        text = path.read_text()
        header, *rows = csv.reader(io.StringIO(text))
        assert len(rows) == text.count("\n") - 1, path
        assert {len(row) for row in rows} == {len(header)}
        for cell in (*header, *(cell for row in rows for cell in row)):
            assert not cell.startswith(("=", "@", "\t", "\r")), (path, cell)
            assert not cell.startswith(("+", "-")) or float(cell) is not None


def test_latex_files_hold_comments_on_one_line_and_no_command_of_a_name(wild):
    for path in (wild[1].folder / "tables").glob("*.tex"):
        text = path.read_text()
        assert not HOSTILE.search(text)
        assert r"\write" not in "\n".join(line for line in text.splitlines() if not line.startswith("%"))
        body = text[text.index(r"\begin{tabular}") :]
        assert not re.search(r"(?<!\\)%", body)
        commands = set(re.findall(r"\\([A-Za-z]+)", body))
        assert commands <= {
            "begin", "end", "toprule", "midrule", "bottomrule", "addlinespace", "textbf", "pm", "times", "dagger",
            "textbackslash", "textasciitilde", "textless", "textgreater", "textbar", "textasciigrave", "ttfamily",
            "char", "multicolumn", "shortstack", "phantom", "quad",
        }  # fmt: skip


def test_no_text_of_a_figure_is_mathematics(wild):
    root, made = wild
    (group,) = made.groups
    drawn = [picture for make in figures.FROM_RECORDS for picture in make(group)]
    wanted = Pictures(figures=["images"], top=3)
    drawn += figures.FROM_SAMPLES["images"](group, samples(root / "plugins"), wanted)
    for picture in drawn:
        texts = [
            artist.get_text() for artist in picture.figure.findobj(lambda artist: hasattr(artist, "get_text"))
        ]
        assert not [text for text in texts if cbook.is_math_text(text) and "mathdefault" not in text]
        assert not [text for text in texts if HOSTILE.search(text)]


def test_a_terminal_gets_no_control_character(wild):
    screen = io.StringIO()
    console = Console(file=screen, width=100, emoji=False)
    for table in wild[1].tables["wild"]:
        show_table(console, table)
    assert "\\x1b[2J" in screen.getvalue().replace("\n", "").replace(" ", "")
    assert not HOSTILE.search(screen.getvalue())


@pytest.mark.parametrize("name", ["=2+5", "a\r\nb", "\x1b[31mred", "|", "\ue000bold\ue001", "${x}", "\u2029"])
def test_any_text_of_a_table_is_escaped(name):
    table = Table(
        name, name, [Methods(), Texts(name), Counts(name)], [Row([MethodLabel(name), name, None])], [name]
    )
    for text in (table.markdown(), table.latex(), table.csv()):
        assert not HOSTILE.search(text)
        assert "\ue000" not in text
    assert table.latex().startswith("% ")
    assert [line[:1] for line in table.latex().splitlines()[:2]] == ["%", "%"]
    header, row = csv.reader(io.StringIO(table.csv()))
    assert not [cell for cell in (*header, *row) if cell.startswith(("=", "+", "-", "@"))]
