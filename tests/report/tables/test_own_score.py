import pytest
from harness import record, spec

from bench.report.grouping import group
from bench.report.tables.own_score import answer, brief, own_score_table

OWN = {"rul": (0.9, 0.02), "dul": (0.7, 0.05), "baseline": (0.8, 0.03)}


@pytest.fixture(scope="module")
def members():
    runs = []
    for method, (auroc, aurc) in OWN.items():
        for noise in ("0", "0.3"):
            for seed in range(5):
                shift = 0 if method == "baseline" else 0.001 * seed
                scores = {
                    "own": {"auroc": auroc + shift, "aurc": aurc - shift / 10},
                    "msp": {"auroc": 0.8, "aurc": 0.03},
                }
                cell = spec(methods=[method], noise=[noise], seeds=[seed])
                runs.append(record(cell, metrics={"scores": scores}))
    (found,) = group(runs)
    return found


def test_a_row_has_both_scores_by_both_metrics_and_what_the_test_says(members):
    table = own_score_table(members)
    assert len(table.rows) == 3 * 3
    (row,) = [line for line in table.texts if line[:2] == ["pooled", "rul"]]
    # 10 pairs that all point one way: p = 2 / 2^10, twice that by Holm over rul and dul
    assert row[2:7] == ["90.20", "80.00", "+10.20 ± 0.15", "0.004", "own"]
    assert row[7:] == ["19.80", "30.00", "−10.20 ± 0.15", "0.004", "own"]
    (same,) = [line for line in table.texts if line[:2] == ["pooled", "baseline"]]
    assert same[4:7] == ["+0.00 ± 0.00", "–", "same"]


def test_bold_are_the_differences_that_a_test_supports(members):
    table = own_score_table(members)
    bold = {(table.texts[i][0], table.texts[i][1], j) for i, j in table.bold}
    assert bold == {("pooled", method, column) for method in ("rul", "dul") for column in (4, 9)}


def test_a_screen_gets_the_pooled_rows_with_their_bold(members):
    short = brief(own_score_table(members))
    assert [row[0] for row in short.texts] == ["baseline", "dul", "rul"]
    assert short.header[0] == "method"
    assert [row[3] for row in short.texts] == ["+0.00", "−9.80", "+10.20"]
    assert {(short.texts[i][0], short.header[j]) for i, j in short.bold} == {
        ("dul", "own−msp"),
        ("rul", "own−msp"),
    }


def test_the_answer_has_a_line_for_each_outcome(members):
    assert answer(members) == [
        "the own score is better: rul",
        "max-softmax is better: dul",
        "the own score orders the images as max-softmax does: baseline",
    ]


def test_runs_without_errors_make_an_empty_table():
    (members,) = group([record(spec(noise=["0"]))])
    assert own_score_table(members).rows == []
