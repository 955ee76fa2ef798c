import io
from dataclasses import replace

import pandas as pd
import pytest

from bench.report.columns import Methods, Summaries, Texts
from bench.report.summaries import Summary
from bench.report.table import Row, Table
from bench.report.values import MethodLabel, Published

OURS, OTHER = Summary(0.993649999, 0.00051, 3), Summary(0.123, None, 1)
TABLE = Table(
    "t",
    "A title",
    [Methods(), Texts("a_b"), Summaries("0%")],
    [Row([MethodLabel("rul"), "1 & 2", OURS]), Row([MethodLabel("a_b"), "", OTHER])],
    ["A note."],
)
PAPER = replace(TABLE, rows=[*TABLE.rows, Row([MethodLabel("a_b"), None, Published(99.44, 0.123)], "published")])
TOLD = replace(TABLE, rows=[*TABLE.rows, Row([MethodLabel("knowing(rate=0.2)", oracle=True), None, None])])


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_markdown_has_title_rows_and_notes():
    lines = TABLE.markdown().splitlines()
    assert lines[0] == "**A title**"
    assert cells(lines[2]) == ["method", "a_b", "0%"]
    assert cells(lines[4]) == ["rul", "1 & 2", "99.36 ± 0.05"]
    assert lines[-1] == "A note."


def test_latex_is_booktabs_and_escaped():
    text = TABLE.latex()
    assert r"\toprule" in text
    assert r"\bottomrule" in text
    assert r"0\%" in text
    assert r"a\_b" in text
    assert r"1 \& 2" in text
    assert text.startswith("% A title\n")
    assert r"99.36 & \,$\pm$\,0.05" in text
    assert text.isascii()


@pytest.mark.parametrize(("form", "number"), [("markdown", "99.44 ("), ("latex", "99.44 & ~(")])
def test_published_numbers_stand_under_a_label_of_their_own(form, number):
    text = getattr(PAPER, form)()
    assert text.count(" paper (ours ") == 1
    assert text.count(number) == 1


def test_csv_reads_back_as_the_numbers_that_the_table_was_made_of():
    frame = pd.read_csv(io.StringIO(PAPER.csv()))
    assert list(frame.columns) == ["method", "method_oracle", "a_b", "0%_mean", "0%_std", "0%_n", "published"]
    assert frame["0%_mean"].tolist() == [OURS.mean, OTHER.mean, 0.9944]
    assert frame["0%_std"].tolist()[0] == OURS.std
    assert frame["0%_std"].isna().tolist() == [False, True, True]
    assert frame["0%_n"].tolist()[:2] == [3, 1]
    assert frame["method"].tolist() == ["rul", "a_b", "a_b"]
    assert frame["published"].tolist() == [False, False, True]
    assert frame.dtypes[["0%_mean", "0%_std"]].tolist() == [float, float]


def test_a_table_without_published_numbers_has_no_column_that_tells_them():
    assert "published" not in TABLE.csv()


def test_the_mark_of_a_method_that_is_told_the_noise_rate_is_explained_wherever_it_stands():
    assert "| knowing†(rate=0.2) |" in TOLD.markdown()
    assert TOLD.markdown().splitlines()[-1].startswith("† is told the true rate of wrong labels")
    assert r"knowing$^\dagger$(rate=0.2)" in TOLD.latex()
    assert TOLD.all_notes[:-1] == TABLE.all_notes == TABLE.notes
    assert replace(TABLE, in_title=[MethodLabel("knowing", oracle=True)]).all_notes == TOLD.all_notes
    frame = pd.read_csv(io.StringIO(TOLD.csv()))
    assert frame["method"].tolist()[-1] == "knowing(rate=0.2)"
    assert frame["method_oracle"].tolist() == [False, False, True]
