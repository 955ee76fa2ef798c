"""Shapes of a run's two tables: what tables and figures take for granted when they read them."""

import numpy as np

from bench.spec import RunSpec
from bench.store.csv_columns import Columns
from bench.store.record_models import NEEDED_SCORES

NO_EPOCHS = b"epoch\n"  # the log of a run that was imported
WATCHED = {"test": "test_accuracy", "held-out": "held_out_accuracy"}  # by what a run is evaluated on


def check_curves(curves: Columns) -> None:
    """Check accuracies after rejecting 0, 1, … 99 %: a column for each score.

    Raises:
        ValueError: a score, a row or a number is missing or impossible.
    """
    if not np.array_equal(curves["rejected"], np.arange(100) / 100):
        raise ValueError("curves.csv must have a row for each of 0, 0.01, … 0.99 rejected")
    for name in NEEDED_SCORES:
        if name not in curves:
            raise ValueError(f"curves.csv lacks the score {name}")
    _check_rates("curves.csv", {name: column for name, column in curves.items() if name != "rejected"})


def check_epochs(epochs: Columns, spec: RunSpec) -> None:
    """Check a training's log: a row for each epoch, with loss and accuracy.

    Raises:
        ValueError: an epoch, a column or a number is missing or impossible.
    """
    if not np.array_equal(epochs["epoch"], np.arange(1, spec.recipe.epochs + 1)):
        raise ValueError(f"epochs.csv must have a row for each of the epochs 1 to {spec.recipe.epochs}")
    for name in ("loss", WATCHED[spec.evaluate]):
        if name not in epochs or not np.isfinite(epochs[name]).all():
            raise ValueError(f"epochs.csv lacks numbers of {name}")
    _check_rates("epochs.csv", {name: column for name, column in epochs.items() if "accuracy" in name})


def _check_rates(file: str, columns: Columns) -> None:
    for name, column in columns.items():
        if ((column < 0) | (column > 1) | np.isinf(column)).any():
            raise ValueError(f"{file} holds a {name} that is not within 0 and 1")
