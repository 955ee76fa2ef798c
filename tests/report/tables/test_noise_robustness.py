import pytest
from harness import record, spec

from bench.report.grouping import group
from bench.report.tables.noise_robustness import crossing_table, over_noise_table

FALLS = {"dummy": {0: 0.9, 0.1: 0.8, 0.3: 0.4}, "baseline": {0: 0.8, 0.1: 0.7, 0.3: 0.5}}


def members(falls=FALLS, seeds=(0,)):
    runs = [
        record(spec(methods=[m], noise=[rate], seeds=[s]), metrics={"accuracy": a + 0.02 * s})
        for m, of in falls.items()
        for rate, a in of.items()
        for s in seeds
    ]
    (found,) = group(runs)
    return found


def test_area_and_slope_by_hand():
    """Area (0.085 + 0.12)/0.3; slope Σ(r − r̄)(a − ā)/Σ(r − r̄)² = −0.08/0.04667."""
    rows = over_noise_table(members()).texts
    assert ["symmetric", "dummy", "68.33", "−17.14"] in rows


def test_they_are_mean_and_deviation_over_seeds():
    assert ["symmetric", "dummy", "69.33 ± 1.41", "−17.14 ± 0.00"] in over_noise_table(members(seeds=(0, 1))).texts


def test_the_crossing_is_linear_between_rates():
    assert crossing_table(members()).texts == [["symmetric", "baseline", "dummy", "20.0"]]


def test_methods_that_do_not_cross_are_not_listed():
    higher = {rate: a + 0.3 for rate, a in FALLS["dummy"].items()}
    assert crossing_table(members({"dummy": higher, "baseline": FALLS["dummy"]})).texts == []


@pytest.mark.parametrize("make", [over_noise_table, crossing_table])
def test_one_rate_is_no_axis(make):
    assert make(members({"dummy": {0.3: 0.9}, "baseline": {0.3: 0.8}})).texts == []
