import re

import pytest

from bench.report.latex import COLUMN, PAGE, Cells, fitted, floating, tabular, width

CELLS = Cells(
    ["noise", "method", "accuracy", "seconds"],
    [
        ["0%", "rul", "99.36 ± 0.05", "1.5"],
        ["0%", "  paper (ours − paper)", "99.45 (−0.09)", "–"],
        ["30%", "a_b", "9.50 ± 12.30", "12.0"],
    ],
    [False, False, True, True],
    {(0, 2)},
)


def rows(text):
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    return [line.removesuffix(r" \\").split(" & ") for line in body.splitlines() if line.endswith(r"\\")]


def test_numbers_stand_right_and_what_follows_them_left_of_one_edge():
    text = tabular(CELLS)
    assert r"\begin{tabular}{llr@{}lr}" in text
    found = rows(text)
    assert [row[2] for row in found] == [r"\textbf{99.36}", "99.45", "9.50"]
    assert [row[3] for row in found] == [
        r"\,$\pm$\,\phantom{0}0.05",
        r"~($-$0.09)",
        r"\,$\pm$\,12.30",
    ]
    assert [row[4] for row in found] == ["1.5", "--", "12.0"]


def test_what_repeats_is_left_blank_and_groups_stand_apart():
    text = tabular(CELLS)
    assert [row[0] for row in rows(text)] == [r"0\%", "", r"30\%"]
    assert text.count(r"\addlinespace") == 1
    assert r"\quad paper (ours $-$ paper)" in text


def test_a_float_has_caption_label_and_notes():
    text = floating(CELLS, "Accuracy (%): a_b.", ["± is std.", "† told."], "accuracy-a_b")
    assert r"\caption{Accuracy (\%): a\_b.}" in text
    assert r"\label{tab:accuracy-a-b}" in text
    assert "$\\pm$ is std.\\par\n$^\\dagger$ told.\n" in text
    assert text.startswith("% Needs \\usepackage{booktabs}")
    assert set(re.findall(r"\\begin{([a-z*]+)}", text)) == {"table", "tabular", "minipage"}


@pytest.mark.parametrize(("columns", "environment"), [(2, "table"), (9, "table*"), (30, "table*")])
def test_a_table_takes_as_many_columns_of_a_page_as_it_needs(columns, environment):
    cells = Cells(["m"] * columns, [["97.5 ± 0.5"] * columns], [True] * columns, set())
    assert rf"\begin{{{environment}}}" in floating(cells, "T", [], "t")
    font, is_wide = fitted(cells)
    assert is_wide == (environment == "table*")
    assert (width(cells, font) <= (PAGE if is_wide else COLUMN)) == (columns < 30)
    assert r"\begin{table*}" in floating(cells, "T", [], "t", wide=True)
