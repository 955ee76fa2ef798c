"""Columns that many tables have: noise and method, and the columns of metrics."""

from collections.abc import Iterable, Sequence

from bench.evaluation.metrics import Metric
from bench.report.columns import Column, Methods, Summaries, Texts
from bench.report.grouping import Group
from bench.report.values import FORMATS, MethodLabel
from bench.store.record import Record

NOISE_AND_METHOD: tuple[Column, ...] = (Texts("noise"), Methods())
MULTIPLIED = {"thousandths": " ×10³"}  # what a heading says of a metric's scale


def method_labels(records: Iterable[Record]) -> dict[str, MethodLabel]:
    """Return the labels of the records' methods as cells, by their text."""
    return {r.spec.label: MethodLabel(r.spec.label, r.spec.oracle) for r in records}


def older_note(group: Group) -> list[str]:
    """Return a note that rows of older protocols and versions do not compete, if there are any."""
    if len(group.current) == len(group.labels):
        return []
    return ["Runs of older protocols and versions, named in brackets, are not compared with others."]


def metric_columns(metrics: Iterable[Metric]) -> Sequence[Summaries]:
    """Return a column for each metric, with its heading and scale."""
    return [
        Summaries(f"{each.heading}{MULTIPLIED.get(each.scale, '')}", each.name, FORMATS[each.scale])
        for each in metrics
    ]
