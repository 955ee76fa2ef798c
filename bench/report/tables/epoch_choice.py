"""How accuracy changes with the choice of the epoch: last, or best on held-out or test labels."""

import numpy as np

from bench.report.columns import Summaries
from bench.report.grouping import Group
from bench.report.summaries import summarise
from bench.report.table import Table
from bench.report.tables.cell_table import Runs, cell_table
from bench.store.csv_columns import Columns

TEST, HELD_OUT = "test_accuracy", "held_out_accuracy"


def epochs_table(group: Group) -> Table:
    """Return the test accuracy of each method at three epochs, over runs tested at every epoch."""
    return cell_table(
        group,
        "epochs",
        "Test accuracy (%) by the choice of the epoch",
        [
            (Summaries("last"), lambda logs: summarise(map(last, logs))),
            (Summaries("held-out", "held_out"), lambda logs: summarise(map(held_out, logs))),
            (Summaries("oracle"), lambda logs: summarise(map(oracle, logs))),
        ],
        [
            "Last: as in all other tables. Held-out: the epoch that is best on the noisy labels of the "
            "held-out part, – without one. Oracle: the best on the test set itself, which nobody can "
            "choose."
        ],
        lambda runs: [logs] if (logs := _tested(runs)) else [],
    )


def _tested(runs: Runs) -> list[Columns]:
    """Return the logs of the runs that were tested at every epoch."""
    return [log for log in (record.epochs for record in runs) if TEST in log]


def last(log: Columns) -> float:
    """Return the test accuracy of the last epoch."""
    return float(log[TEST][-1])


def held_out(log: Columns) -> float | None:
    """Return the test accuracy of the epoch with the best held-out accuracy, the first of equals.

    None without a held-out part.
    """
    return float(log[TEST][int(np.argmax(log[HELD_OUT]))]) if HELD_OUT in log else None


def oracle(log: Columns) -> float:
    """Return the best test accuracy of all epochs."""
    return float(np.max(log[TEST]))
