import pytest

from bench.report.columns import Counts, Methods, Numbers, Probabilities, Ranges, Summaries, Texts
from bench.report.summaries import Summary
from bench.report.values import PERCENT, THOUSANDTHS, Format, MethodLabel, Published, Range

SIGNED = Format(2, factor=100, signed=True)


@pytest.mark.parametrize(
    ("column", "cell", "text"),
    [
        (Texts("noise"), "30%", "30%"),
        (Summaries("a", form=PERCENT), Summary(0.99364, 0.00051, 3), "99.36 ± 0.05"),
        (Summaries("a", form=PERCENT), Summary(0.5, None, 1), "50.00"),
        (Summaries("a", form=THOUSANDTHS), Summary(0.0123, 0.001, 2), "12.30 ± 1.00"),
        (Summaries("a", form=Format(2, factor=1e-6)), Summary(1_250_000, 0.0, 2), "1.25 ± 0.00"),
        (Summaries("a", form=Format(3)), Summary(-0.25, 0.0, 2), "−0.250 ± 0.000"),
        (Summaries("a", form=SIGNED), Summary(0.04, 0.0141, 2), "+4.00 ± 1.41"),
        (Summaries("a", form=SIGNED), Summary(-0.02, None, 1), "−2.00"),
        (Summaries("a"), Published(99.44, 0.9954), "99.44 (+0.10)"),
        (Summaries("a"), Published(99.44, 0.9934), "99.44 (−0.10)"),
        (Counts("n"), Summary(53.0, None, 1), "53"),
        (Counts("n"), Summary(53.5, None, 1), "53.5"),
        (Counts("n"), Summary(53.0, 0.5, 2), "53.0 ± 0.5"),
        (Numbers("n"), 8, "8"),
        (Numbers("mean", form=Format(2, 100, signed=True, signed_zero=False)), -0.000001, "+0.00"),
        (Ranges("interval", form=SIGNED), Range(-0.1, 0.2), "−10.00 to +20.00"),
        (Probabilities("p"), 0.0004, "< .001"),
        (Probabilities("p"), 0.25, "0.250"),
    ],
)
def test_a_cell_as_text(column, cell, text):
    assert column.text(cell) == text


@pytest.mark.parametrize("column", [Texts("a"), Summaries("a"), Counts("a"), Numbers("a"), Ranges("a")])
def test_what_is_absent_is_a_dash_and_in_csv_nothing(column):
    assert column.text(None) == "–"
    assert set(column.csv(None).values()) == {None}


@pytest.mark.parametrize(
    ("column", "cell", "fields"),
    [
        (Texts("noise"), "30%", {"noise": "30%"}),
        (Summaries("AURC ×10³", "aurc"), Summary(0.5, 0.1, 3), {"aurc_mean": 0.5, "aurc_std": 0.1, "aurc_n": 3}),
        (Summaries("0%"), Summary(0.5, None, 1), {"0%_mean": 0.5, "0%_std": None, "0%_n": 1}),
        (Summaries("0%"), Published(99.44, 0.9), {"0%_mean": 0.9944, "0%_std": None, "0%_n": None}),
        (Methods(), MethodLabel("told", oracle=True), {"method": "told", "method_oracle": True}),
        (Ranges("95 % interval", "interval"), Range(0.1, 0.2), {"interval_low": 0.1, "interval_high": 0.2}),
    ],
)
def test_a_cell_in_csv(column, cell, fields):
    assert column.csv(cell) == fields


@pytest.mark.parametrize(
    ("label", "shown"),
    [("told", "told†"), ("told(rate=0.2)", "told†(rate=0.2)"), ("told [version 1]", "told† [version 1]")],
)
def test_the_mark_of_an_oracle_stands_after_the_methods_name(label, shown):
    assert str(MethodLabel(label, oracle=True)) == shown
    assert str(MethodLabel(label)) == label
