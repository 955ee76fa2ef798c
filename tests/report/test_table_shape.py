import io

import pandas as pd
import pytest

from bench.errors import UsageError
from bench.report.columns import Methods, Numbers, Summaries, Texts
from bench.report.summaries import Summary
from bench.report.table import Row, Table
from bench.report.table_shape import transposed, with_metrics, with_scores, without_single_keys
from bench.report.values import MethodLabel

A, B, C, D = (Summary(0.1 * k, 0.01, 3) for k in (1, 2, 3, 4))
TABLE = Table(
    "t",
    "Title",
    [Texts("noise"), Methods(), Texts("score"), Summaries("AUROC", "auroc"), Summaries("AURC ×10³", "aurc")],
    [
        Row(["30%", MethodLabel("rul"), "own", A, B]),
        Row(["30%", MethodLabel("told", oracle=True), "own", C, None]),
        Row(["30%", MethodLabel("rul"), "msp", D, D]),
    ],
    bold=frozenset({(0, 4), (2, 3)}),
)


def test_a_mean_over_some_of_the_runs_says_of_how_many():
    column = Summaries("AUROC", "auroc")
    assert column.text(Summary(0.5, None, 1, 2)) == "50.00 (1 of 3)"
    assert column.text(Summary(0.5, 0.01, 3)) == "50.00 ± 1.00"
    assert column.csv(Summary(0.5, None, 1, 2)) == {"auroc_mean": 0.5, "auroc_std": None, "auroc_n": 1}


def test_a_heading_of_several_columns_names_none_of_them():
    twice = Table("t", "Title", [Methods(), Numbers("p", "auroc_p"), Numbers("p", "aurc_p")], [])
    assert with_metrics(twice, ["aurc_p"]).columns[1] == twice.columns[2]
    with pytest.raises(UsageError, match="no metric of this table 'p'.*auroc_p"):
        with_metrics(twice, ["p"])


def bold_texts(table):
    return {table.texts[i][j] for i, j in table.bold}


def test_columns_are_chosen_by_name_or_heading_in_the_order_asked_for():
    chosen = with_metrics(TABLE, ["aurc", "AUROC"])
    assert chosen.header == ["noise", "method", "score", "AURC ×10³", "AUROC"]
    assert bold_texts(chosen) == bold_texts(TABLE)
    assert with_metrics(TABLE, ["auroc"]).bold == {(2, 3)}
    assert with_metrics(TABLE, []) == TABLE
    with pytest.raises(UsageError, match="no metric of this table 'aurocc'. Did you mean 'auroc'"):
        with_metrics(TABLE, ["aurocc"])


def test_rows_of_scores_are_chosen_with_their_bold():
    chosen = with_scores(TABLE, ["msp"])
    assert chosen.texts == [TABLE.texts[2]]
    assert chosen.bold == {(0, 3)}
    with pytest.raises(UsageError, match="no score 'energy'"):
        with_scores(TABLE, ["energy"])
    with pytest.raises(UsageError, match="no rows of scores"):
        with_scores(with_metrics(without_single_keys(with_scores(TABLE, ["msp"])), []), ["own"])


def test_what_is_the_same_in_all_rows_is_told_by_the_title():
    slim = without_single_keys(with_scores(TABLE, ["own"]))
    assert slim.header == ["method", "AUROC", "AURC ×10³"]
    assert slim.title == "Title, noise 30%, score own"
    assert bold_texts(slim) == {"20.00 ± 1.00"}


def test_transposed_rows_are_columns_with_their_bold_and_the_mark_of_an_oracle():
    turned = transposed(without_single_keys(with_scores(TABLE, ["own"])))
    assert turned.header == ["", "rul", "told†"]
    assert turned.texts == [["AUROC", "10.00 ± 1.00", "30.00 ± 1.00"], ["AURC ×10³", "20.00 ± 1.00", "–"]]
    assert turned.bold == {(1, 1)}
    assert any(note.startswith("† is told") for note in turned.all_notes)


def test_a_transposed_table_is_numeric_in_csv():
    frame = pd.read_csv(io.StringIO(transposed(without_single_keys(with_scores(TABLE, ["own"]))).csv()))
    assert frame["rul_mean"].tolist() == [A.mean, B.mean]
    assert frame["told†_mean"].tolist()[0] == C.mean
    assert frame["told†_mean"].isna().tolist() == [False, True]


def test_html_is_escaped_and_has_one_cell_a_text():
    odd = Table("t", "<b>T</b>", [Methods(), Texts('"&')], [Row([MethodLabel("<script>"), "x"])], ["a < b"])
    text = odd.html()
    assert "<script>" not in text
    assert "<b>" not in text
    assert text.count("<td") == 3
    assert "&lt;script&gt;" in text
    assert "a &lt; b" in text
