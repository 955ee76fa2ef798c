"""How accuracy changes with the choice of the epoch: last, or best on held-out or test labels."""

import numpy as np

from bench.report.columns import Summaries
from bench.report.grouping import Group
from bench.report.summaries import summarise
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD, method_labels
from bench.store.csv_columns import Columns

TEST, HELD_OUT = "test_accuracy", "held_out_accuracy"


def epochs_table(group: Group) -> Table:
    """Return the test accuracy of each method at three epochs, over runs tested at every epoch."""
    labels, choices = method_labels(group.records), (last, held_out, oracle)
    rows = [
        Row([noise.label, labels[label], *(summarise(map(choose, tested)) for choose in choices)])
        for noise, label, cell in group.cells()
        if (tested := [log for log in (record.epochs for record in cell) if TEST in log])
    ]
    return Table(
        f"epochs-{group.name}",
        f"Test accuracy (%) by the choice of the epoch: {group.title}",
        [*NOISE_AND_METHOD, Summaries("last"), Summaries("held-out", "held_out"), Summaries("oracle")],
        rows,
        [
            "Last: as in all other tables. Held-out: the epoch that is best on the noisy labels of the "
            "held-out part, – without one. Oracle: the best on the test set itself, which nobody can "
            "choose."
        ],
    )


def last(log: Columns) -> float:
    """Return the test accuracy of the last epoch."""
    return float(log[TEST][-1])


def held_out(log: Columns) -> float | None:
    """Return that of the first epoch that is best on the held-out part, None without one."""
    return float(log[TEST][int(np.argmax(log[HELD_OUT]))]) if HELD_OUT in log else None


def oracle(log: Columns) -> float:
    """Return the best of all epochs."""
    return float(np.max(log[TEST]))
