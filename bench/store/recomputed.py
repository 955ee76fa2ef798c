"""Cache of metrics that newer code made of stored predictions, in a folder beside the runs.

A cache and nothing else: what is torn, of another version or of another run does not count, and
where the folder is read-only nothing is kept.
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.evaluation.class_balance import ClassCounts
from bench.evaluation.metrics import of_class_counts
from bench.files.atomic import replace_file
from bench.store.csv_columns import check
from bench.store.record import Record
from bench.store.record_models import Metrics


class Recomputed(BaseModel):
    """Metrics and curves of a run, as its record.json and curves.csv would have them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: str  # of the run
    metrics_version: int
    metrics: Metrics
    curves: str


def recall(folder: Path, record: Record, version: int) -> Record | None:
    """Return the record with its cached metrics of this version, or None."""
    try:
        kept = Recomputed.model_validate_json(_file(folder, record).read_bytes())
        check(kept.curves.encode(), "curves", "rejected")
    except (OSError, ValueError):
        return None
    if (kept.outcome, kept.metrics_version) != (record.outcome, version):
        return None
    return record.with_metrics(kept.metrics, version, kept.curves.encode())


def keep(folder: Path, record: Record) -> None:
    """Keep a record's metrics, if the folder can be written to."""
    kept = Recomputed(
        outcome=record.outcome,
        metrics_version=record.metrics_version,
        metrics=record.metrics,
        curves=record.curves_csv.decode(),
    )
    with suppress(OSError), replace_file(_file(folder, record)) as file:
        file.write(kept.model_dump_json(exclude_unset=True).encode())


def filled_in(record: Record) -> Record:
    """Return the record with the metrics that follow from its confusion matrix, if it has one."""
    matrix, entries = record.metrics.confusion or [], record.metrics.entries()
    is_square = {len(row) for row in matrix} == {len(matrix)}
    if not is_square or not sum(map(sum, matrix)) == record.metrics.samples < 2**53:
        return record
    found = of_class_counts(ClassCounts.of_confusion(np.array(matrix)))
    added = {name: value for name, value in found.items() if name not in entries}
    return replace(record, metrics=Metrics.model_validate(entries | added))


def _file(folder: Path, record: Record) -> Path:
    return folder / f"{record.spec.identity}.json"
