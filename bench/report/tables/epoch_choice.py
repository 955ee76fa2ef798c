"""What choosing the epoch would change: the last, the best on noisy held-out labels, the best on the test set."""

import numpy as np

from bench.report.grouping import Group
from bench.report.summaries import summarise
from bench.report.table import Table, percent
from bench.store.csv_columns import Columns

TEST, HELD_OUT = "test_accuracy", "held_out_accuracy"


def epochs(group: Group) -> Table:
    """Return the test accuracy of each method at the three epochs, over runs that were tested at each."""
    rows = [
        [noise.label, label, *(percent(summarise(map(choose, tested))) for choose in (last, chosen, oracle))]
        for noise, label, cell in group.cells()
        if (tested := [log for log in (record.epochs for record in cell) if TEST in log])
    ]
    return Table(
        f"epochs-{group.name}",
        f"Test accuracy (%) by the choice of the epoch: {group.title}",
        ["noise", "method", "last", "held-out", "oracle"],
        rows,
        [
            "Last: as in all other tables. Held-out: the epoch that is best on the noisy labels of the held-out "
            "part, – without one. Oracle: the best on the test set itself, which nobody can choose."
        ],
    )


def last(log: Columns) -> float:
    """Return the test accuracy of the last epoch."""
    return float(log[TEST][-1])


def chosen(log: Columns) -> float | None:
    """Return that of the first epoch that is best on the held-out part, None without one."""
    return float(log[TEST][int(np.argmax(log[HELD_OUT]))]) if HELD_OUT in log else None


def oracle(log: Columns) -> float:
    """Return the best of all epochs."""
    return float(np.max(log[TEST]))
