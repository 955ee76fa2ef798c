"""Tables with a row for each cell of a group, their columns paired with what the cells hold."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench.evaluation.metrics import Metric
from bench.report.columns import Column, Summaries
from bench.report.grouping import Group
from bench.report.summaries import Summary, cost_over, over
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD
from bench.report.values import FORMATS
from bench.store.record import Record

Runs = list[Record]
# Columns, each with the function that takes its value from what a row is about.
ValuedColumns = Sequence[tuple[Column, Callable[[Any], Any]]]
MULTIPLIED = {"thousandths": " ×10³"}  # what a heading says of a metric's scale


def cell_table(
    group: Group,
    name: str,
    title: str,
    columns: ValuedColumns,
    notes: Sequence[str],
    subjects: Callable[[Runs], Iterable[Any]] = lambda runs: [runs],
) -> Table:
    """Return a table of noise, method and the columns, by noise, then method.

    Args:
        group: the runs.
        name, title: to which the group's are added.
        columns: what stands beside noise and method.
        notes: how to read the table.
        subjects: takes a cell's runs, and returns what each of its rows is about: usually one row
            about all runs.
    """
    labels = group.method_labels
    rows = [
        Row([noise.label, labels[label], *values(columns, subject)])
        for noise, label, cell in group.cells()
        for subject in subjects(cell)
    ]
    headings = [*NOISE_AND_METHOD, *without_values(columns)]
    return Table(f"{name}-{group.name}", f"{title}: {group.title}", headings, rows, notes)


def values(columns: ValuedColumns, subject: Any) -> list[Any]:
    """Return the values of a row about the subject."""
    return [value_of(subject) for _, value_of in columns]


def without_values(columns: ValuedColumns) -> list[Column]:
    """Return the columns alone."""
    return [column for column, _ in columns]


def mean_of(*path: str) -> Callable[[Runs], Summary | None]:
    """Return the function that summarises an entry of the metrics over runs."""
    return lambda runs: over(runs, *path)


def mean_cost(key: str) -> Callable[[Runs], Summary | None]:
    """Return the function that summarises an entry of the cost over runs."""
    return lambda runs: cost_over(runs, key)


def metric_columns(metrics: Iterable[Metric], mean_at: Callable[[str], Callable[[Any], Any]]) -> ValuedColumns:
    """Return a column for each metric, with its heading and scale, and what takes its value.

    Args:
        metrics: what the columns show.
        mean_at: takes a metric's name, and returns what takes its value from a row's subject.
    """
    return [
        (
            Summaries(f"{each.heading}{MULTIPLIED.get(each.scale, '')}", each.name, FORMATS[each.scale]),
            mean_at(each.name),
        )
        for each in metrics
    ]
