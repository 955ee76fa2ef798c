import csv
import io
from dataclasses import replace

from bench.report.summaries import Summary
from bench.report.table import ABSENT, Table, count, percent

TABLE = Table("t", "A title", ["method", "0%"], [["rul", "99.36 ± 0.05"], ["a_b", "1 & 2"]], ["A note."])


def test_percent_scales_and_shows_the_spread_only_where_there_is_one():
    assert percent(Summary(0.99364, 0.00051, 3)) == "99.36 ± 0.05"
    assert percent(Summary(0.5, None, 1)) == "50.00"
    assert percent(None) == ABSENT


def test_counts_are_whole_where_they_are():
    assert count(Summary(53.0, None, 1)) == "53"
    assert count(Summary(53.5, 0.5, 2)) == "53.5 ± 0.5"


def test_markdown_has_title_rows_and_notes():
    lines = TABLE.markdown().splitlines()
    assert lines[0] == "**A title**"
    assert [cell.strip() for cell in lines[4].strip("|").split("|")] == ["rul", "99.36 ± 0.05"]
    assert lines[-1] == "A note."


def test_latex_is_booktabs_and_escaped():
    text = TABLE.latex()
    assert r"\toprule" in text
    assert r"\bottomrule" in text
    assert r"0\%" in text
    assert r"a\_b" in text
    assert r"1 \& 2" in text
    assert text.startswith("% A title\n")
    assert r"99.36 $\pm$ 0.05" in text
    assert text.isascii()


def test_csv_reads_back_as_it_was():
    assert list(csv.reader(io.StringIO(TABLE.csv()))) == [TABLE.header, *TABLE.rows]


def test_the_mark_of_a_method_that_is_told_the_noise_rate_is_explained_wherever_it_stands():
    marked = replace(TABLE, rows=[*TABLE.rows, ["knowing†(rate=0.2)", "99.00"]])
    assert marked.markdown().splitlines()[-1].startswith("† is told the true rate of wrong labels")
    assert r"knowing$^\dagger$(rate=0.2)" in marked.latex()
    assert marked.all_notes[:-1] == TABLE.all_notes == TABLE.notes
    assert replace(TABLE, title="accuracy, method − knowing†").all_notes == marked.all_notes
