"""Tables on screens of several widths: words stay whole, and no number is lost."""

import io

import pytest
from rich.console import Console

from bench.commands.terminal import show_table
from bench.report.columns import Methods, Numbers, Texts, Words
from bench.report.table import Row, Table
from bench.report.values import Format, MethodLabel

NAMES = ["temperature-scaling", "deep-ensemble(inner=rul, inner.mix=3, members=2)", "rul"]
SCORES = [f"score number {k}" for k in range(9)]


def table(names=NAMES):
    columns = [Texts("noise"), Methods(), *(Numbers(name, form=Format(2)) for name in SCORES)]
    rows = [
        Row(["30%", MethodLabel(name), *(100 * i + k for k in range(9))]) for i, name in enumerate(names, start=1)
    ]
    return Table("t", "A table", columns, rows, bold=frozenset({(0, 9)}))


def shown(of, width):
    console = Console(file=io.StringIO(), width=width)
    show_table(console, of)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_words_stay_whole_lines_fit_and_every_number_is_shown_once(width):
    text = shown(table(), width)
    assert max(map(len, text.splitlines())) <= width
    for word in " ".join(NAMES).split():
        assert word in text.split()
    for i in (1, 2, 3):
        for k in range(9):
            assert text.split().count(f"{100 * i + k}.00") == 1


def test_a_wide_table_repeats_its_names_in_each_block():
    text = shown(table(["rul", "scn"]), 60)
    assert text.split().count("rul") > 1
    assert text.split().count("rul") == text.split().count("scn")


def test_numbers_stand_at_the_right_of_their_columns():
    lines = shown(table(["rul", "scn"]), 60).splitlines()
    ends = {line.rindex("0") for line in lines if line.startswith("30%")}
    assert all(line.endswith("0") for line in lines if line.startswith("30%"))
    assert len(ends) <= 2  # a block each


def test_a_name_wider_than_the_screen_is_broken_as_nothing_else_helps():
    of = Table("t", "T", [Methods(), Words("x")], [Row([MethodLabel("y" * 100), "1.5"])])
    text = shown(of, 60)
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("y") == 100
    assert "1.5" in text
