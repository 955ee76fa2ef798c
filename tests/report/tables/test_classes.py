"""The table of classes: what its rows and columns are, also of many classes and older runs."""

import pytest
from harness import record, spec

from bench.report.grouping import SHOWN_CLASSES, group
from bench.report.tables.classes import classes_table


def members_of(classes, *metrics):
    """A group of runs of one method, one of each seed, that have these metrics."""
    runs = [record(spec(seeds=[seed]), classes=classes, metrics=each) for seed, each in enumerate(metrics)]
    (members,) = group(runs)
    return members


def test_a_row_for_each_measure_has_the_mean_of_each_class():
    auroc = {"own": [0.5, None, 0.9], "msp": [0.75, None, 1.0], "entropy": [0.1, None, 0.2]}
    one = {"class_accuracy": [0.5, 1.0, None], "class_auroc": auroc}
    two = {"class_accuracy": [0.7, 1.0, None], "class_auroc": auroc | {"own": [0.7, 0.4, None]}}
    table = classes_table(members_of(["a", "b", "c"], one, two))
    assert table.header == ["noise", "method", "of", "a", "b", "c"]
    rows = {row[2]: [cell.partition(" ")[0] for cell in row[3:]] for row in table.texts}
    assert rows == {
        "accuracy": ["60.00", "100.00", "–"],
        "AUROC: own": ["60.00", "40.00", "90.00"],
        "AUROC: msp": ["75.00", "–", "100.00"],
    }


def test_runs_without_predictions_have_no_row_of_error_detection():
    table = classes_table(members_of(["a", "b", "c"], {"class_accuracy": [0.5, 1.0, 0.2]}, {}))
    assert [row[2] for row in table.texts] == ["accuracy"]


def test_runs_without_either_have_no_row():
    assert classes_table(members_of(["a", "b", "c"], {}, {})).rows == []


@pytest.mark.parametrize("number", [SHOWN_CLASSES + 1, 150])
def test_of_many_classes_the_least_accurate_are_shown_in_their_order(number):
    names = [f"class {k}" for k in range(number)]
    accuracies = [(37 * k % number) / number for k in range(number)]
    accuracies[5] = None
    table = classes_table(members_of(names, {"class_accuracy": accuracies}))
    known = [value for value in accuracies if value is not None]
    worst = sorted(known)[:SHOWN_CLASSES]
    expected = [name for name, value in zip(names, accuracies, strict=True) if value in worst]
    assert table.header[3:] == expected
    assert len(expected) == SHOWN_CLASSES
    assert f"(the {SHOWN_CLASSES} least accurate of {number})" in table.title
