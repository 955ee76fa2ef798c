"""What becomes of each class: its accuracy, and how well errors are detected among its images."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from bench.evaluation.metrics import CLASS_ACCURACY, CLASS_AUROC
from bench.report.columns import Summaries, Texts
from bench.report.grouping import SHOWN_CLASSES, Group
from bench.report.summaries import Summary, entry, summarise
from bench.report.table import Table
from bench.report.tables.cell_table import Runs, ValuedColumns, cell_table
from bench.report.values import PERCENT

# Of each row: its words, and where its list by class lies in the metrics.
MEASURES: dict[str, tuple[str, ...]] = {
    CLASS_ACCURACY.heading: (CLASS_ACCURACY.name,),
    f"{CLASS_AUROC.heading}: own": (CLASS_AUROC.name, "own"),
    f"{CLASS_AUROC.heading}: msp": (CLASS_AUROC.name, "msp"),
}


class MeasuredRuns(NamedTuple):
    """The runs of a cell, and the measure that a row is about."""

    measure: str
    runs: Runs


def classes_table(group: Group) -> Table:
    """Return accuracy and error detection by class, of the least accurate classes if many."""
    names = group.records[0].classes
    shown = _shown(group)
    columns: ValuedColumns = [
        (Texts("of"), lambda row: row.measure),
        *((Summaries(names[k], form=PERCENT), _of_class(k)) for k in shown),
    ]
    part = f" (the {len(shown)} least accurate of {len(names)})" if len(shown) < len(names) else ""
    return cell_table(
        group,
        "classes",
        f"Accuracy and error detection (%) by true class{part}",
        columns,
        [
            "AUROC: of detecting the errors among a class's images, by the method's own score and by 1 − max "
            "softmax of the same checkpoint. –: the class has no error, nothing but errors or no image, or "
            "the run's predictions are not here.",
        ],
        _measured,
    )


def _shown(group: Group) -> list[int]:
    """Return the classes to show, in their order: all, or those of least mean accuracy."""
    number = len(group.records[0].classes)
    if group.has_few_classes:
        return list(range(number))
    found = [entry(record, CLASS_ACCURACY.name) for record in group.records]
    known = np.array([each for each in found if each is not None], dtype=float).reshape(-1, number)
    means = [float(column[~np.isnan(column)].mean()) if not np.isnan(column).all() else 2.0 for column in known.T]
    return sorted(np.argsort(means, kind="stable")[:SHOWN_CLASSES].tolist())


def _measured(runs: Runs) -> Iterator[MeasuredRuns]:
    """Yield what each row of a cell is about; a measure that no run has gives none."""
    return (
        MeasuredRuns(measure, runs)
        for measure, path in MEASURES.items()
        if any(entry(record, *path) is not None for record in runs)
    )


def _of_class(place: int) -> Callable[[MeasuredRuns], Summary | None]:
    def mean(row: MeasuredRuns) -> Summary | None:
        found = [entry(record, *MEASURES[row.measure]) for record in row.runs]
        return summarise(None if each is None else each[place] for each in found)

    return mean
