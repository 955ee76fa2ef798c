import io
from dataclasses import replace

import pandas as pd
import pytest
from harness import of_older_protocol, record, spec

from bench.report.grouping import group
from bench.report.older_versions import told_apart
from bench.report.tables.noise_robustness import crossing_table, noise_axes, over_noise_table

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
    higher = {rate: a + 0.1 for rate, a in FALLS["dummy"].items()}
    assert crossing_table(members({"dummy": higher, "baseline": FALLS["dummy"]})).texts == []


def test_each_crossing_has_a_row_and_a_number_in_csv():
    """The gaps are 0.1, −0.1 and 0.3: they change sign half way, then a quarter of the way."""
    zigzag = {"dummy": {0: 0.9, 0.1: 0.6, 0.3: 0.7}, "baseline": {0: 0.8, 0.1: 0.7, 0.3: 0.4}}
    made = crossing_table(members(zigzag))
    assert made.texts == [["symmetric", "baseline", "dummy", at] for at in ("5.0", "15.0")]
    assert pd.read_csv(io.StringIO(made.csv()))["crosses_at"].tolist() == pytest.approx([0.05, 0.15])


def test_rows_of_an_older_protocol_have_an_area_and_no_crossing():
    runs = members().records
    older = [of_older_protocol(run, accuracy=run.metrics.accuracy) for run in runs]
    (found,) = group(told_apart([*runs, *older]))
    assert len(over_noise_table(found).rows) == 4
    assert crossing_table(found).texts == crossing_table(members()).texts
    assert "are not compared with others" in crossing_table(found).notes[-1]


@pytest.mark.parametrize("make", [over_noise_table, crossing_table])
def test_one_rate_is_no_axis(make):
    assert make(members({"dummy": {0.3: 0.9}, "baseline": {0.3: 0.8}})).texts == []


def given(label_set, rate, accuracy):
    made = record(spec(noise=[0.5]), metrics={"accuracy": accuracy})
    noise = made.spec.noise.model_copy(update={"kind": "human", "label_set": label_set, "rate": rate})
    return replace(made, spec=made.spec.model_copy(update={"noise": noise}))


def test_labels_that_are_given_are_no_points_of_an_axis():
    people = [given("worse", None, 0.61), given("one", 0.3, 0.8), given("other", 0.3, 0.7)]
    drawn = [record(spec(noise=[rate]), metrics={"accuracy": a}) for rate, a in ((0.1, 0.9), (0.3, 0.7))]
    (together,) = group([*drawn, *people])
    assert noise_axes(together).keys() == {"symmetric"}
    assert [noise.rate for noise in noise_axes(together)["symmetric"]] == [0.1, 0.3]
    assert over_noise_table(together).texts == [["symmetric", "dummy", "80.00", "−10.00"]]
    (alone,) = group(people)
    assert noise_axes(alone) == {}


def test_noises_of_other_confused_classes_have_axes_of_their_own():
    made = []
    for rate, pairs in ((0.1, [(1, 2)]), (0.3, [(1, 2)]), (0.3, [(0, 1)]), (0.1, [(0, 1)])):
        run = record(spec(noise=[f"pair:{rate}"]), metrics={"accuracy": 0.5})
        noise = run.spec.noise.model_copy(update={"confusions": tuple(pairs)})
        made.append(replace(run, spec=run.spec.model_copy(update={"noise": noise})))
    (together,) = group([*made, record(spec(noise=[0]), metrics={"accuracy": 0.9})])
    axes = noise_axes(together)
    assert len(axes) == 2
    for name, noises in axes.items():
        assert [noise.rate for noise in noises] == [0, 0.1, 0.3]
        assert {f"pair-{noise.confusions_hash}" for noise in noises[1:]} == {name}
    (alone,) = group(made[:2])
    assert list(noise_axes(alone)) == ["pair"]
