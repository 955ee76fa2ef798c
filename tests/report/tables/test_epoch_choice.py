import pandas as pd
import pytest
from harness import record, spec

from bench.report.grouping import group
from bench.report.tables.epoch_choice import epochs_table

LOGS = [
    {"test_accuracy": [0.5, 0.9, 0.7], "held_out_accuracy": [0.6, 0.5, 0.4]},
    {"test_accuracy": [0.6, 0.8, 0.6], "held_out_accuracy": [0.3, 0.5, 0.5]},
]


def rows(*logs, **content):
    runs = [
        record(
            spec(seeds=[seed], **content),
            metrics={"accuracy": log["test_accuracy"][-1] if "test_accuracy" in log else 0.5},
            epochs=pd.DataFrame({"epoch": [1, 2, 3]} | log),
        )
        for seed, log in enumerate(logs)
    ]
    (members,) = group(runs)
    return epochs_table(members).texts


def test_the_last_the_chosen_and_the_best_epoch_stand_side_by_side():
    assert rows(LOGS[0]) == [["30%", "dummy", "70.00", "50.00", "90.00"]]


def test_of_epochs_that_are_alike_on_the_held_out_part_the_first_is_chosen():
    assert rows(LOGS[1]) == [["30%", "dummy", "60.00", "80.00", "80.00"]]


def test_they_are_means_over_seeds():
    assert rows(*LOGS) == [["30%", "dummy", "65.00 ± 7.07", "65.00 ± 21.21", "85.00 ± 7.07"]]


def test_without_a_held_out_part_none_is_chosen():
    assert rows({"test_accuracy": [0.5, 0.9, 0.7]}) == [["30%", "dummy", "70.00", "–", "90.00"]]


@pytest.mark.parametrize("log", [{}, {"held_out_accuracy": [0.1, 0.2, 0.3]}])
def test_a_run_that_never_saw_the_test_set_has_no_row(log):
    assert rows(log) == []
