"""What many tables share: the columns of noise and method, and the note on older rows."""

from collections.abc import Iterable

from bench.report.columns import Column, Methods, Texts
from bench.report.grouping import Group
from bench.report.values import MethodLabel
from bench.spec import ImportedSpec
from bench.store.record import Record

NOISE_AND_METHOD: tuple[Column, ...] = (Texts("noise"), Methods())


def method_labels(records: Iterable[Record]) -> dict[str, MethodLabel]:
    """Return what cells of a `Methods` column hold, by the row label of the records' runs."""
    return {
        r.spec.label: MethodLabel(r.spec.label, r.spec.oracle, isinstance(r.spec, ImportedSpec)) for r in records
    }


def older_note(group: Group) -> list[str]:
    """Return a note that rows of older protocols and versions do not compete, if there are any."""
    if len(group.current) == len(group.labels):
        return []
    return ["Runs of older protocols and versions, named in brackets, are not compared with others."]
