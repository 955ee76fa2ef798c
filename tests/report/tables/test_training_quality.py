import numpy as np
import pandas as pd
import pytest
from harness import record, spec

from bench.report.grouping import group
from bench.report.tables.training_quality import gain, relabelling_table


def measured(accuracy, way, **content):
    cell = spec(**{"methods": ["rul"], "relabel": [way]} | content)
    return record(cell, metrics={"accuracy": accuracy}, epochs=pd.DataFrame({"epoch": [1]}))


OFF, ON = {0: 0.80, 1: 0.90}, {0: 0.85, 1: 0.93, 2: 0.99}


@pytest.fixture(scope="module")
def runs():
    """Two seeds both ways, and a third that was run with relabelling only."""
    return [measured(a, way, seeds=[seed]) for way, of in (("off", OFF), ("on", ON)) for seed, a in of.items()]


def rows(records):
    (members,) = group(records)
    return relabelling_table(members).texts


def test_relabelling_adds_the_mean_difference_of_runs_of_the_same_seed(runs):
    difference = 100 * np.array([ON[seed] - OFF[seed] for seed in OFF])
    ((noise, name, off, on, added),) = rows(runs)
    assert (noise, name) == ("30%", "rul")
    assert off == f"85.00 ± {100 * np.std([0.8, 0.9], ddof=1):.2f}"
    assert on == f"{100 * np.mean(list(ON.values())):.2f} ± {100 * np.std(list(ON.values()), ddof=1):.2f}"
    assert added == f"+{difference.mean():.2f} ± {difference.std(ddof=1):.2f}" == "+4.00 ± 1.41"


def test_runs_of_one_noise_seed_are_paired_with_their_like_only():
    off = [measured(0.8, "off", noise_seed=5), measured(0.7, "off", noise_seed=6)]
    assert gain(off, [measured(0.9, "on", noise_seed=6)]) == pytest.approx([0.2])


def test_a_loss_has_a_minus_sign():
    ((*_, added),) = rows([measured(0.9, "off"), measured(0.88, "on")])
    assert added == "−2.00"


def test_ways_that_share_no_seed_have_no_difference():
    ((*_, off, on, added),) = rows([measured(0.9, "off", seeds=[0]), measured(0.8, "on", seeds=[1])])
    assert (off, on, added) == ("90.00", "80.00", "–")


def test_every_noise_and_method_with_both_ways_has_a_row():
    other = [measured(0.7, way, methods=["baseline"], noise=[0]) for way in ("on", "off")]
    found = rows([measured(0.8, "on"), measured(0.8, "off"), measured(0.8, "on", noise=[0]), *other])
    assert [row[:2] for row in found] == [["0%", "baseline"], ["30%", "rul"]]


def test_there_is_no_row_where_a_method_was_run_one_way():
    assert rows([measured(0.8, "on"), measured(0.8, "on", seeds=[1])]) == []
